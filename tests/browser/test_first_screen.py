"""A page's first screen is measured from its notebook as it will be in the site."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import first_screen
import notebooks
import pytest
import rota
from building import ROOT
from test_site import FIRST, PHONE

NAMES = [*(path.relative_to(ROOT) for path in rota.chosen()), Path(notebooks.OPENING)]


@pytest.fixture
def phone(browser: Any) -> Any:
    page = browser.new_page(viewport=PHONE)
    yield page
    page.close()


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_the_room_is_that_of_the_built_page(phone: Any, site: Path, name: Path) -> None:
    phone.goto((site / name.with_suffix(".html")).as_uri())
    shown = phone.evaluate(FIRST)
    found = first_screen.room(phone, ROOT / name, site)
    assert found.left == pytest.approx(shown["height"] - shown["bottom"], abs=1)


def test_a_page_that_is_not_built_borrows_another(phone: Any, site: Path, tmp_path: Path) -> None:
    """The same beginning takes the same room; one more line in it, a line less."""
    own, new = ROOT / notebooks.OPENING, tmp_path / "new.ipynb"
    notebook = notebooks.read(own)
    notebooks.write(notebook, new)
    before = first_screen.room(phone, own, site)
    assert first_screen.room(phone, new, site) == before
    title = next(cell for cell in notebook.cells if cell.cell_type == "markdown")
    title.source += "\n\nOne."
    notebooks.write(notebook, new)
    assert first_screen.room(phone, new, site).left <= before.left - before.line


@pytest.mark.parametrize(
    ("left", "line"),
    [
        (60, "2.5 lines of a phone's first screen are left"),
        (12, "! 0.5 lines of a phone's first screen are left"),
        (-3, "✗ the first figure is 3 pixels too high for a phone"),
    ],
)
def test_less_than_a_line_is_marked(left: float, line: str) -> None:
    assert str(first_screen.Room(left, 24)) == line


def test_without_a_site_it_says_so(tmp_path: Path) -> None:
    page = ROOT / notebooks.OPENING
    assert first_screen.told([page], tmp_path) == {page: first_screen.UNMEASURED}
