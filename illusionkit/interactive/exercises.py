"""What a page asks of its reader: to commit to a guess before the answer, and to try it out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from illusionkit.answers import check
from illusionkit.interactive.widget import finite, fixed, payload, widget
from illusionkit.language import text

if TYPE_CHECKING:
    from IPython.display import HTML

__all__ = ["check", "predict"]

WORDS = (
    "kicker", "guess", "open", "commit", "committed", "summary", "revealed", "exact", "high",
    "low", "you", "answer", "points",
)  # fmt: skip
"""What the script may have to say: keys of the catalogue, each after ``predict.``."""


def predict(
    question: str,
    *,
    low: float,
    high: float,
    step: float,
    answer: float,
    reveal: str | Sequence[str],
    unit: str = "",
    decimals: int = 2,
) -> HTML:
    """Return a question whose answer unfolds once the reader has committed a guess.

    The guess goes from ``low`` to ``high`` in ``step``s and can't be changed afterwards; then
    guess and answer stand on a number line, above ``reveal``: plain text, one paragraph a string.
    ``unit`` follows every number; a distance between two "%" is in points.
    Without scripts it is a plain folded answer.

    Raises ValueError for a number that is not finite, a low that is not below high, a step that
    is not above 0 or longer than the range, or an answer out of the range.
    Used in chapter 1.
    """
    _require_question(low, high, step, answer)
    shape = _form(unit)
    shown, *ends = (shape.format(n=fixed(number, decimals)) for number in (answer, low, high))
    data = {
        "low": low, "high": high, "decimals": decimals, "form": shape,
        "answer": round(answer, decimals + 4), "shown": shown, "points": unit == "%",
    }  # fmt: skip
    return widget(
        "predict", label=text("predict.kicker"), question=question, ends=ends, answer=shown,
        low=low, high=high, step=step, middle=low + step * math.floor((high - low) / 2 / step),
        reveal=[reveal] if isinstance(reveal, str) else reveal,
        data=payload(data, [f"predict.{key}" for key in WORDS]),
    )  # fmt: skip


def _form(unit: str) -> str:
    """Return how a number stands with its unit; braces in the unit stay what they are."""
    return "{n}" + (f"\N{NO-BREAK SPACE}{unit}" if unit else "").replace("{", "(").replace("}", ")")


def _require_question(low: float, high: float, step: float, answer: float) -> None:
    for name, value in {"low": low, "high": high, "step": step, "answer": answer}.items():
        finite(name, value)
    if not low < high:
        raise ValueError(f"low ({low}) must be below high ({high})")
    if not 0 < step <= high - low:
        raise ValueError(f"step ({step}) must be above 0 and at most high - low ({high - low:g})")
    if not low <= answer <= high:
        raise ValueError(
            f"the answer {answer:g} can't be guessed between {low:g} and {high:g}: widen the range"
        )
