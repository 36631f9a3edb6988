"""The chart inside `explore`: scales, and the first frame as real SVG.

Widths are per cent and heights are pixels, so that the text keeps its size on a phone and no
script has to lay anything out. The script moves the same elements to the same coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from illusionkit.interactive.widget import DOTS, ROLES, escape, fixed, number, place, said
from illusionkit.language import knows, text

HEIGHT = 264
TOP, BOTTOM = 12.0, 252.0
LEFT, RIGHT = 4.0, 96.0
PHONE_WIDTH = 230.0
LABEL_GAP = 20.0
FLIP_AT = 58.0
TAG_ROOM, TAG_CLEAR = 30.0, 19.0

ScaleKind = Literal["linear", "log", "even"]
Six = list[float]


def tidy_step(span: float, most: int) -> float:
    """Return 1, 2 or 5 times a power of ten: the smallest step giving at most ``most`` steps."""
    power = 10.0 ** math.floor(math.log10(span / most))
    factors = [factor for factor in (1, 2, 5, 10) if factor * power * most >= span * (1 - 1e-9)]
    return factors[0] * power


@dataclass(frozen=True)
class ScoreScale:
    """The vertical axis: ticks ascending, and heights in pixels from the top."""

    ticks: tuple[float, ...]
    decimals: int

    @classmethod
    def around(cls, values: Sequence[float]) -> ScoreScale:
        """Return a scale that holds all values between tidy ticks, four steps or so."""
        low, high = min(values), max(values)
        if high - low < 1e-9:
            margin = max(abs(low) * 0.05, 1e-3)
            low, high = low - margin, high + margin
        step = tidy_step(high - low, 4)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        decimals = max(0, -math.floor(math.log10(step)))
        ticks = tuple(round(k * step, decimals + 1) for k in range(first, last + 1))
        return cls(ticks, decimals)

    def height(self, value: float) -> float:
        """Return the height of a score in pixels from the top, rounded to two decimals."""
        share = (value - self.ticks[0]) / (self.ticks[-1] - self.ticks[0])
        return round(BOTTOM - share * (BOTTOM - TOP), 2)

    def words(self, tick: float) -> str:
        """Return the label of a tick."""
        return fixed(tick, self.decimals)


def dose_scale(doses: Sequence[float], kind: ScaleKind) -> dict[float, float]:
    """Return where each dose stands, in per cent of the width; one single dose in the middle.

    Raises ValueError for an unknown kind, and for a logarithm of doses that are not all above 0.
    """
    if kind not in ("linear", "log", "even"):
        raise ValueError(f"scale must be 'linear', 'log' or 'even', not {kind!r}")
    if kind == "log" and min(doses) <= 0:
        raise ValueError("scale='log' needs every dose above 0; use scale='even' to show a 0")
    even = {dose: float(index) for index, dose in enumerate(doses)}
    turns: dict[str, Callable[[float], float]]
    turns = {"linear": float, "log": math.log, "even": even.__getitem__}
    turn = turns[kind]
    low, high = turn(doses[0]), turn(doses[-1])
    span = high - low
    share = {dose: (turn(dose) - low) / span if span else 0.5 for dose in doses}
    return {dose: round(LEFT + part * (RIGHT - LEFT), 2) for dose, part in share.items()}


def ends(first: float, second: float) -> tuple[float, float]:
    """Return the heights of the two curves' labels, pushed apart where they would overlap."""
    short = LABEL_GAP - abs(first - second)
    if short > 0:
        push = short / 2 if first <= second else -short / 2
        first, second = first - push, second + push
    over = max(0.0, max(first, second) - (BOTTOM + 4))
    return round(first - over, 2), round(second - over, 2)


def tag_height(six: Six) -> float:
    """Return the height of the gap's number: beside the bracket, or clear of a gap too small."""
    if abs(six[0] - six[3]) >= TAG_ROOM:
        return (six[0] + six[3]) / 2
    above = min(six[2], six[5]) - TAG_CLEAR
    return above if above > TOP else max(six[1], six[4]) + TAG_CLEAR


@dataclass(frozen=True)
class Curves:
    """One arm as drawn: x in per cent; for each dose six heights, score, low, high, twice."""

    x: list[float]
    y: list[Six]
    ends: tuple[float, float]


