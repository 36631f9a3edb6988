"""A round of situations in a real browser: marked by mouse and keyboard, without any script."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from test_widgets import HOSTILE, Open, open_page

from illusionkit.interactive.quiz import Situation, Suspect, quiz

__all__ = ["open_page"]

COPIES = Suspect("copies", "Count what stands in both.", "copies.ipynb")
LUCK = Suspect("best of many", "Ask fresh rows.", "luck.ipynb")
ROUND = (Situation("Too good.", COPIES), Situation("Never again.", LUCK, "It was asked."))


def html(situations: tuple[Situation, ...] = ROUND) -> str:
    return str(quiz(situations, title="A round").data)


def marks(page: Any, which: int) -> str:
    """Return the marks of a situation that are to be seen."""
    return "".join(
        mark.text_content()
        for mark in page.locator(".ik-asked").nth(which).locator(".ik-yes, .ik-no").all()
        if mark.is_visible()
    )


@pytest.mark.parametrize("scripts", [True, False])
def test_an_answer_is_marked_at_once(open_page: Open, scripts: bool) -> None:
    page = open_page(html(), java_script_enabled=scripts)
    first = page.locator(".ik-asked").first
    assert marks(page, 0) == ""
    first.get_by_role("radio", name="1: best of many").check()
    assert marks(page, 0) == "✗"
    first.get_by_role("radio", name="2: copies").check()
    first.get_by_role("radio", name="B: Count what stands in both.").check()
    assert marks(page, 0) == "✓✓" and marks(page, 1) == ""
    assert first.get_by_role("status").first.get_by_role("img", name="right").is_visible()


def test_the_arrow_keys_choose_and_the_solution_unfolds(open_page: Open) -> None:
    page = open_page(html())
    second = page.locator(".ik-asked").nth(1)
    second.get_by_role("radio", name="1: best of many").focus()
    page.keyboard.press("ArrowLeft")  # round to the last: none
    assert second.get_by_role("radio", name="none: Nothing is wrong").is_checked()
    assert marks(page, 1) == "✓"
    page.keyboard.press("Enter")
    assert second.get_by_role("radio", name="none: Nothing is wrong").is_checked()
    second.locator("summary").focus()
    page.keyboard.press("Enter")
    assert second.get_by_text("It was asked.").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible_and_fits_a_phone(open_page: Open, scheme: str) -> None:
    page = open_page(html())
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 360, "height": 700})
    for name in ("2: copies", "A: Ask fresh rows."):
        page.locator(".ik-asked").first.get_by_role("radio", name=name).check()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    found = Axe().run(page, context=".ik")
    assert not found.response["violations"], found.generate_report()


def test_no_text_of_a_situation_becomes_markup(open_page: Open) -> None:
    hostile = Situation(HOSTILE, Suspect(HOSTILE, HOSTILE, "a.ipynb"), HOSTILE)
    page = open_page(html((hostile, ROUND[0])))
    assert page.locator(".ik-asked").count() == 2 and page.locator("img").count() == 0
    assert page.evaluate("window.pwned === undefined")
