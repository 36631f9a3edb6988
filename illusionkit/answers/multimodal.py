"""The answers to the exercises on multimodal."""

from __future__ import annotations

from illusionkit.answers.answer import Answer


def _some_sibling() -> float:
    """Return how probable it is that one of five siblings is in training, a fifth of all."""
    return 1 - 0.8**5


def _left_by_base() -> float:
    """Return the share of the siblings that a split by base leaves: two bases of three."""
    return 12 / 17


ANSWERS = {
    "multimodal-1": Answer(_some_sibling, within=0.01),
    "multimodal-2": Answer(_left_by_base, within=0.005),
}
