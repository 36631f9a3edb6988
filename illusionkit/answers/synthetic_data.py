"""The answers to the exercises on synthetic-data."""

from __future__ import annotations

from illusionkit.answers.answer import Answer


def _first() -> float:
    """Return TO WRITE: what is asked for, computed."""
    raise NotImplementedError


def _second() -> float:
    """Return TO WRITE: what is asked for, computed."""
    raise NotImplementedError


ANSWERS = {
    "synthetic-data-1": Answer(_first, within=0.01),
    "synthetic-data-2": Answer(_second, within=0.01),
}
