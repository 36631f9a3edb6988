"""Measure a page as its reader meets it: words, code, claims a section, the first thing to touch.

    python book/measure_page.py chapters/…/x.ipynb …     these pages
    python book/measure_page.py                          every page of the book

A word is what stands between blanks and holds a letter. All that can be read in the article
counts, folded or not, the frames of a scene as well; code, mathematics, claims and the entries of
a list that is looked up do not. Lines of code are neither blank nor a comment. The words are
counted from the notebook, without a build: a citation counts as what is written for it. What is
above its limit, and what gives an answer away (book/spoilers.py), is marked with ✗. Of pages that
are named the first screen on a phone is measured too (book/first_screen.py).
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

import yaml
from bs4 import BeautifulSoup
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat import NotebookNode

sys.path.insert(0, str(Path(__file__).resolve().parent))
import first_screen
import hygiene
import notebooks
import numerals
import spoilers
from begin import FOLDERS

WORDS, DEEP_WORDS = 1100, 1500
ALL_LINES = 150
PAYLOAD = 40_000
TOUCHED = ("scene", "predict", "explore")
UNREAD = (
    "script, style, svg, .cell_input pre, pre > code, [class^=highlight-], .math, .eqno, "
    ".headerlink, .book-claims, .expanded, .ik-finder li, .ik-list li"
)
"""What does not count as words in HTML: code, mathematics, claims, pictures, lists that are looked
up (folded texts behind dots, too), and what a fold is called once it is open."""
PROGRAM = re.compile(r"^(`{3,})(?:python|bash|sh|console|diff|\{code)[^\n]*\n(.*?)^\1", re.M | re.S)
MARKS = re.compile(r"^:(?:::+.*|(?!alt:)[\w-]+:.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Measure:
    """What one page asks of its reader."""

    words: int
    most_words: int
    visible_lines: int
    all_lines: int
    claims: dict[str, int]  # by section
    payloads: list[int]  # bytes of each scene's data
    above: list[str]  # what stands above the first thing to touch, and may not
    guess: bool

    @property
    def complaints(self) -> list[str]:
        """What is above its limit, or missing; empty if nothing."""
        limits = (
            (self.words, self.most_words, "words"),
            (self.visible_lines, hygiene.PAGE_LINES, "visible lines of code"),
            (self.all_lines, ALL_LINES, "lines of code"),
            (max(self.payloads, default=0), PAYLOAD, "bytes of data in a scene"),
        )
        return [
            *(f"{got} {what}, {most} at most" for got, most, what in limits if got > most),
            *([] if self.guess else ["nowhere does the reader guess"]),
            *self.above,
        ]


def words(html: str) -> int:
    """Return how many words of a piece of HTML a reader may read."""
    soup = BeautifulSoup(html, "html.parser")
    for unread in soup.select(UNREAD):
        unread.decompose()
    text = soup.get_text(" ")
    return sum(any(sign.isalpha() for sign in token) for token in text.split())


def measured(path: Path) -> Measure:
    """Return the measure of a notebook."""
    notebook = notebooks.read(path)
    shown = [c for c in notebook.cells if "remove-cell" not in c.metadata.get("tags", [])]
    code = [c for c in shown if c.cell_type == "code"]
    fenced = [m[2] for c in shown if c.cell_type == "markdown" for m in PROGRAM.finditer(c.source)]
    listed = sum(len([line for line in text.splitlines() if line.strip()]) for text in fenced)
    return Measure(
        words=sum(words(piece) for cell in shown for piece in rendered(cell)),
        most_words=DEEP_WORDS if is_long(path) else WORDS,
        visible_lines=hygiene.visible_lines(notebook) + listed,
        all_lines=sum(map(hygiene.code_lines, code)) + listed,
        claims=claims_by_section(shown),
        payloads=[len(data.encode()) for data in notebooks.payloads(code, "scene")],
        above=list(above_the_first(shown)),
        guess=any(list(spoilers.questions(0, text)) for text in notebooks.html_of(code)),
    )


def rendered(cell: NotebookNode) -> Iterator[str]:
    """Yield about what a cell adds to the page's HTML, without its code."""
    if cell.cell_type == "markdown":
        markdown = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin)
        yield markdown.render(MARKS.sub("", cell.source))
        return
    book = cell.metadata.get("mystnb", {})
    hidden = {"hide-input", "hide-cell"} & set(cell.metadata.get("tags", []))
    prompts = book.get("code_prompt_show", "") if hidden else ""
    yield f"<p>{prompts} {book.get('figure', {}).get('caption', '')}</p>"
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if output.output_type == "stream":
            yield f"<p>{escape(without_claims(notebooks.text_of(output.text)))}</p>"
        elif "text/html" in data:
            yield notebooks.text_of(data["text/html"])
        elif not any(kind.startswith("image/") for kind in data):
            yield f"<p>{escape(notebooks.text_of(data.get('text/plain', '')))}</p>"


