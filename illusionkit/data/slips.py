"""How people misspell English words: a list of slips, how they get into a text, and out of it.

The list is an instrument. Nothing is scored on its lines, so that both parts hold the whole of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache as memoised
from string import ascii_lowercase

import numpy as np
import pandas as pd

from illusionkit.data import tables
from illusionkit.errors import DataError

SOURCES = {"slips": ("nlpaug", ("spelling",))}
"""The archive and the member behind the list."""

LETTERS = re.compile("[a-z]+")
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")

Edit = tuple[int, int, str]
"""From where to where a text is cut, and what is put there."""


def slips(part: str = "book") -> pd.DataFrame:
    """Return 13,551 lines of a list of English words and how people misspelled them.

    Columns: ``text``, the line as shipped; ``word``, what was meant; ``slips``, the tuple of what
    was written, not always once, now and then a word of its own (see `usable`). Both in lower
    case. Source: nlpaug 1.1.11, which does not say whose slips they are. Used in chapter 3.
    """
    whole = pd.concat([_lines().assign(part=name) for name in tables.PARTS])
    return tables.one_part(whole, part)


@memoised
def _lines() -> pd.DataFrame:
    source, (member,) = SOURCES["slips"]
    lines = [line.strip() for line in tables.text(source, member).splitlines() if line.strip()]
    fields = [line.lower().split() for line in lines]
    if short := next(
        (line for line, parts in zip(lines, fields, strict=True) if not parts[1:]), ""
    ):
        raise DataError(f"slips: a line is not 'word, slips': {short!r}.")
    columns = {"text": lines, "word": [first for first, *_ in fields]}
    return pd.DataFrame({**columns, "slips": [tuple(rest) for _, *rest in fields]})


def usable(table: pd.DataFrame, words: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return for each word its slips, sorted, without those that are real words.

    ``table`` is what `slips` returns. A slip is left out if it is a word of the list or one of
    ``words``; so is what holds anything but letters, as a blank or an apostrophe would be cut.
    Used in chapter 3.
    """
    found: dict[str, set[str]] = {}
    real = {*table["word"], *words}
    for word, written in zip(table["word"], table["slips"], strict=True):
        kept = {slip for slip in written if slip not in real and LETTERS.fullmatch(slip)}
        if kept and LETTERS.fullmatch(word):
            found.setdefault(word, set()).update(kept)
    return {word: tuple(sorted(kept)) for word, kept in sorted(found.items())}


def words_of(text: str) -> list[str]:
    """Return the words of a text, in lower case; an apostrophe inside belongs to its word."""
    return [word.lower() for word in WORD.findall(text)]


def drawn(
    text: str, known: Mapping[str, Sequence[str]], rng: np.random.Generator, each: int = 1
) -> list[Edit]:
    """Return slips of the words of a text, in random order: of every word ``each``, or all it has.

    With one each, the first k are the edits that make k slips; fewer slips are among more.
    """
    edits = [
        (*match.span(), str(slip))
        for match in WORD.finditer(text)
        for slip in rng.permutation(known.get(match[0].lower(), ()))[:each]
    ]
    return [edits[place] for place in rng.permutation(len(edits))]


def rewritten(text: str, edits: Sequence[Edit]) -> str:
    """Return a text with all edits made; none of them may overlap."""
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def neighbours(word: str) -> set[str]:
    """Return what a word becomes by one letter dropped, put in or exchanged, or two swapped."""
    cuts = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    near = {a + b[1:] for a, b in cuts if b} | {a + b[1] + b[0] + b[2:] for a, b in cuts if b[1:]}
    return near | {a + c + b[n:] for a, b in cuts for c in ascii_lowercase for n in (0, 1)}


@dataclass(frozen=True)
class Corrector:
    """A spelling corrector that has seen no slips, in the manner of Norvig.

    ``counts`` says how often each word it may write was met. A word that is neither there nor in
    ``correct`` becomes the commonest of its `neighbours`; without one it stays. Used in chapter 3.
    """

    counts: Mapping[str, int]
    correct: Collection[str]
    _known: dict[str, str] = field(default_factory=dict, repr=False)

    def word(self, word: str) -> str:
        """Return a word of small letters, mended where it is unknown."""
        if word not in self._known:
            unknown = word not in self.counts and word not in self.correct
            near = [other for other in neighbours(word) if unknown and other in self.counts]
            ranked = ((self.counts[other], other) for other in near)
            self._known[word] = max(ranked, default=(0, word))[1]
        return self._known[word]

    def text(self, text: str) -> str:
        """Return a text with every unknown word mended; the others stay as they are."""

        def mend(match: re.Match[str]) -> str:
            small = match[0].lower()
            found = self.word(small)
            return match[0] if found == small else found

        return WORD.sub(mend, text)
