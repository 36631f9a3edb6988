"""What a page asks of its reader: to commit to a guess before the answer, and to try it out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

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


@dataclass(frozen=True)
class Question:
    """A number to be guessed from ``low`` to ``high`` in ``step``s, with its answer.

    ``unit`` follows every number; a distance between two "%" is in points. ``decimals`` are those
    of the step, unless fewer are asked for.

    Raises ValueError for a number that is not finite, a low that is not below high, a step that
    is not above 0 or longer than the range, an answer out of the range, or more decimals than the
    step has, which no guess could meet.
    """

    question: str
    low: float
    high: float
    step: float
    answer: float
    unit: str = ""
    decimals: int | None = None

    def __post_init__(self) -> None:
        _require_question(self.low, self.high, self.step, self.answer)
        if (self.decimals or 0) > self.digits:
            raise ValueError(
                f"no guess in steps of {self.step:g} can meet an answer of {self.decimals} "
                f"decimals: {self.digits} at most"
            )

    @property
    def digits(self) -> int:
        """Return how many decimals a step has."""
        return max(0, -int(Decimal(f"{self.step:g}").normalize().as_tuple().exponent))

    @property
    def shown(self) -> int:
        """Return with how many decimals a number is shown."""
        return self.digits if self.decimals is None else self.decimals

    @property
    def middle(self) -> float:
        """Return where the slider stands first."""
        return self.low + self.step * math.floor((self.high - self.low) / 2 / self.step)

    def form(self, number: float) -> str:
        """Return a number as it is shown, with its unit."""
        return _form(self.unit).format(n=fixed(number, self.shown))

    def data(self) -> dict[str, Any]:
        """Return the question as the script reads it."""
        return {
            "low": self.low, "high": self.high, "decimals": self.shown,
            "form": _form(self.unit), "answer": round(self.answer, self.shown + 4),
            "shown": self.form(self.answer), "points": self.unit == "%",
        }  # fmt: skip


def predict(
    question: str,
    *,
    low: float,
    high: float,
    step: float,
    answer: float,
    reveal: str | Sequence[str],
    unit: str = "",
    decimals: int | None = None,
) -> HTML:
    """Return a question whose answer unfolds once the reader has committed a guess.

    The guess goes from ``low`` to ``high`` in ``step``s and can't be changed afterwards; then
    guess and answer stand on a number line, above ``reveal``: plain text, one paragraph a string.
    Without scripts it is a plain folded answer.

    Raises what `Question` raises.
    Used in chapter 1.
    """
    asked = Question(question, low, high, step, answer, unit, decimals)
    return widget(
        "predict", label=text("predict.kicker"), asked=asked,
        reveal=[reveal] if isinstance(reveal, str) else reveal,
        data=payload(asked.data(), [f"predict.{key}" for key in WORDS]),
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
