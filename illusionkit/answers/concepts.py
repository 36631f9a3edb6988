"""The answers to the exercises of chapter 2."""

from __future__ import annotations

import numpy as np

from illusionkit.answers.answer import Answer, claimed


def _gap_of_five() -> float:
    """Return the reviews in each of two groups whose gap by lot stays within five points."""
    accuracy, gap = 0.78, 0.05
    return 2 * 1.96**2 * accuracy * (1 - accuracy) / gap**2


def _experiments_needed() -> float:
    """Return the experiments at which the interval of a rank correlation of 0.3 leaves out 0."""
    correlation = 0.3
    return float(3 + (1.96 / np.arctanh(correlation)) ** 2 * (1 + correlation**2 / 2))


ANSWERS = {
    "experiments-needed": Answer(_experiments_needed, within=1.5),
    "gap-of-five": Answer(_gap_of_five, within=3.0),
    "without-largest": claimed("gap and drop, without the two largest", 0.5394, within=0.03),
    "mixed-test": claimed("share of reviews learned from", 0.342, within=0.06),
}
