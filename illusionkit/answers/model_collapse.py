"""The answers to the exercises on models that learn from each other's texts."""

from __future__ import annotations

from math import ceil, exp, log

from illusionkit.answers.answer import Answer


def _lost(turns: int) -> float:
    """Return how likely one copy of a word has no copy left after some generations, by luck."""
    gone = 0.0
    for _ in range(turns):
        gone = exp(gone - 1)
    return gone


def _both_lost() -> float:
    """Return how likely a word that stands three times is lost after two generations."""
    return _lost(2) ** 3


def _copies() -> int:
    """Return how often a word must stand to be lost in 8 generations one time in twenty."""
    return ceil(log(0.05) / log(_lost(8)))


ANSWERS = {
    "model-collapse-1": Answer(_both_lost, within=0.002),
    "model-collapse-2": Answer(_copies, within=0.4),
}
