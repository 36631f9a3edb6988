"""The answers to the exercises of chapter 3, fine-tuning."""

from __future__ import annotations

import math

from illusionkit.answers.answer import Answer, claimed


def _dev_size() -> float:
    """Return how many reviews keep the ceiling of the best of 20 runs at 0.01."""
    return (0.5 * math.sqrt(2 * math.log(20)) / 0.01) ** 2


ANSWERS = {
    "dev-size": Answer(_dev_size, within=200),
    "chosen-on-half": claimed("chosen on one half, reported on the other", 0.39, within=0.004),
}
