"""Checks of single columns: what gives the label away, ids, constant and missing columns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.audit import quick
from illusionkit.audit.case import Case
from illusionkit.audit.finding import Finding

MOST_ROWS, GIVEN_AWAY, FILLED = 5000, 0.7, 0.5
"""Rows on which a column is tried alone; the share of the way from the best constant answer to a
perfect one that is too good for one column; the share of gaps that is said."""


def columns(case: Case) -> Iterator[Finding]:
    """Yield what is known of single columns."""
    rows = case.some(MOST_ROWS)
    labels = case.labels[rows]
    constant = float(np.bincount(labels).max() / len(labels))
    for name in case.columns:
        column = case.both[name]
        if name == case.roles.text:
            continue
        distinct = column.nunique()
        yield from _plain(name, column, distinct)
        if distinct + column.hasnans < 2:
            continue
        alone = _alone(case, name, rows)
        if (alone - constant) / max(1 - constant, 1e-9) >= GIVEN_AWAY and constant < 1:
            yield Finding(
                "gives the label away",
                f"'{name}' alone is right in {alone:.0%}, a constant answer in {constant:.0%}.",
                "Ask when it is known: before the label, or from it? If from it, drop it.",
                "temporal-leakage", share=alone, chance=constant,
                worth=_of_column(case, name, rows), weight="high",
            )  # fmt: skip


def _alone(case: Case, name: str, rows: Array) -> float:
    """Return the accuracy of the quick learner on one column, in two folds."""
    labels = case.labels[rows]
    said = quick.out_of_fold(
        case.features(rows, only=name), labels, np.arange(len(labels)), number=2
    )
    return float((said == labels).mean())


def _of_column(case: Case, name: str, rows: Array) -> quick.Estimate | None:
    """Return the score with the column, less that without it."""
    if not case.worth or len(case.columns) < 2:
        return None
    labels, unit = case.labels[rows], case.unit[rows]
    right = [
        (quick.out_of_fold(matrix, labels, unit) == labels).astype(float)
        for matrix in (case.features(rows), case.features(rows, without=name))
    ]
    return quick.difference(right[0], right[1], unit)


def _plain(name: str, column: pd.Series, distinct: int) -> Iterator[Finding]:
    """Yield whether a column is constant, mostly missing, or a name of its row."""
    gaps = int(column.isna().sum())
    missing = gaps / len(column)
    if distinct + (gaps > 0) < 2:
        yield Finding(
            "constant column", f"'{name}' holds one value only.", "Leave it out.", "broken-column"
        )
    elif missing >= FILLED:
        yield Finding(
            "missing column", f"'{name}' is missing in {missing:.0%} of the rows.",
            "Ask whether it is missing for a reason that the label shares.", "broken-column",
            share=missing,
        )  # fmt: skip
    elif distinct == len(column) - gaps and not pd.api.types.is_float_dtype(column):
        yield Finding(
            "id column", f"'{name}' is another one in every row.",
            "Leave it out: it names the row, and may follow the order in which rows came.",
            "preprocessing-leakage", share=1.0,
        )  # fmt: skip
