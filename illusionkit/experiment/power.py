"""How many test rows tell two models apart: McNemar's test and its power."""

from __future__ import annotations

import numpy as np
from scipy.stats import binom, norm

from illusionkit.arrays import Array
from illusionkit.errors import DataError

LEVEL = 0.05


def mcnemar(leads: Array) -> float:
    """Return the p-value of McNemar's exact test; ``leads`` has 1, 0 or -1 a row, as in `LEAD`.

    Rows that both get right, or both wrong, say nothing. McNemar (1947). Used in chapter 3.
    """
    won, lost = int((leads > 0).sum()), int((leads < 0).sum())
    return min(1.0, 2 * float(binom.cdf(min(won, lost), won + lost, 0.5)))


def rows_needed(gap: float, disagreement: float, power: float = 0.8) -> float:
    """Return how many test rows show a gap in accuracy at the 5 % level with this power.

    ``disagreement`` is the share of rows that just one of two models gets right. Models tested on
    rows of their own disagree like strangers: 2a(1 - a) at accuracy a. Raises `DataError` for what
    can't be. Used in chapter 3.
    """
    if not (0 < gap <= disagreement <= 1 and LEVEL < power < 1):
        raise DataError(
            f"A gap of {gap:g} at a disagreement of {disagreement:g} with power {power:g} can't "
            "be: 0 < gap <= disagreement <= 1, and the power is above 0.05 and below 1."
        )
    return _quantiles(power) ** 2 * (disagreement - gap**2) / gap**2


def smallest_gap(rows: float, disagreement: float, power: float = 0.8) -> float:
    """Return the smallest gap that so many rows show: `rows_needed`, solved for the gap.

    Raises `DataError` where no gap up to the disagreement is shown. Used in chapter 3.
    """
    gap = _quantiles(power) * np.sqrt(disagreement / (max(rows, 0) + _quantiles(power) ** 2))
    rows_needed(min(gap, 1.0), disagreement, power)  # refuses what can't be
    return float(gap)


def _quantiles(power: float) -> float:
    return float(norm.isf(LEVEL / 2) + norm.ppf(power))
