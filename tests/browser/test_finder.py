"""A list that is narrowed down, in a real browser: by mouse and keyboard, without any script."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from test_widgets import HOSTILE, Open, open_page

from illusionkit.interactive import Entry, finder

__all__ = ["open_page"]

PLACES = [("texts", "collect"), ("tables", "collect"), ("tables", "evaluate"), ("mail", "collect")]
ENTRIES = [
    Entry(f"Symptom {n}.", f"illusion {n}", f"page-{n}.ipynb", "Look twice.", place)
    for n, place in enumerate(PLACES)
]


def html(entries: list[Entry] = ENTRIES) -> str:
    return str(finder(entries, title="What do you see?", by=("Your data", "Step")).data)


def seen(page: Any) -> list[int]:
    """Return the numbers of the entries that are to be seen."""
    return [n for n, item in enumerate(page.locator("li").all()) if item.is_visible()]


def test_two_choices_leave_what_belongs_to_both(open_page: Open) -> None:
    page = open_page(html())
    assert seen(page) == [0, 1, 2, 3]
    page.get_by_role("radio", name="tables").check()
    assert seen(page) == [1, 2]
    page.get_by_role("radio", name="collect").check()
    assert seen(page) == [1]
    page.get_by_role("group", name="Your data").get_by_role("radio", name="All").check()
    assert seen(page) == [0, 1, 3]


def test_the_arrow_keys_choose_and_the_count_follows(open_page: Open) -> None:
    page = open_page(html())
    count = 'getComputedStyle(document.querySelector(".ik-count"), "::before").content'
    assert page.evaluate(count) == "counter(ik-found)"
    page.get_by_role("group", name="Your data").get_by_role("radio", name="All").focus()
    page.keyboard.press("ArrowRight")
    assert seen(page) == [0]
    page.keyboard.press("ArrowRight")
    assert seen(page) == [1, 2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible_and_fits_a_phone(open_page: Open, scheme: str) -> None:
    page = open_page(html())
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 360, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    found = Axe().run(page, context=".ik")
    assert not found.response["violations"], found.generate_report()


def test_no_text_of_an_entry_becomes_markup(open_page: Open) -> None:
    page = open_page(html([Entry(HOSTILE, HOSTILE, "a.ipynb", HOSTILE, (HOSTILE, HOSTILE))]))
    assert page.locator("li").count() == 1 and page.locator("li p").count() == 3
    assert page.evaluate("window.pwned === undefined")
