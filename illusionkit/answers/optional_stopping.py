"""The answers to the exercises on optional-stopping."""

from __future__ import annotations

from math import comb

import numpy as np

from illusionkit.answers.answer import Answer


def _bet_by_hand() -> float:
    """Return what a bet of 1 has become after 23 of 30 reviews, from the binomial coefficient."""
    return 2**30 / (31 * comb(30, 7))


def _every_review() -> float:
    """Return in how many of 100 contests of equals some p-value of a thousand is below .05."""
    from illusionkit.illusions.evaluate.optional_stopping import looked, p_values

    rng, contests = np.random.default_rng(7), 3000
    leads = rng.choice([-1, 0, 1], p=[0.185, 0.63, 0.185], size=(contests, 1000))
    found = [(p_values(*looked(each, 1000)[1:]) < 0.05).any() for each in leads]
    return 100 * float(np.mean(found))


ANSWERS = {
    "optional-stopping-1": Answer(_bet_by_hand, within=0.1),
    "optional-stopping-2": Answer(_every_review, within=3),
}
