"""Texts that are copies, or nearly copies, of each other: find them before you split."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import unit_copies
from illusionkit.data.unit_copies import NEAR
from illusionkit.errors import DataError

__all__ = ["NEAR", "components", "contained", "linked", "normalise", "overlap", "texts_of"]

TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]*(?:\s[^<>]{0,500})?/?>")
BETWEEN_DIGITS = re.compile(r"(?<=\d)[\W_]+(?=\d)")
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
STANDS_FOR, ROOM = 0x20000, 0xA6D0
"""Where the rare ideographs begin that stand for signs, and how many there are."""
EMBEDDED, SHORTEST = 0.9, 20
"""The share of a text's 5-grams that another text must hold to contain it, and how many the text
must have: a short phrase stands in many texts."""


def normalise(text: str) -> str:
    """Return the text without case, width, markup, spaces and punctuation; itself if none is left.

    What carries meaning is kept: letters with their vowel signs, digits and what parts two
    numbers, symbols such as 👍 or +. Two texts are *exact* copies if they are equal after this.
    Used in chapter 1.
    """
    return unit_copies.normalise(spelled(text))


def spelled(text: str) -> str:
    """Return the text with a letter in place of each sign that carries meaning.

    So that all else may be dropped. A rare ideograph stands for each such sign, one for one but
    for signs that no text holds together.
    """
    plain = unicodedata.normalize("NFKC", TAG.sub(" ", html.unescape(text)))
    plain = BETWEEN_DIGITS.sub(_stand_in, THOUSANDS.sub("", plain))
    return "".join(_letter(sign) if _carries(sign) else sign for sign in plain)


def _carries(sign: str) -> bool:
    """Return whether a sign is a symbol, or a mark that changes what it stands on."""
    kind = unicodedata.category(sign)
    return kind[0] == "S" or (kind in ("Mc", "Mn") and not 0xFE00 <= ord(sign) <= 0xFE0F)


def _letter(sign: str) -> str:
    return chr(STANDS_FOR + ord(sign) % ROOM)


def _stand_in(found: re.Match[str]) -> str:
    """Return what parts two numbers, as a letter: the symbol that it holds, or a point."""
    symbols = [sign for sign in found[0] if unicodedata.category(sign)[0] == "S"]
    return _letter(symbols[0] if symbols else ".")


def components(texts: Sequence[str], *, near: float = NEAR) -> Array:
    """Return for each text the number of its duplicate component, counted from 0 by appearance.

    Texts are linked if they are exact copies, or if the Jaccard index of their sets of character
    5-grams is at least ``near``; a component is all that hangs together by links. ``near=1.0``
    links exact copies only. Errors as in `texts_of`. Used in chapter 1.
    """
    return unit_copies.components([spelled(text) for text in texts_of(texts)], near=near)


def overlap(train: Sequence[str], test: Sequence[str], *, near: float = NEAR) -> Array:
    """Return for each test text whether the training texts hold a copy or a near copy of it.

    Its mean is the share of the test set that leaked. Errors as in `texts_of`. Used in chapter 1.
    """
    sides = ([spelled(text) for text in texts_of(side)] for side in (train, test))
    return unit_copies.overlap(*sides, near=near)


def linked(left: Sequence[Any], right: Sequence[Any]) -> Array:
    """Return for each row the component of ``left`` values that ``right`` values tie together.

    Example: rows are sentences, ``left`` their document and ``right`` their exact group; two
    documents that share a sentence fall into one component. Values may be of any kind.

    Raises
    ------
    DataError
        A value is missing.
    """
    sides = [pd.factorize(np.asarray(side))[0].astype(np.int64) for side in (left, right)]
    if missing := sum(int((side < 0).sum()) for side in sides):
        raise DataError(f"{missing} values are missing: every row needs both of its groups.")
    return unit_copies.linked(*sides)


def contained(train: Sequence[str], test: Sequence[str], *, share: float = EMBEDDED) -> Array:
    """Return for each test text whether some training text holds it, whole or nearly so.

    That is: whether one training text has at least ``share`` of the test text's character
    5-grams, of which there must be twenty. Copies are contained as well. Errors as in `texts_of`.
    """
    known, asked = ([normalise(text) for text in texts_of(side)] for side in (train, test))
    asked_for, held = unit_copies.grams(asked, known)
    size = np.asarray(asked_for.sum(axis=1)).ravel()
    most = np.zeros(len(asked))
    for start in range(0, len(asked), 1000):
        shared = (asked_for[start : start + 1000] @ held.T).tocsr()
        most[start : start + 1000] = _largest(shared)
    return np.asarray((most >= share * size) & (size >= SHORTEST))


def _largest(shared: Any) -> Array:
    if not shared.shape[1]:
        return np.zeros(shared.shape[0])
    return np.asarray(shared.max(axis=1).todense(), dtype=float).ravel()


def texts_of(column: Any) -> list[str]:
    """Return one column of texts as a list.

    Raises
    ------
    DataError
        It is a whole table or one text, or a text is missing or no text.
    """
    if isinstance(column, (pd.DataFrame, str, bytes)) or getattr(column, "ndim", 1) != 1:
        what = "a table" if isinstance(column, pd.DataFrame) else "one text or no column"
        raise DataError(f"A column of texts is wanted, and this is {what}: name one column.")
    texts = list(column)
    strange = [place for place, text in enumerate(texts) if not isinstance(text, str)]
    if strange:
        first = texts[strange[0]]
        what = "missing" if pd.api.types.is_scalar(first) and pd.isna(first) else "no text"
        raise DataError(
            f"{len(strange)} of {len(texts)} entries of a column of texts are missing or no text; "
            f"the first, in row {strange[0]}, is {what}. Drop those rows, or fill them."
        )
    return texts
