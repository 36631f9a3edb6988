"""Every measured numeral in the text, and what proves it.

A numeral counts as measured if it has a decimal point or a % sign, or is followed by *points*,
*times*, *nats* or *seconds*. Code, mathematics, links and headings are exempt, and so are
paragraph numbers after §. Each must name a claim of the book or a source, in the metadata of its
cell (in a Markdown page: in the front matter)::

    "illusionkit": {
        "claims": {"0.98": "a-score-to-distrust#accuracy of the random split"},
        "sources": {"0.05": "Efron 1983, p. 3"}
    }

A claim is what a notebook printed, ``NAME: expected X ± Y · this run ⟨Z⟩ ✓``; the numeral must be
X at the numeral's own precision, as it stands or as a percentage. X may itself be rounded, or be
off within its tolerance, so the numeral must be Z rounded too (`unrounded`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import notebooks
import yaml
from IPython.core.inputtransformer2 import TransformerManager

UNIT = r"%|％|per\s?cent|percent|(?:percentage\s)?points?|times|nats?|seconds?|个?百分点|倍|秒"
NUMERAL = re.compile(
    r"(?<![\w.,§])(?P<sign>[-+−]?)(?P<digits>\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)"
    rf"(?![\d]|\.\d)(?P<unit>[\s\u00a0\u202f-]?(?:{UNIT})(?![a-z]))?"
)
HUNDREDTHS = re.compile(r"%|％|per\s?cent|point|百分点")
CLAIM = re.compile(
    r"^(?P<name>.+?): expected (?P<expect>[-−]?[\d.]+(?:e[-+]?\d+)?) ± (?P<within>[\d.e+-]+)"
    r" · this run ⟨(?P<measured>[^⟩]*)⟩ (?P<mark>[✓✗])$",
    re.MULTILINE,
)
FRONT = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
# Directives whose content is not prose; in any other fence the text is read.
CODE_LIKE = r"code|code-block|code-cell|math|bibliography|footbibliography|literalinclude|mermaid"
CODE_FENCE = re.compile(
    rf"^(?P<f>[`~]{{3,}})(?:\{{(?:{CODE_LIKE})\}}|(?!\{{))[^\n]*\n.*?^(?P=f)[`~]*[ ]*$",
    re.DOTALL | re.MULTILINE,
)
EXEMPT = (
    CODE_FENCE,
    re.compile(r"^[`~:]{3,}\{(?:figure|image)\}.*$", re.MULTILINE),
    re.compile(r"^[`~:]{3,}(?:\{[\w-]+\})?", re.MULTILINE),  # the marks of other directives
    re.compile(r"^:(?!alt:|caption:)[\w-]+:.*$", re.MULTILINE),  # options of a directive
    re.compile(r"\$\$.*?\$\$", re.DOTALL),
    re.compile(r"\\begin\{(\w+\*?)\}.*?\\end\{\1\}", re.DOTALL),
    re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL),
    re.compile(r"(?<![\\$])\$(?=\S)[^$\n]*?(?<=\S)\$(?!\d)"),
    re.compile(r"^ {0,3}#{1,6} .*$", re.MULTILINE),
    re.compile(r"^[^\n|]+\n(?:=+|-{3,})[ ]*$", re.MULTILINE),
    re.compile(r"<!--.*?-->", re.DOTALL),
    re.compile(r"^\[[^\]]+\]:\s.*$", re.MULTILINE),
    re.compile(r"(?<!!)\[[^\]]*\]\([^)]*\)"),
    re.compile(r"<?https?://[^\s>)]+>?"),
    re.compile(r"§+\s*[\d.]+(?:\s*[-–]\s*[\d.]+)?"),
)
IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
ALT = re.compile(r"<[^>]*\b(?:alt|aria-label)=\"([^\"]*)\"[^>]*>")
TAG = re.compile(r"<[^>]+>")


@dataclass(frozen=True)
class Numeral:
    """One measured numeral: as printed, its value, its unit, how many decimals it shows."""

    printed: str
    value: float
    unit: str
    decimals: int

    @property
    def keys(self) -> set[str]:
        """The spellings under which the metadata may name it."""
        bare = re.sub(r"[\s\u00a0\u202f-]?(?:" + UNIT + ")$", "", self.printed)
        whole = {self.printed, re.sub(r"[\s\u00a0\u202f]", "", self.printed)}
        return {key for name in (*whole, bare) for key in (name, name.lstrip("+-−"))}

    def shows(self, expect: float, *, known_to: int | None = None) -> bool:
        """Return whether `expect`, rounded as this numeral is, reads the same.

        Where `expect` is known to so many decimals only, a 0.345 may have been 0.3446, or 0.34.
        """
        # A share is claimed as 0.13 and may be told as 13 points; above 1 it is told as it is.
        in_hundredths = HUNDREDTHS.search(self.unit) and abs(expect) <= 1
        as_printed = [expect * 100 if in_hundredths else expect]
        if self.printed[0] not in "+-−":  # "falls by 13 points" leaves the sign to the words
            as_printed += [-value for value in as_printed]
        slack = 1e-9
        if known_to is not None:
            slack = 0.5 * 10.0**-known_to * (100 if in_hundredths else 1) - 1e-9
        half = 0.5 * 10.0**-self.decimals + slack
        return any(abs(self.value - value) <= half for value in as_printed)


@dataclass(frozen=True)
class Prose:
    """The text of one cell or page, and what its metadata says about its numerals."""

    place: str
    text: str
    claims: dict[str, Any]
    sources: dict[str, Any]


def plain(markdown: str) -> str:
    """Return Markdown without code, mathematics, links, headings; alt texts are kept."""
    text = FRONT.sub("", markdown)
    text = IMAGE.sub(r" \1 ", text)
    for pattern in EXEMPT:
        text = pattern.sub(" ", text)
    return TAG.sub(" ", ALT.sub(r" \1 ", text))


def numerals(text: str) -> list[Numeral]:
    """Return the measured numerals of plain text, in order."""
    found = []
    for match in NUMERAL.finditer(text):
        digits, unit = match["digits"], (match["unit"] or "").strip(" \u00a0\u202f-\n")
        if "." not in digits and not unit:
            continue
        value = float(digits.replace(",", "")) * (-1 if match["sign"] in ("-", "−") else 1)
        printed = re.sub(r"\s+", " ", match[0])
        found.append(Numeral(printed, value, unit, len(digits.partition(".")[2])))
    return found


def prose_in_code(source: str) -> str:
    """Return the texts for a reader that a code cell holds: its strings with a space in them.

    Captions, alt texts and questions are arguments in code. The name in ``claim(…)``, docstrings
    and format specifications are no prose.
    """
    tree = ast.parse(TransformerManager().transform_cell(source))
    skipped: set[int] = set()
    for node in ast.walk(tree):
        name = getattr(getattr(node, "func", None), "id", "")
        if isinstance(node, ast.Call) and name == "claim" and node.args:
            skipped.add(id(node.args[0]))
        elif isinstance(node, ast.Expr):
            skipped.add(id(node.value))
        elif isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            skipped.update(id(part) for part in ast.walk(node.format_spec))
    strings = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and id(n) not in skipped]
    return "\n".join(s.value for s in strings if isinstance(s.value, str) and " " in s.value)


def cell_prose(page: str, cell: Any) -> Prose:
    """Return the prose of a notebook cell: its text, or the captions and alt texts of its code."""
    metadata = cell.metadata.get("illusionkit", {})
    if cell.cell_type == "markdown":
        text = plain(cell.source)
    else:
        book = cell.metadata.get("mystnb", {})
        captions = (book.get("image", {}).get("alt"), book.get("figure", {}).get("caption"))
        drawn = "" if cell.cell_type != "code" else prose_in_code(cell.source)
        text = plain("\n\n".join([*(c for c in captions if c), drawn]))
    return Prose(
        f"{page}, cell {cell.get('id')}",
        text,
        metadata.get("claims", {}),
        metadata.get("sources", {}),
    )


def page_prose(path: Path) -> Iterator[Prose]:
    """Yield the prose of a page of the book, notebook or Markdown."""
    if path.suffix == ".ipynb":
        for cell in notebooks.read(path).cells:
            yield cell_prose(path.stem, cell)
        return
    text = path.read_text(encoding="utf-8")
    front = FRONT.match(text)
    metadata = (yaml.safe_load(front[1]) if front else {}).get("illusionkit", {})
    yield Prose(path.stem, plain(text), metadata.get("claims", {}), metadata.get("sources", {}))


@dataclass(frozen=True)
class Claim:
    """What a claim expects, and what the stored run measured, as printed."""

    expect: float
    measured: str

    @property
    def value(self) -> float:
        """What was measured, as a number."""
        return float(self.measured.replace("−", "-"))

    @property
    def decimals(self) -> int:
        """To how many decimals it is known."""
        return len(self.measured.partition(".")[2])

    def reads_as(self, numeral: Numeral) -> bool:
        """Return whether a numeral is the measured value, rounded."""
        return numeral.shows(self.value, known_to=self.decimals)


def claims_of(path: Path) -> dict[str, float]:
    """Return name and expected value of every claim in a notebook's stored outputs."""
    return {name: claim.expect for name, claim in made_in(path).items()}