def plot(
    curves: Curves,
    *,
    dose: int,
    scale: ScoreScale,
    ticks: Mapping[float, float],
    most: int,
    names: Sequence[str],
    tag: str,
    alt: str,
) -> str:
    """Return the chart's SVG with the cursor at dose number ``dose``.

    ``most`` is the largest number of doses in any arm: so many markers the script needs.
    """
    inner = (
        _rules(scale)
        + _dose_ticks(ticks)
        + f'<svg aria-hidden="true" width="100%" height="{HEIGHT}" viewBox="0 0 100 {HEIGHT}" '
        f'preserveAspectRatio="none">{_shapes(curves)}</svg>'
        + "".join(_marks(curves, which, most) + _end(curves, which, names) for which in (0, 1))
        + _cursor(curves, dose, tag)
        + f'<rect class="ik-hit" data-hit="" y="-12" width="100%" height="{HEIGHT + 44}"/>'
    )
    widest = max((scale.words(tick) for tick in scale.ticks), key=len)
    longest = max((text(name) if knows(name) else name for name in names[:2]), key=len)
    return (
        f'<span class="ik-gutter" aria-hidden="true">{widest}</span>'
        f'<svg class="ik-plot" role="img" aria-label="{escape(alt)}" width="100%" '
        f'height="{HEIGHT}" overflow="visible">{inner}</svg>'
        f'<span class="ik-gutter" aria-hidden="true">{escape(longest)}</span>'
    )


def _rules(scale: ScoreScale) -> str:
    return "".join(
        f'<line class="ik-rule" x2="100%" y1="{place(y)}" y2="{place(y)}"/>'
        f'<text x="-10" y="{place(y)}" dy=".35em" text-anchor="end">{scale.words(tick)}</text>'
        for tick, y in ((tick, scale.height(tick)) for tick in scale.ticks)
    )


def _dose_ticks(ticks: Mapping[float, float]) -> str:
    """Draw a tick at every dose, and its label where it has room on a phone."""
    base = f'<line class="ik-base" x2="100%" y1="{HEIGHT}" y2="{HEIGHT}"/>'
    free, marks = -1e9, ""
    for dose, x in ticks.items():
        label, at = number(dose), f"{place(x)}%"
        marks += f'<line class="ik-base" x1="{at}" x2="{at}" y1="{HEIGHT}" y2="{HEIGHT + 5}"/>'
        half = (len(label) * 7.5 / 2 + 5) * 100 / PHONE_WIDTH
        if x - half >= free:
            marks += f'<text x="{at}" y="{HEIGHT + 20}" text-anchor="middle">{label}</text>'
            free = x + half
    return base + marks


def _shapes(curves: Curves) -> str:
    bands = lines = ""
    pairs = list(zip(curves.x, curves.y, strict=True))
    for which, role in enumerate(ROLES):
        mid, low, high = (
            [f"{place(x)},{place(six[3 * which + k])}" for x, six in pairs] for k in range(3)
        )
        bands += (
            f'<polygon class="ik-band {role}" data-band="{which}" '
            f'points="{" ".join(low + high[::-1])}"/>'
        )
        lines += f'<polyline class="ik-curve {role}" data-line="{which}" points="{" ".join(mid)}"/>'
    return bands + lines


def _dot(which: int, *, large: bool = False) -> str:
    sizes = ((7.5,), (6.5, 13)) if large else ((5,), (4.5, 9))
    return DOTS[which].format(*sizes[which])


def _marks(curves: Curves, which: int, most: int) -> str:
    places = list(zip(curves.x, [six[3 * which] for six in curves.y], strict=True))
    shown = [f'x="{place(x)}%" y="{place(y)}"' for x, y in places]
    shown += ['display="none"'] * (most - len(shown))
    marks = "".join(f'<svg aria-hidden="true" {where}>{_dot(which)}</svg>' for where in shown)
    return f'<g class="{ROLES[which]}" data-marks="{which}">{marks}</g>'


def _end(curves: Curves, which: int, names: Sequence[str]) -> str:
    return (
        f'<text class="ik-end {ROLES[which]}" data-end="{which}" x="100%" '
        f'y="{place(curves.ends[which])}" dx="10" dy=".35em">{said(names[which], "tspan")}</text>'
    )


def _cursor(curves: Curves, dose: int, tag: str) -> str:
    x, six = curves.x[dose], curves.y[dose]
    side = -1 if x > FLIP_AT else 1
    bracket = f"M{11 * side} {place(six[0])}H{18 * side}V{place(six[3])}H{11 * side}"
    here = "".join(
        f'<line class="ik-whisker {role}" data-whisker="{which}" '
        f'y1="{place(six[3 * which + 1])}" y2="{place(six[3 * which + 2])}"/>'
        f'<svg aria-hidden="true" class="{role}" data-here="{which}" y="{place(six[3 * which])}">'
        f"{_dot(which, large=True)}</svg>"
        for which, role in enumerate(ROLES)
    )
    return (
        f'<svg aria-hidden="true" data-cursor="" x="{place(x)}%">'
        f'<line class="ik-cursor" y1="0" y2="{HEIGHT}"/>'
        f'<path class="ik-grip" d="M-6 {HEIGHT + 5}L0 {HEIGHT - 4}L6 {HEIGHT + 5}Z"/>{here}'
        f'<path class="ik-bracket" data-bracket="" d="{bracket}"/>'
        f'<text class="ik-tag" data-tag="" data-value="4" x="{27 * side}" '
        f'y="{place(tag_height(six))}" dy=".35em" '
        f'text-anchor="{"start" if side > 0 else "end"}">{escape(tag)}</text></svg>'
    )
