"""The answers to the exercises on metric-mirage."""

from __future__ import annotations

from illusionkit.answers.answer import Answer


def _half_of_the_strings() -> float:
    """Return the share of right digits at which half of the strings of sixteen are right."""
    return float(0.5 ** (1 / 16))


def _none_of_fifty() -> float:
    """Return the largest share of right tokens that none of fifty answers of 32 tokens leaves."""
    from scipy.stats import binomtest

    return float(binomtest(0, 50).proportion_ci(0.95).high ** (1 / 32))


ANSWERS = {
    "metric-mirage-1": Answer(_half_of_the_strings, within=0.001),
    "metric-mirage-2": Answer(_none_of_fifty, within=0.001),
}
