"""What a page asks of its reader: to commit to a guess before the answer, and to try it out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from illusionkit.answers import check
from illusionkit.interactive.widget import (
    DOTS,
    escape,
    finite,
    fixed,
    measured,
    own,
    payload,
    said,
    widget,
)
from illusionkit.language import text

if TYPE_CHECKING:
    from IPython.display import HTML

__all__ = ["check", "predict"]

_PREDICT_WORDS = (
    "predict.kicker", "predict.guess", "predict.open", "predict.commit", "predict.committed",
    "predict.summary", "predict.revealed", "predict.exact", "predict.high", "predict.low",
    "predict.you", "predict.answer", "predict.points",
)  # fmt: skip


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
    _check_guess(low, high, step, answer)
    shape = _form(unit)
    shown = shape.format(n=fixed(answer, decimals))
    data = {
        "low": low, "high": high, "decimals": decimals, "form": shape,
        "answer": round(answer, decimals + 4), "shown": shown, "points": unit == "%",
    }  # fmt: skip
    ends = [shape.format(n=fixed(end, decimals)) for end in (low, high)]
    body = (
        f'<p class="ik-kicker">{said("predict.kicker")}</p>'
        f'<p class="ik-question">{own(question)}</p>{_guess(question, low, high, step, ends)}'
        + measured(_answer(shown, ends, reveal) + payload(data, _PREDICT_WORDS))
    )
    return widget("predict", label=text("predict.kicker"), body=body)


def _form(unit: str) -> str:
    """Return how a number stands with its unit; braces in the unit stay what they are."""
    return "{n}" + (f"\N{NO-BREAK SPACE}{unit}" if unit else "").replace("{", "(").replace("}", ")")


def _check_guess(low: float, high: float, step: float, answer: float) -> None:
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


def _guess(question: str, low: float, high: float, step: float, ends: Sequence[str]) -> str:
    middle = low + step * math.floor((high - low) / 2 / step)
    return (
        '<div class="ik-controls" data-needs-script="" hidden><label class="ik-guess">'
        f'<span class="ik-label">{said("predict.guess")}</span>'
        '<span class="ik-big" aria-hidden="true" data-guess="" data-unset="" '
        f'data-text="predict.open">{escape(text("predict.open"))}</span>'
        f'<input type="range" min="{low:.12g}" max="{high:.12g}" step="{step:.12g}" '
        f'value="{middle:.12g}" autocomplete="off" data-lm-suppress-shortcuts="true" '
        f'aria-description="{escape(question)}"><span class="ik-ends" aria-hidden="true">'
        f"<span>{escape(ends[0])}</span><span>{escape(ends[1])}</span></span></label>"
        '<button type="button" data-text="predict.commit" data-lm-suppress-shortcuts="true" '
        f"disabled>{escape(text('predict.commit'))}</button></div>"
    )


def _answer(shown: str, ends: Sequence[str], reveal: str | Sequence[str]) -> str:
    paragraphs = [reveal] if isinstance(reveal, str) else reveal
    prose = "".join(f"<p>{own(paragraph)}</p>" for paragraph in paragraphs)
    plain = escape(text("predict.measured", answer=shown))
    return (
        f'<details><summary>{said("predict.summary")}</summary><p class="ik-verdict" '
        f'data-verdict="" tabindex="-1">{plain}</p>{_number_line(ends)}'
        f'<div class="ik-reveal">{prose}</div></details>'
    )


def _number_line(ends: Sequence[str]) -> str:
    """Return the line on which the script sets guess and answer; it says nothing by itself."""
    scale = "".join(
        f'<text class="ik-scale" x="{x}" y="60" dy="22" text-anchor="{anchor}">{escape(end)}</text>'
        for end, x, anchor in zip(ends, ("0", "100%"), ("start", "end"), strict=True)
    )
    marks = "".join(
        f'<svg aria-hidden="true" {role}data-mark="{name}" x="0" y="50">{dot}'
        f'<text y="{y}" text-anchor="middle"></text></svg>'
        for role, name, y, dot in (
            ('class="ik-yours" ', "guess", -20, DOTS[0].format(8)),
            ("", "answer", 34, DOTS[1].format(7, 14)),
        )
    )
    return (
        '<svg class="ik-line" data-numberline="" aria-hidden="true" width="100%" height="96" '
        'overflow="visible" hidden><line class="ik-track" x2="100%" y1="50" y2="50"/>'
        f'{scale}<line class="ik-miss" data-miss="" y1="50" y2="50"/>{marks}</svg>'
    )
