"""The answers to the exercises on hidden-subgroup."""

from __future__ import annotations

from illusionkit.answers.answer import Answer, claimed


def _wald() -> float:
    """Return how often the Wald interval of 20 draws holds a probability of 0.9, exactly."""
    import numpy as np
    from scipy.stats import binom

    hits = np.arange(21)
    half = 1.96 * np.sqrt(hits * (20 - hits) / 20**3)
    return float(binom.pmf(hits[np.abs(hits / 20 - 0.9) <= half], 20, 0.9).sum())


ANSWERS = {
    "wald-coverage": Answer(_wald, within=0.002),
    "same-age-mix": claimed("natives ahead at one age mix", 0.0241, within=0.001),
}
