"""How much room a page's first figure leaves on a phone's first screen, before the site is built.

    python book/first_screen.py chapters/…/x.ipynb …     these pages
    python book/first_screen.py                          every page of the book

What a notebook holds above its first figure, and the figure, are put into its page of the site as
it was built last (`make book`); a new page borrows another's. So a sentence that grew is seen at
once. It takes a browser ($CHROMIUM, or one on the PATH) and about a second a page. A page whose
figure does not fit is marked with ✗, one with less room than a line with !: the next word may be
too many.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

sys.path.insert(0, str(Path(__file__).resolve().parent))
import notebooks

SITE = notebooks.ROOT / "_build" / "html"
PHONE = {"width": 390, "height": 844}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
OPENING = Path(notebooks.OPENING).with_suffix(".html").name
UNMEASURED = (
    "the first screen was not measured: it takes a browser, what the tests need "
    "(`make .venv/.test`), and a site (`make book`)"
)
FIGURE = 'data-ik="'
MARK = '<a class="headerlink" href="#">#</a>'
"""What the theme puts behind a title, and what may take it to another line."""
ROLE = re.compile(r"\{\w+\}`([^`<]*?)(?: <[^`>]*>)?`")

PUT = """([above, figure]) => {
  const old = document.querySelector('.bd-article [data-ik]'), cell = old.closest('.cell');
  while (cell.previousElementSibling) cell.previousElementSibling.remove();
  cell.insertAdjacentHTML('beforebegin', above);
  old.replaceWith(document.createRange().createContextualFragment(figure));
}"""
"""Gives the page another beginning; the figure's script runs."""

ROOM = """() => document.fonts.ready.then(() => {
  const figure = document.querySelector('.bd-article [data-ik]');
  const line = parseFloat(getComputedStyle(figure.querySelector('p')).lineHeight);
  return [innerHeight - figure.getBoundingClientRect().bottom - scrollY, line];
})"""


@dataclass(frozen=True)
class Room:
    """The pixels between a page's first figure and the end of the screen, and those of a line."""

    left: float
    line: float

    def __str__(self) -> str:
        if self.left < 0:
            return f"✗ the first figure is {-self.left:.0f} pixels too high for a phone"
        lines = self.left / self.line
        return f"{'! ' * (lines < 1)}{lines:.1f} lines of a phone's first screen are left"


def find_chromium() -> str | None:
    """Return the path of a browser that can be driven: $CHROMIUM, or one on the PATH."""
    given = os.environ.get("CHROMIUM")
    if given:
        return given if Path(given).is_file() else None
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


@contextmanager
def phone(chromium: str) -> Iterator[Any]:
    """Give the page of a headless browser, of a phone's size."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield browser.new_page(viewport=PHONE)


def beginning(path: Path) -> tuple[str, str] | None:
    """Return the HTML above a notebook's first figure, and that of the figure; None without."""
    markdown = MarkdownIt("commonmark", {"typographer": True}).enable("smartquotes")
    above = []
    for cell in notebooks.read(path).cells:
        if cell.cell_type == "markdown":
            above.append(markdown.render(ROLE.sub(r"\1", cell.source)))
            continue
        for kind, text in notebooks.output_texts(cell):
            if kind == "text/html" and FIGURE in text:
                return "".join(above).replace("</h1>", f"{MARK}</h1>"), text
    return None


def stage(path: Path, site: Path) -> Path:
    """Return the built page on which a notebook's beginning is shown: its own, or the opening."""
    inside = path.resolve().is_relative_to(notebooks.ROOT)
    own = path.resolve().relative_to(notebooks.ROOT) if inside else Path(notebooks.OPENING)
    built = site / own.with_suffix(".html")
    return built if built.is_file() else site / OPENING


def room(page: Any, path: Path, site: Path = SITE) -> Room | None:
    """Return the room that a notebook's first figure leaves; None where there is no figure.

    ``page`` is a browser's, ``site`` a built one.
    """
    found = beginning(path)
    if found is None:
        return None
    page.goto(stage(path, site).as_uri())
    page.evaluate(PUT, found)
    return Room(*page.evaluate(ROOM))


def told(paths: list[Path], site: Path = SITE) -> dict[Path, str]:
    """Return a line for each page that has a figure, or for all what is missing to measure it."""
    chromium, driver = find_chromium(), find_spec("playwright")
    if chromium is None or driver is None or not (site / OPENING).is_file():
        return dict.fromkeys(paths, UNMEASURED)
    with phone(chromium) as page:
        rooms = {path: room(page, path, site) for path in paths}
    return {path: str(found) for path, found in rooms.items() if found}


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit status: 1 if a figure does not fit."""
    parser = argparse.ArgumentParser(
        prog="book/first_screen.py", description=__doc__.split("\n")[0]
    )
    parser.add_argument("pages", nargs="*", type=Path, help="notebooks; all of the book if none")
    lines = told(parser.parse_args(argv).pages or notebooks.pages())
    print(*(f"{path.stem}: {line}" for path, line in lines.items()), sep="\n")
    return 1 if "✗" in "".join(lines.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
