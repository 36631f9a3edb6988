"""Gaps between groups of card holders: seven groupings, five metrics, one signed difference each.

A gap is the rate of the people in a group less the rate of the others, turned so that it is above
0 where the side that was worse off among other rows is worse off again. So it can fall below 0,
and it has no bias for small tests, which a difference without its sign has. Used in chapter 8.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.experiment.draws import deal
from illusionkit.experiment.reading import Metric, Rows
from illusionkit.experiment.task import Task
from illusionkit.illusions.collect.class_imbalance import holders

GROUPINGS = (
    "women", "below 25", "below 30", "below 40", "graduate school", "high school", "married",
)  # fmt: skip
"""The seven groups; each is compared with everybody else."""

CODES = {
    "women": ("sex", 1), "graduate school": ("education", 1), "high school": ("education", 3),
    "married": ("marriage", 1),
}  # fmt: skip
"""The column and the code of each group that is not of an age."""

METRICS = (
    "demographic parity", "equal opportunity", "predictive equality", "average odds",
    "predictive parity",
)  # fmt: skip
"""Refused among: all, defaulters, payers, the mean of the last two; defaulters among refused."""

ASIDE, FEWEST = -1, 5
"""The mark of rows that a metric leaves out, and the fewest rows of which a rate is told."""
TRAIN, TUNE = 4000, 4000
"""Card holders to train on, and to set thresholds or signs by."""


def _gap(rows: Rows, weights: Array) -> float:
    """Return rate of the odd codes less rate of the even ones, a mean over pairs of codes.

    NaN where a resample left a code without a row.
    """
    assert rows.group is not None
    places = 1 + 2 * (rows.group.max() // 2 + 1)  # the first one holds what is left out
    count = np.bincount(rows.group + 1, weights, places)[1:]
    total = np.bincount(rows.group + 1, weights * rows.prediction, places)[1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        pairs = (total / count).reshape(-1, 2)
    return float((pairs[:, 1] - pairs[:, 0]).mean()) if len(pairs) else np.nan


GAP = Metric("gap between groups", whole=_gap, greater_is_better=False)
"""The gap of rows whose ``prediction`` is what is averaged, and whose ``group`` codes who counts.

Code 2s + 1: in stratum s and worse off; 2s: in stratum s and not; `ASIDE`: not counted.
"""


def members(table: pd.DataFrame, grouping: str) -> Array:
    """Return who is in a group of `GROUPINGS`, a mask of the rows. Used in chapter 8."""
    name, _, years = grouping.partition(" ")
    if name == "below":
        return (table["age"] < int(years)).to_numpy()
    column, code = CODES[grouping]
    return (table[column] == code).to_numpy()


def compared(rows: Rows, group: Array, metric: str) -> Rows:
    """Return rows as `GAP` counts them: ``group`` against the others, by one of `METRICS`.

    ``rows.prediction`` is 1 for refused; ``group`` is a mask. Used in chapter 8.
    """
    said = rows.truth if metric == "predictive parity" else rows.prediction
    counted = {
        "demographic parity": np.zeros_like(rows.truth),
        "equal opportunity": np.where(rows.truth == 1, 0, ASIDE),
        "predictive equality": np.where(rows.truth == 0, 0, ASIDE),
        "average odds": rows.truth,
        "predictive parity": np.where(rows.prediction == 1, 0, ASIDE),
    }[metric]
    code = np.where(counted == ASIDE, ASIDE, 2 * counted + group)
    return Rows(rows.truth, said, rows.unit, group=code)


def told(rows: Rows, group: Array, metric: str, sign: float) -> Rows:
    """Return rows as `GAP` counts them, both sides exchanged where ``sign`` is below 0.

    Used in chapter 8.
    """
    seen = compared(rows, group, metric)
    assert seen.group is not None
    code = np.where(seen.group == ASIDE, ASIDE, seen.group ^ 1) if sign < 0 else seen.group
    return Rows(seen.truth, seen.prediction, seen.unit, group=code)


def fewest(rows: Rows) -> int:
    """Return how many rows the smallest code has, 0 if one has none."""
    assert rows.group is not None
    code = rows.group[rows.group != ASIDE]
    return int(np.bincount(code, minlength=2).min()) if len(code) else 0


@cache
def scored(seed: int, sizes: tuple[int, ...], part: str) -> tuple[Task, list[Array], list[Array]]:
    """Return a scorecard's task, the rows dealt and their chances of default.

    The first rows are those it was trained on, then `TUNE` others, then so many as ``sizes`` say;
    the last are to judge by. Used in chapter 8.
    """
    task = Task(*holders(part))
    dealt = deal(task.book, np.random.default_rng([seed, 91]), TRAIN, TUNE, *sizes)
    return task, dealt, [chance[:, 1] for chance in task.chances(dealt[0], *dealt)]


def refused(task: Task, dealt: list[Array], chances: list[Array]) -> list[Rows]:
    """Return the scorecard's decisions: refused above the share of defaults it was trained on."""
    line = task.label[dealt[0]].mean()
    pairs = zip(dealt, chances, strict=True)
    return [task.rows(rows, (chance > line).astype(int)) for rows, chance in pairs]
