"""The answers to the exercises of chapter 2."""

from __future__ import annotations

from illusionkit.answers.answer import Answer, claimed


def _gap_of_five() -> float:
    """Return the reviews in each of two groups whose gap by lot stays within five points."""
    accuracy, gap = 0.78, 0.05
    return 2 * 1.96**2 * accuracy * (1 - accuracy) / gap**2


ANSWERS = {
    "gap-of-five": Answer(_gap_of_five, within=3.0),
    "mixed-test": claimed("share of reviews learned from", 0.342, within=0.06),
}
