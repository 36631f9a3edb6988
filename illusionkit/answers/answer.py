"""What the right answer to an exercise is, and how near is near enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """The right answer to an exercise, computed when it is asked for, and the distance allowed."""

    truth: Callable[[], float]
    within: float
