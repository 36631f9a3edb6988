"""The geometry of `explore`'s chart: scales, and where everything stands.

Widths are per cent and heights are pixels, so that the text keeps its size on a phone and no
script has to lay anything out. The script moves the same elements to the same coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from illusionkit.interactive.widget import fixed, number, place

HEIGHT = 264
TOP, BOTTOM = 12.0, 252.0
LEFT, RIGHT = 4.0, 96.0
PHONE_WIDTH = 230.0
LABEL_GAP = 20.0
TAG_ROOM, TAG_CLEAR = 30.0, 19.0

ScaleKind = Literal["linear", "log", "even"]
Six = list[float]
"""Score, low end, high end of the first score, then of the second: values, or their heights."""


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

    def rules(self) -> list[tuple[float, str]]:
        """Return the height and the label of every tick."""
        return [(self.height(tick), fixed(tick, self.decimals)) for tick in self.ticks]


def dose_scale(doses: Sequence[float], kind: ScaleKind) -> dict[float, float]:
    """Return where each dose stands, in per cent of the width; one single dose in the middle.

    Raises ValueError for an unknown kind, and for a logarithm of doses that are not all above 0.
    """
    if kind not in ("linear", "log", "even"):
        raise ValueError(f"scale must be 'linear', 'log' or 'even', not {kind!r}")
    if kind == "log" and min(doses) <= 0:
        raise ValueError("scale='log' needs every dose above 0; use scale='even' to show a 0")
    even = range(len(doses)) if kind == "even" else doses
    turned = [math.log(dose) for dose in doses] if kind == "log" else even
    low, span = turned[0], turned[-1] - turned[0]
    shares = [(value - low) / span if span else 0.5 for value in turned]
    places = [round(LEFT + share * (RIGHT - LEFT), 2) for share in shares]
    return dict(zip(doses, places, strict=True))


def dose_ticks(places: dict[float, float]) -> list[tuple[float, str]]:
    """Return the place of every dose and its label, "" where it has no room on a phone."""
    free, ticks = -math.inf, []
    for dose, x in places.items():
        label = number(dose)
        half = (len(label) * 7.5 / 2 + 5) * 100 / PHONE_WIDTH
        fits = x - half >= free
        free = x + half if fits else free
        ticks.append((x, label if fits else ""))
    return ticks


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
class Arm:
    """One arm as the script reads it, an entry a dose.

    ``x`` in per cent, ``y`` the six heights, ``doses`` and ``says`` the dose and the six numbers
    in words; ``ends`` are the heights of the two curves' labels.
    """

    x: list[float]
    y: list[Six]
    ends: tuple[float, float]
    doses: list[str]
    says: list[list[str]]

    def line(self, which: int) -> str:
        """Return the points of the first or second curve."""
        return " ".join(self._points(3 * which))

    def band(self, which: int) -> str:
        """Return the points of the interval's outline around a curve."""
        return " ".join(self._points(3 * which + 1) + self._points(3 * which + 2)[::-1])

    def _points(self, column: int) -> list[str]:
        return [f"{place(x)},{place(six[column])}" for x, six in zip(self.x, self.y, strict=True)]
