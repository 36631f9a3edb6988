"""The answers to the exercises, and the check that a reader runs.

A module here holds the answers of one chapter, or of one step of the pipeline; it is found by
itself. An answer is computed from the data, or is what the exercise's own page claims.
"""

from __future__ import annotations

import math
import os
import pkgutil
from importlib import import_module
from types import EllipsisType

from illusionkit.answers.answer import Answer
from illusionkit.errors import ClaimError, IllusionError
from illusionkit.language import text

_MODULES = [import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
ANSWERS: dict[str, Answer] = {
    name: answer for module in _MODULES for name, answer in getattr(module, "ANSWERS", {}).items()
}
"""The answer to every exercise by its name."""


def check(exercise: str, answer: float | EllipsisType) -> None:
    """Print whether ``answer`` solves the exercise, and a hint where it does not.

    The right answer is not printed. An answer of ``...`` is "not yet". Used in every chapter.

    Raises
    ------
    ClaimError
        In a strict run: the answer is wrong. (A page's own solutions are checked that way.)
    IllusionError
        No exercise has this name, or the answer is no number.
    """
    if exercise not in ANSWERS:
        known = ", ".join(ANSWERS)
        raise IllusionError(f"No exercise is called '{exercise}'. There are: {known}.")
    if isinstance(answer, EllipsisType):
        print(text("check.waiting"))
        return
    try:
        given = float(answer)
    except (TypeError, ValueError):
        raise IllusionError(f"The answer to '{exercise}' is one number, not {answer!r}.") from None
    if _right(exercise, given):
        print(text("check.right"))
        return
    print(text("check.wrong", hint=text(f"check.{exercise}")))
    if os.environ.get("ILLUSIONKIT_STRICT") == "1":
        raise ClaimError(f"{given} does not solve '{exercise}'.")


def _right(exercise: str, given: float) -> bool:
    wanted = ANSWERS[exercise]
    return math.isfinite(given) and abs(given - wanted.truth()) <= wanted.within
