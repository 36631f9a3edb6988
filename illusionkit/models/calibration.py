"""How sure and how right: errors of calibration, and the temperature that logits are divided by."""

from __future__ import annotations

import numpy as np

from illusionkit.arrays import Array

BINS = 10


def temperature(logs: Array, truth: Array) -> float:
    """Return the T at which ``logs`` / T (rows, classes) give the labels the most probability.

    ``logs`` are logits or log-probabilities. Source: Guo et al. 2017, arXiv:1706.04599. Used in
    chapter 3.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    def loss(slope: float) -> float:
        return -float(log_softmax(slope * logs, axis=1)[np.arange(len(truth)), truth].mean())

    return float(1 / minimize_scalar(loss, bounds=(0.05, 20.0), method="bounded").x)


def binned_error(sure: Array, right: Array) -> Array:
    """Return the expected calibration error, in ten bins of equal width (Guo et al. 2017).

    ``sure`` (rows,) are probabilities, ``right`` (..., rows) is 1 or 0. Used in chapter 3.
    """
    place = np.clip((sure * BINS).astype(int), 0, BINS - 1)
    gaps = (sure - right) @ (place[:, None] == np.arange(BINS))
    return np.asarray(np.abs(gaps).sum(axis=-1) / len(sure))


def surest(sure: Array, right: Array, share: float) -> float:
    """Return the accuracy on that share of the rows of which the model is surest."""
    order = np.argsort(-sure, kind="stable")
    return float(right[order[: max(1, round(share * len(sure)))]].mean())
