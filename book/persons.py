"""What a page may not pass on of a table whose rows are persons: not one of the rows.

A row of numbers has no words to look for. Instead, every run of five neighbouring values counts,
along a row (one person) and down a column (five persons), unless it is too plain to say anything;
of small codes, such as a census has, every run of twelve. No page may hold such a run, in its
sources or in its outputs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from redistribution import PRIME, Hashes, page_text, readable

RUN = 5
DISTINCT, LARGE, FIGURES = 3, 1000, 6
"""A run counts if it has this many different values, one of at least this size, and this many
significant figures in all: 2000, 0, 0, 0, 1000 has two, and may be anybody's or nobody's."""
LONG, MANY = 12, 5
"""A run of this length counts if it has this many different values, however small they are."""

NUMBER = re.compile(r"(?<![\w.])(-?\d{1,15})(?:\.0+)?(?!\w|\.\d)")


def told(runs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which runs, shape (runs, RUN or LONG), are peculiar enough to count."""
    ordered = np.sort(runs, axis=1)
    distinct = 1 + (np.diff(ordered, axis=1) != 0).sum(axis=1)
    if runs.shape[1] == LONG:
        return distinct >= MANY
    large = np.abs(runs).max(axis=1) >= LARGE
    return (distinct >= DISTINCT) & large & (figures(runs).sum(axis=1) >= FIGURES)


def figures(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many significant figures each whole number has; zeros at its end are none."""
    size = np.abs(values)
    while (round_ := (size != 0) & (size % 10 == 0)).any():
        size = np.where(round_, size // 10, size)
    return np.searchsorted(10 ** np.arange(18), size, side="right").astype(np.int64)


def hashed(runs: NDArray[np.int64]) -> Hashes:
    """Return one hash for each run that counts."""
    kept = runs[told(runs)].astype(np.uint64)
    total = np.zeros(len(kept), np.uint64)
    with np.errstate(over="ignore"):
        for column in kept.T:
            total = total * PRIME + column
    return total


def runs_of(table: pd.DataFrame) -> Hashes:
    """Return the hashes of all runs along the rows and down the columns of a table.

    Words of a row may hold numbers as well, which stand between the others on a page.
    """
    numbers = table.select_dtypes("number").to_numpy(np.int64)
    along = [numbers]
    if numbers.shape[1] < table.shape[1]:
        texts = (" ".join(map(str, row)) for row in table.itertuples(index=False))
        along = [numbers_in(text)[None] for text in texts]
    lines = [*along, *numbers.T[:, None]]
    return np.unique(np.concatenate([hashed(runs) for line in lines for runs in windows(line)]))


def windows(lines: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the runs of each length within lines of numbers, shape (lines, numbers)."""
    lengths = [length for length in (RUN, LONG) if lines.shape[1] >= length]
    return [sliding_window_view(lines, n, axis=1).reshape(-1, n) for n in lengths]


def numbers_in(text: str) -> NDArray[np.int64]:
    """Return the whole numbers in a text, in order."""
    return np.array([int(n) for n in NUMBER.findall(text)], np.int64)


def index(tables: Iterable[pd.DataFrame]) -> Hashes:
    """Return the runs of several tables, sorted."""
    return np.unique(np.concatenate([runs_of(table) for table in tables]))


def passed_on(text: str, known: Hashes) -> int:
    """Return how many runs of persons' values a text holds."""
    found = [hashed(runs) for runs in windows(numbers_in(text)[None])]
    own = np.concatenate([np.zeros(0, np.uint64), *found])
    at = np.minimum(np.searchsorted(known, own), len(known) - 1)
    return int((known[at] == own).sum())


def complaints(path: Path, known: Hashes) -> list[str]:
    """Return what a page or file passes on of the tables' persons."""
    raw = page_text(path)
    count = max(passed_on(text, known) for text in (raw, readable(raw)))
    return [f"{path.name}: {count} runs of values of persons"] if count else []