def without_claims(text: str) -> str:
    """Return what a cell printed without the lines that are claims."""
    return numerals.CLAIM.sub("", text)


def claims_by_section(cells: list[NotebookNode]) -> dict[str, int]:
    """Return how many claims stand under each heading of the second level."""
    section, found = "(top)", {}
    for cell in cells:
        if cell.cell_type == "markdown":
            titles = re.findall(r"^## +(.+)$", cell.source, re.MULTILINE)
            section = titles[-1] if titles else section
            continue
        made = sum(
            len(numerals.CLAIM.findall(text))
            for kind, text in notebooks.output_texts(cell)
            if kind == "stdout"
        )
        if made:
            found[section] = found.get(section, 0) + made
    return found


def above_the_first(cells: list[NotebookNode]) -> Iterator[str]:
    """Yield what keeps the first thing to touch from the first screen."""
    for cell in cells:
        if cell.cell_type == "markdown":
            if re.search(r"^## ", cell.source, re.MULTILINE):
                yield "a section begins above the first thing to touch"
            continue
        text = "".join(text for _, text in notebooks.output_texts(cell))
        touched = any(f'data-ik="{kind}"' in text for kind in TOUCHED)
        if touched and "scene" in cell.metadata.get("tags", []):
            return
        yield f"code stands above the first thing to touch: {cell.id}"
        if touched:
            return
    yield "there is nothing to touch"


def is_long(path: Path, root: Path = notebooks.ROOT) -> bool:
    """Return whether a page may be longer: mathematics, an appendix, or a deep dive.

    A deep dive is nested below another page in the contents, unless that page is a step of the
    pipeline, as `collect` is, whose illusions stand in its folder.
    """
    if path.parent.name == "04-mathematics":
        return True
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    name = path.resolve().with_suffix("").as_posix().removeprefix(f"{root.as_posix()}/")
    for part in toc.get("parts", []):
        for page in part["chapters"]:
            below = set(notebooks.below(page))
            opened = {e["file"] for e in page.get("sections", []) if _in_folder(e, page)}
            if name in [page["file"], *below]:
                return part["caption"] == "Appendix" or name in below - opened
    return False


def _in_folder(section: dict, page: dict) -> bool:
    folder = Path(section["file"]).parent
    steps = {Path(each).name for each in FOLDERS.values()}
    return folder == Path(page["file"]) and folder.name in steps


def told(path: Path, away: list[str], screen: str = "") -> str:
    """Return a page's measure in a few lines, with what it gives away and its first screen."""
    if left := hygiene.never_run(notebooks.read(path)):
        return (
            f"{path.stem}\n  ✗ {left} cells were never run, and what they show counts: "
            f"`make notebooks PAGES={path}`"
        )
    m = measured(path)
    by = ", ".join(f"{n} in {section!r}" for section, n in m.claims.items())
    data = ", ".join(f"{n / 1000:.1f} kB" for n in m.payloads) or "no scene"
    return "\n".join(
        [
            f"{path.stem}: {m.words} words of {m.most_words}, code lines {m.visible_lines} visible "
            f"of {hygiene.PAGE_LINES} and {m.all_lines} in all of {ALL_LINES}, {data}",
            f"  {sum(m.claims.values())} claims: {by}",
            *([f"  {screen}"] if screen else []),
            *(f"  ✗ {complaint}" for complaint in (*m.complaints, *away)),
        ]
    )


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit status: 1 if anything is above its limit."""
    parser = argparse.ArgumentParser(
        prog="book/measure_page.py", description=__doc__.split("\n")[0]
    )
    parser.add_argument("pages", nargs="*", type=Path, help="notebooks; all of the book if none")
    named = parser.parse_args(argv).pages
    given, screens = spoilers.spoilers(spoilers.contents()), first_screen.told(named)
    lines = [
        told(path, [said for page, said in given if page == path.stem], screens.get(path, ""))
        for path in named or notebooks.pages()
    ]
    print(*lines, sep="\n")
    return 1 if "✗" in "".join(lines) else 0


if __name__ == "__main__":
    raise SystemExit(main())
