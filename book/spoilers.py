"""What gives a page's answer away before its reader has guessed.

    python book/spoilers.py      every page, in the order of the contents

A page asks for numbers, by `predict` or by a scene with a guess. Before its first question a page
may say what it likes, and earlier pages may say that too. What it proves after the question is its
answer: no earlier page may name one of those claims, nor, in a block of text that links to the
page, state one with a claim of its own, or print the number asked for. And above the question the
page itself may not state a claim that has the answer's value. Only this can be seen by a program;
whether words give it away, a reader sees.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import notebooks
import numerals

LINK = re.compile(r"\]\((?!https?:)([^)\s#]+)[^)]*\)")
NUMBER = re.compile(r"(?<![\w.,§])\d+(?:,\d{3})*(?:\.\d+)?(?![\w]|[.,]\d)")
BLOCK = re.compile(r"\n\s*\n|\n(?=\s*(?:[|*-]|\d+\.)\s)")


@dataclass(frozen=True)
class Question:
    """A number that a page asks for, in which of its cells, and what a scene shows before."""

    cell: int
    answer: float
    decimals: int
    first_words: str = ""

    def is_answered_by(self, value: float, decimals: int) -> bool:
        """Return whether a value that is known to so many decimals is the answer.

        A share of 0.62 answers for 62 of 100 as well.
        """
        for scale in (1.0, 100.0):
            own = 0.5 * 10.0**-decimals * scale
            if abs(scale * value - self.answer) <= own + 1e-9:
                return True
        return False


@dataclass
class Page:
    """What a page asks, says and proves, and where."""

    path: Path
    questions: list[Question] = field(default_factory=list)
    prose: list[tuple[int, numerals.Prose]] = field(default_factory=list)
    claims: dict[str, tuple[int, numerals.Claim]] = field(default_factory=dict)
    blocks: list[tuple[int, str]] = field(default_factory=list)

    @property
    def revealed(self) -> dict[str, numerals.Claim]:
        """The claims that the page proves from its first question on, by "page#name"."""
        first = min((q.cell for q in self.questions), default=sys.maxsize)
        made = self.claims.items()
        return {f"{self.path.stem}#{name}": claim for name, (at, claim) in made if at >= first}


def contents(root: Path = notebooks.ROOT) -> list[Path]:
    """Return the pages of the book in the order in which they are read."""
    names = notebooks.documents(root)
    tries = (root / f"{name}{ending}" for name in names for ending in (".ipynb", ".md"))
    return [path for path in tries if path.is_file()]


@cache
def read(path: Path) -> Page:
    """Return what a page asks, says and proves."""
    page = Page(path)
    if path.suffix != ".ipynb":
        page.prose = [(0, prose) for prose in numerals.page_prose(path)]
        page.blocks = [(0, block) for block in BLOCK.split(path.read_text(encoding="utf-8"))]
        return page
    made = numerals.made_in(path)
    for at, cell in enumerate(notebooks.read(path).cells):
        page.prose.append((at, numerals.cell_prose(path.stem, cell)))
        if cell.cell_type == "markdown":
            page.blocks += [(at, block) for block in BLOCK.split(cell.source)]
            continue
        for kind, text in notebooks.output_texts(cell):
            if kind == "text/html":
                page.questions += questions(at, text)
            names = [match["name"].strip() for match in numerals.CLAIM.finditer(text)]
            page.claims |= {name: (at, made[name]) for name in names if name in made}
    return page


def questions(cell: int, html: str) -> Iterator[Question]:
    """Yield the questions of a cell's output."""
    for data in map(json.loads, notebooks.DATA.findall(html)):
        asked = data if 'data-ik="predict"' in html else data.get("guess")
        if isinstance(asked, dict) and "answer" in asked:
            first = data.get("frames", [{}])[0].get("says", "")
            yield Question(cell, asked["answer"], asked["decimals"], first)


def spoilers(pages: list[Path]) -> list[tuple[str, str]]:
    """Return (page that spoils, what it gives away) of pages in the order of their reading."""
    read_pages = [read(path) for path in pages]
    found = []
    for n, page in enumerate(read_pages):
        found += [(page.path.stem, said) for said in too_soon(page)]
        for later in read_pages[n + 1 :]:
            found += [(page.path.stem, said) for said in of_another(page, later)]
    return found


def too_soon(page: Page) -> Iterator[str]:
    """Yield what a page states above its own question and answers it."""
    for asked in page.questions:
        for name, (at, claim) in page.claims.items():
            if at < asked.cell and asked.is_answered_by(claim.value, claim.decimals):
                yield f"claims {name!r} above the question that it answers"
        for at, prose in page.prose:
            stated = _named(prose) if at < asked.cell else {}
            for printed, name in stated.items():
                own = page.claims.get(name.partition("#")[2])
                if own and asked.is_answered_by(own[1].value, own[1].decimals):
                    yield f"says {printed!r} above the question that it answers"
        if any(_is(number, asked) for number in NUMBER.findall(asked.first_words)):
            yield "has a scene whose first frame says the answer"


def of_another(page: Page, later: Page) -> Iterator[str]:
    """Yield what a page gives away of a later one."""
    revealed = later.revealed
    for _, prose in page.prose:
        for printed, name in _named(prose).items():
            if name in revealed:
                yield f"says {printed!r}, which {name!r} keeps for after a guess"
    for at, block in page.blocks:
        linked = {Path(target).stem for target in LINK.findall(block)}
        if later.path.stem in linked:
            yield from beside_a_link(page, at, LINK.sub(" ", block), later)


def beside_a_link(page: Page, at: int, block: str, later: Page) -> Iterator[str]:
    """Yield what a block of text that links to a later page gives away of it."""
    names = {k: n for cell, prose in page.prose if cell == at for k, n in _named(prose).items()}
    own = {f"{page.path.stem}#{name}": claim for name, (_, claim) in page.claims.items()}
    for numeral in numerals.numerals(numerals.plain(block)):
        stated = [own[names[key]] for key in numeral.keys & names.keys() if names[key] in own]
        for kept, claim in later.revealed.items():
            if any(_same(claim, other) for other in stated):
                yield f"says {numeral.printed!r} beside a link: {kept!r}, kept for after a guess"
    for number in NUMBER.findall(block):
        if any(_is(number, asked) for asked in later.questions):
            yield f"prints {number!r} beside a link to {later.path.stem!r}, which asks for it"


def _same(one: numerals.Claim, other: numerals.Claim) -> bool:
    """Return whether two claims measured one number, as far as both are known; 0 is no number."""
    half = 0.5 * 10.0 ** -min(one.decimals, other.decimals)
    return min(abs(one.value), abs(other.value)) > 0 and abs(one.value - other.value) <= half + 1e-9


def _named(prose: numerals.Prose) -> dict[str, str]:
    """Return the claims that the numerals of a text name, by numeral."""
    return {
        printed: name for printed, names in prose.claims.items() for name in numerals.listed(names)
    }


def _is(number: str, asked: Question) -> bool:
    """Return whether a printed number is the answer; a single figure may be anything."""
    plain = number.replace(",", "")
    decimals = len(plain.partition(".")[2])
    telling = len(plain.replace(".", "").lstrip("0")) > 1
    return telling and abs(float(plain) - asked.answer) <= 0.5 * 10.0**-decimals + 1e-9


def main() -> int:
    """Print every spoiler, and return the exit status: 1 if there is one."""
    found = spoilers(contents())
    print("\n".join(f"{page} {said}" for page, said in found) or "nothing is given away")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
