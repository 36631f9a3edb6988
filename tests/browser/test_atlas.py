"""The list of all illusions in a real browser: order, search, choices, keyboard, no script."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from test_widgets import Open, open_page

from illusionkit.illusions.catalogue import catalogue
from illusionkit.interactive import atlas

__all__ = ["open_page"]

SOME = ["group-leakage", "broken-column", "accepted-only", "scaling-published"]


@pytest.fixture(scope="module")
def html() -> str:
    table = catalogue(SOME)
    return str(atlas(table, title="All", links=dict.fromkeys(table["page"], "page.ipynb")).data)


def names(page: Any) -> list[str]:
    """Return the ids of the rows that are to be seen, in the order in which they stand."""
    rows = page.locator(".ik-atlas li").all()
    return [row.locator("code").text_content() for row in rows if row.is_visible()]


def test_it_is_put_in_order_and_searched(open_page: Open, html: str) -> None:
    page, table = open_page(html), catalogue(SOME)
    assert names(page) == SOME
    page.get_by_role("radio", name="Size").check(force=True)
    assert names(page) == table.sort_values("size", ascending=False)["id"].tolist()
    page.get_by_role("radio", name="Name").check(force=True)
    assert names(page) == table.sort_values("title")["id"].tolist()
    page.get_by_role("searchbox", name="Search").fill("SCALER")
    assert names(page) == ["scaling-published"]
    page.get_by_role("searchbox", name="Search").fill("scaler nobody")
    assert names(page) == []
    page.get_by_role("searchbox", name="Search").fill("")
    page.get_by_role("radio", name="Book").check(force=True)
    assert names(page) == SOME


def test_search_and_choice_leave_what_belongs_to_both(open_page: Open, html: str) -> None:
    page = open_page(html)
    steps = page.get_by_role("group", name="Step")
    steps.get_by_role("radio", name="All").focus()
    page.keyboard.press("ArrowRight")
    assert names(page) == SOME[:2]
    page.get_by_role("searchbox").fill("column")
    assert names(page) == ["broken-column"]


def test_more_opens_by_the_keyboard(open_page: Open, html: str) -> None:
    page = open_page(html)
    first = page.locator("details").first
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    assert first.evaluate("one => one.open") and "To check:" in first.text_content()


def test_without_scripts_the_list_stands_and_is_narrowed_down(open_page: Open, html: str) -> None:
    page = open_page(html, java_script_enabled=False)
    assert not page.get_by_role("searchbox").is_visible()
    page.get_by_role("radio", name="applications").check(force=True)
    assert names(page) == ["accepted-only"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_keeps_anybody_out(open_page: Open, html: str, theme: str, width: int) -> None:
    page = open_page(html, color_scheme=theme, viewport={"width": width, "height": 844})
    page.locator("summary").first.click()
    found = Axe().run(page, options={"rules": {"region": {"enabled": False}}})
    assert not found.response["violations"], found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
