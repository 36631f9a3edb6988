"""The answers to the exercises on gaps between groups, and on what closes them."""

from __future__ import annotations

from math import sqrt

from illusionkit.answers.answer import Answer


def _width() -> float:
    """Return half of the interval of a gap in points, 300 people against 700, both at 30 %."""
    return 100 * 1.96 * sqrt(0.3 * 0.7 * (1 / 300 + 1 / 700))


def _coins() -> float:
    """Return the balanced accuracy that is left where coins shrink a gap from .15 to .03."""
    share = 1 - 0.03 / 0.15
    return 0.5 + (1 - share) * (0.70 - 0.5)


ANSWERS = {
    "fairness-and-robustness-1": Answer(_width, within=0.1),
    "fairness-and-robustness-2": Answer(_coins, within=0.003),
    "reviews-for-a-gap": Answer(lambda: 4 * 0.65 * 0.35 * (1.96 / 0.02) ** 2, within=10),
}
