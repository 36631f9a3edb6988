"""What the right answer to an exercise is, and how near is near enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """The right answer to an exercise, and the distance allowed.

    ``truth`` computes it when it is asked for. Where the page itself claims the number, that
    claim is read instead, and ``claim`` is its name.
    """

    truth: Callable[[], float]
    within: float
    claim: str | None = None


def claimed(claim: str, value: float, *, within: float) -> Answer:
    """Return the answer that a claim of the exercise's page holds: ``value`` is what it printed.

    A test compares the two; each run of the page holds its solution to both.
    """
    return Answer(lambda: value, within, claim)
