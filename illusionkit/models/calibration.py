"""Calibration by one number: the temperature that logits are divided by."""

from __future__ import annotations

import numpy as np

from illusionkit.arrays import Array


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
