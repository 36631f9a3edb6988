"""How well a score ranks: the area under the ROC curve, with weights, as resamples need it."""

from __future__ import annotations

import numpy as np

from illusionkit.arrays import Array
from illusionkit.experiment.reading import Rows


def area(truth: Array, score: Array, weights: Array | None = None) -> float:
    """Return the area under the curve: how often a row of label 1 scores above one of label 0.

    A tie counts one half. NaN where a class has no weight, as in some resamples.
    """
    weights = np.ones(len(truth)) if weights is None else weights
    order = np.argsort(score)
    starts = np.flatnonzero(np.diff(score[order], prepend=-np.inf))  # of each run of equal scores
    ones, zeros = (np.add.reduceat((weights * (truth == k))[order], starts) for k in (1, 0))
    with np.errstate(invalid="ignore"):
        below = np.cumsum(zeros) - zeros / 2
        return float(np.float64(ones @ below) / (ones.sum() * zeros.sum()))


def area_of(rows: Rows, weights: Array) -> float:
    """Return `area` of rows of two classes; ``probability`` is that of their prediction."""
    assert rows.probability is not None
    one = np.where(rows.prediction == 1, rows.probability, 1 - rows.probability)
    return area(rows.truth, one, weights)
