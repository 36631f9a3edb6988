"""The answers to the exercises on interpretability."""

from __future__ import annotations

from math import comb

from illusionkit.answers.answer import Answer


def _draw() -> float:
    """Return how often one hit wins over three random words of ten, four of them hits."""
    fewer, as_many = comb(6, 3), comb(4, 1) * comb(6, 2)
    return (fewer + as_many / 2) / comb(10, 3)


def _missed() -> float:
    """Return the share of a change of .62 that numbers adding up to .58 miss, in per cent."""
    change, told = 0.92 - 0.30, 0.58
    return 100 * (change - told) / change


ANSWERS = {
    "map-by-luck": Answer(lambda: 0.5 + 1.645 * (0.5 * 0.5 / 100) ** 0.5, within=0.002),
    "interpretability-draw": Answer(_draw, within=0.005),
    "interpretability-missed": Answer(_missed, within=0.1),
}
