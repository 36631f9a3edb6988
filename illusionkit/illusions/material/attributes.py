"""Attributes that say nothing of a label, on three sets of rows, drawn one after another."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from illusionkit.arrays import Array
from illusionkit.data import census
from illusionkit.experiment.draws import deal, first
from illusionkit.experiment.reading import Rows
from illusionkit.experiment.task import read

ATTRIBUTES, ROWS, FEWEST, TRUTH = 10_000, 10_000, 1000, 0.5
TRAIN, HOLDOUT, OTHER = range(3)
"""The three sets of rows: to train on, the holdout that is judged by, and another holdout."""


@cache
def answers(part: str) -> Rows:
    """Return the rows that every execution is judged by, one a household, predicted faultlessly."""
    table = read(census.census, part).drop_duplicates("unit")
    (rows,) = deal((table["part"] == "book").to_numpy(), np.random.default_rng(41), ROWS)
    first(rows, FEWEST, "households")
    label = table["label"].to_numpy()[rows]
    return Rows(label, label, table["unit"].to_numpy()[rows])


def labels(seed: int, side: int, rows: int, part: str) -> Array:
    """Return the labels of one of the three sets, -1 or 1; those of the holdout are real."""
    drawn = np.random.default_rng([seed, 42, side]).integers(2, size=rows)
    label = answers(part).truth[:rows] if side == HOLDOUT else drawn
    return (2 * label - 1).astype(np.float32)


def attributes(seed: int, side: int, columns: Sequence[int] | Array, rows: int) -> Array:
    """Return some of the attributes of one of the three sets, shape (columns, rows)."""
    drawn = np.empty((len(columns), rows), dtype=np.float32)
    for place, column in enumerate(columns):
        rng = np.random.default_rng([seed, 43, side, int(column)])
        rng.standard_normal(dtype=np.float32, out=drawn[place])
    return drawn


@cache
def correlations(seed: int, side: int, rows: int, part: str) -> Array:
    """Return the correlation of each attribute with the label, drawn one after another."""
    label = labels(seed, side, rows, part)
    each = (attributes(seed, side, [column], len(label))[0] for column in range(ATTRIBUTES))
    return np.array([values @ label for values in each]) / len(label)