def made_in(path: Path) -> dict[str, Claim]:
    """Return every claim in a notebook's stored outputs, by name.

    Raises ValueError where a name is claimed twice or a stored claim was missed.
    """
    found: dict[str, Claim] = {}
    for cell in notebooks.code_cells(notebooks.read(path)):
        for kind, text in notebooks.output_texts(cell):
            for match in CLAIM.finditer(text) if kind in ("stdout", "text/plain") else ():
                name = match["name"].strip()
                if name in found:
                    raise ValueError(f"{path.stem}: two claims are called {name!r}")
                if match["mark"] == "✗":
                    raise ValueError(f"{path.stem}: the stored output misses {name!r}")
                expect = float(match["expect"].replace("−", "-"))
                found[name] = Claim(expect, match["measured"])
    return found


def all_claims(paths: list[Path]) -> dict[str, float]:
    """Return the expected value of every claim, by "page#name"."""
    stems = [path.stem for path in paths]
    doubled = {stem for stem in stems if stems.count(stem) > 1}
    if doubled:
        raise ValueError(f"two pages share a name, so their claims can't be told apart: {doubled}")
    return {f"{p.stem}#{name}": value for p in paths for name, value in claims_of(p).items()}


def complaint(numeral: Numeral, prose: Prose, claims: dict[str, float]) -> str | None:
    """Return what is wrong with one numeral, or None."""
    where = f"{prose.place}: {numeral.printed!r}"
    for key in numeral.keys & prose.sources.keys():
        return None if len(str(prose.sources[key])) >= 5 else f"{where} names an empty source"
    named = sorted(numeral.keys & prose.claims.keys())
    if not named:
        return f"{where} names no claim and no source"
    references = [r for key in named for r in listed(prose.claims[key])]
    unknown = [r for r in references if r not in claims]
    if unknown:
        return f"{where} names a claim that no page makes: {unknown[0]!r}"
    wrong = [r for r in references if not numeral.shows(claims[r])]
    return f"{where} is not what {wrong[0]!r} claims, {claims[wrong[0]]:g}" if wrong else None


