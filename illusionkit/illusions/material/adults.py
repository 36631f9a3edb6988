"""Adults of a census by age, and a score that counts some of them."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import census
from illusionkit.experiment.reading import Metric, Rows
from illusionkit.experiment.task import read
from illusionkit.illusions.collect.domain_shift_years import learner
from illusionkit.models.learners import Probe

BANDS = (16, 23, 35, 50, 65, 75)
"""The age, in years, at which each band begins; the first band is the group."""
HOUSEHOLDS = 40_000
"""Households that are used, always the same."""
COUNTS, ASIDE = 1, -1
"""Marks of rows that a score counts, and of those that it leaves out."""


def _counted(rows: Rows, weights: Array) -> float:
    """Return the accuracy among the rows that count; NaN where a resample left none."""
    assert rows.group is not None
    taken = weights * (rows.group == COUNTS)
    return float(taken @ (rows.truth == rows.prediction) / taken.sum()) if taken.any() else np.nan


COUNTED = Metric("accuracy among those counted", whole=_counted)


@cache
def adults(part: str) -> tuple[pd.DataFrame, Probe]:
    """Return persons of 16 and older, and the learner on what is known of them.

    Used in chapter 3.
    """
    table = read(lambda of: _adults(census.census(of)), part)
    return table, Probe(table[list(census.COLUMNS)].to_numpy(dtype=float), learner)


def _adults(table: pd.DataFrame) -> pd.DataFrame:
    """Return the adults of the households that are used."""
    units = np.random.default_rng(0).permutation(table["unit"].unique())[:HOUSEHOLDS]
    return table[table["unit"].isin(units) & (table["age"] >= BANDS[0])]


def counting(rows: Rows, mask: Array) -> Rows:
    """Return the same rows, of which a score counts those of the mask."""
    return Rows(rows.truth, rows.prediction, rows.unit, group=np.where(mask, COUNTS, ASIDE))
