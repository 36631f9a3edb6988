"""The answers to the exercises on synthetic data."""

from __future__ import annotations

from illusionkit.answers.answer import Answer


def _on_generated_rows() -> float:
    """Return the score on generated rows, from .90 in all, .65 on the real fifth of a test."""
    return (0.90 - 0.2 * 0.65) / 0.8


def _followed_to_the_end() -> float:
    """Return how likely a chain passes three forks of two equal ways as its source does."""
    return (1 / 2) ** 3


ANSWERS = {
    "synthetic-data-1": Answer(_on_generated_rows, within=0.005),
    "synthetic-data-2": Answer(_followed_to_the_end, within=0.005),
}
