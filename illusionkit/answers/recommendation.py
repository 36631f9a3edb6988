"""The answers to the exercises on recommendation."""

from __future__ import annotations

from illusionkit.answers.answer import Answer, claimed


def _by_chance() -> float:
    """Return the hit rate of a ranking by chance among 50 drawn films and the one held out."""
    return 10 / 51


def _among_five_hundred() -> float:
    """Return the chance that a film at place 50 of 1,577 is a hit among 500 drawn."""
    from scipy.stats import hypergeom

    return float(hypergeom.cdf(9, 1576, 49, 500))


ANSWERS = {
    "recommendation-1": Answer(_by_chance, within=0.002),
    "recommendation-2": Answer(_among_five_hundred, within=0.001),
    "nearest-films-1": claimed("served by the ten nearest new films, of 100", 8.149, within=0.5),
}
