"""The answers to the exercises on augmentation."""

from __future__ import annotations

from illusionkit.answers.answer import Answer


def _met_in_three_folds() -> float:
    """Return the share of tested texts with one of two copies in the other two of three folds."""
    return 1 - (1 / 3) ** 2


def _accuracy_where_met() -> float:
    """Return the accuracy on texts met as a copy, from .86 in all and .70 on the fifth not met."""
    return (0.86 - 0.2 * 0.70) / 0.8


ANSWERS = {
    "augmentation-1": Answer(_met_in_three_folds, within=0.005),
    "augmentation-2": Answer(_accuracy_where_met, within=0.005),
}