def unrounded(prose: Prose, made: dict[str, Claim]) -> list[str]:
    """Return the numerals of one cell or page that are not rounded from what was measured."""
    return [
        f"{prose.place}: {numeral.printed!r} is not ⟨{made[name].measured}⟩ of {name!r}, rounded"
        for numeral in numerals(prose.text)
        for key in sorted(numeral.keys & prose.claims.keys())
        for name in listed(prose.claims[key])
        if name in made and not made[name].reads_as(numeral)
    ]


def all_made(paths: list[Path]) -> dict[str, Claim]:
    """Return every claim of these pages, by "page#name"."""
    return {f"{p.stem}#{name}": claim for p in paths for name, claim in made_in(p).items()}


def listed(value: Any) -> list[str]:
    """Return the claims that a piece of metadata names, one or several."""
    return [value] if isinstance(value, str) else list(value)


def complaints(prose: Prose, claims: dict[str, float]) -> list[str]:
    """Return what is wrong with the numerals of one cell or page; empty if all are proven."""
    found = numerals(prose.text)
    wrong = [c for c in (complaint(n, prose, claims) for n in found) if c]
    used = {key for numeral in found for key in numeral.keys}
    stale = [key for key in (*prose.claims, *prose.sources) if key not in used]
    return wrong + [
        f"{prose.place}: the metadata names {key!r}, the text does not" for key in stale
    ]
