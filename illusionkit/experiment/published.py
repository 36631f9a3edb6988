"""Published numbers that are made again: how near ours must come, said before it is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from illusionkit.arrays import Array
from illusionkit.errors import DataError


@dataclass(frozen=True)
class Published:
    """A published number, and how far from it ours may be; both were fixed beforehand."""

    number: float
    margin: float

    def verdict(self, low: float, high: float) -> str:
        """Return what an interval of ours says: two one-sided tests, each at 2.5 % if it is 95 %.

        "reproduced": all of it is inside number ± margin. "not reproduced": all of it is outside.
        """
        if not low <= high:
            raise DataError(f"An interval goes from low to high, not from {low:g} to {high:g}.")
        inside = self.number - self.margin < low and high < self.number + self.margin
        outside = high < self.number - self.margin or low > self.number + self.margin
        return "reproduced" if inside else "not reproduced" if outside else "inconclusive"


def interval(values: Sequence[float] | Array, level: float = 0.95) -> tuple[float, float]:
    """Return the t-interval of the mean of executions that share nothing. Used in chapter 3."""
    from scipy import stats

    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        raise DataError(f"An interval needs at least 2 executions, not {len(values)}.")
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * stats.sem(values)
    return float(values.mean() - half), float(values.mean() + half)
