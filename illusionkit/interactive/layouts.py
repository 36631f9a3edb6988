"""Where the dots of a scene stand: in named boxes, in heaps, or along a line.

A stage is `WIDTH` units wide and `HEIGHT` high, whatever the width of the page. A layout places
the dots that it names; a scene shows no others in that frame.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from illusionkit.interactive.widget import finite

WIDTH, HEIGHT = 300.0, 140.0
WIDEST, GAP, AIR = 18.0, 12.0, 4.0
CLOSE = 11.0
"""The widest pitch of a heap."""
SLIM = 0.16
"""The least share of the stage that a box takes, so that its name has room."""
GOLDEN = math.pi * (3 - math.sqrt(5))

Point = tuple[float, float]


@dataclass(frozen=True)
class Label:
    """A word on the stage, centred at ``x``: above or below the height ``y``, in units."""

    text: str
    x: float
    y: float
    below: bool = False


@dataclass(frozen=True)
class Places:
    """Where dots stand, by number, and what is written and drawn beside them.

    ``pitch`` is the distance of neighbours, ``boxes`` are (left, top, width, height), ``axis`` the
    two ends of the values along a line, where there is one; all in units of the stage.
    """

    at: Mapping[int, Point]
    pitch: float
    labels: Sequence[Label] = ()
    boxes: Sequence[tuple[float, float, float, float]] = ()
    axis: tuple[float, float] | None = None


def boxes(members: Mapping[str, Sequence[int]]) -> Places:
    """Place dots in named boxes side by side, each a grid read like a page.

    ``members`` says which dots stand in a box, in their order. A box may be empty.

    Raises ValueError without a box, for more than six, or for a dot that stands in two of them.
    """
    if not 1 <= len(members) <= 6:
        raise ValueError(f"a stage has room for one to six boxes, not {len(members)}")
    _require_once(members)
    whole = max(1, sum(map(len, members.values())))
    shares = [max(SLIM, len(dots) / whole) for dots in members.values()]
    room = WIDTH - GAP * (len(members) - 1)
    widths = [room * share / sum(shares) for share in shares]
    pitch = _widest(
        lambda size: all(
            _columns(width, size) * math.floor((HEIGHT - AIR) / size) >= len(dots)
            for width, dots in zip(widths, members.values(), strict=True)
        )
    )
    lefts = [sum(widths[:k]) + GAP * k for k in range(len(widths))]
    at = {
        dot: _cell(number, left, width, pitch)
        for left, width, dots in zip(lefts, widths, members.values(), strict=True)
        for number, dot in enumerate(dots)
    }
    named = zip(members, lefts, widths, strict=True)
    labels = [Label(name, left + width / 2, 0) for name, left, width in named]
    frames = [(left, 0.0, width, HEIGHT) for left, width in zip(lefts, widths, strict=True)]
    return Places(at, pitch, labels, frames)


def clusters(groups: Sequence[object], names: Mapping[object, str] | None = None) -> Places:
    """Place dots in heaps, one for each group, in the order in which the groups first appear.

    ``groups`` holds the group of every dot. ``names`` says which heaps carry a name.
    """
    heaps: dict[object, list[int]] = {}
    for dot, group in enumerate(groups):
        heaps.setdefault(group, []).append(dot)
    across = math.ceil(math.sqrt(max(1, len(heaps)) * WIDTH / HEIGHT))
    down = math.ceil(len(heaps) / across) or 1
    width, height = WIDTH / across, HEIGHT / down
    largest = max(map(len, heaps.values()), default=1)
    title = 14.0 if names else 0.0
    pitch = min(CLOSE, (min(width, height - title) - 2) / (2 * _radius(largest)))
    at: dict[int, Point] = {}
    labels = []
    for number, (group, dots) in enumerate(heaps.items()):
        x, y = (number % across + 0.5) * width, (number // across) * height + (height + title) / 2
        at |= {dot: _sunflower(k, x, y, pitch) for k, dot in enumerate(dots)}
        if names and group in names:
            labels.append(Label(names[group], x, y - pitch * _radius(len(dots)) - 1))
    return Places(at, pitch, labels)


def line(
    values: Sequence[float] | Mapping[int, float],
    *,
    low: float,
    high: float,
    ticks: Mapping[float, str],
    lanes: Sequence[str] | None = None,
) -> Places:
    """Place dots along a line by their values, heaped up where values are close.

    ``values`` holds the value of every dot, or of those that are shown. ``ticks`` says what is
    written below the line, and where. ``lanes`` names the lane of every dot: a line for each name.

    Raises ValueError for a value that is not finite or not from ``low`` to ``high``.
    """
    placed = dict(values) if isinstance(values, Mapping) else dict(enumerate(values))
    x_of = _axis(low, high)
    for dot, value in placed.items():
        if not low <= finite(f"the value of dot {dot}", value) <= high:
            raise ValueError(f"dot {dot} stands at {value:g}, outside of {low:g} to {high:g}")
    rows: dict[str, dict[int, float]] = {}
    for dot in sorted(placed, key=lambda each: (placed[each], each)):
        rows.setdefault(lanes[dot] if lanes else "", {})[dot] = x_of(placed[dot])
    names = list(dict.fromkeys(lanes)) if lanes else [""]
    height, title = HEIGHT / len(names), 16.0 if lanes else 0.0
    pitch = _widest(
        lambda size: _highest(rows.values(), size) * size <= height - title - AIR, CLOSE
    )
    at: dict[int, Point] = {}
    labels = [Label(word, x_of(v), HEIGHT, below=True) for v, word in ticks.items()]
    for number, name in enumerate(names):
        ground = (number + 1) * height - pitch / 2 - 1
        heap = rows.get(name, {})
        at |= {dot: (heap[dot], ground - level * pitch) for dot, level in _levels(heap, pitch)}
        labels += [Label(name, WIDTH / 2, number * height + title - 3)] if lanes else []
    return Places(at, pitch, labels, axis=(x_of(low), x_of(high)))


def _require_once(members: Mapping[str, Sequence[int]]) -> None:
    seen: dict[int, str] = {}
    for name, dots in members.items():
        for dot in dots:
            if dot in seen:
                raise ValueError(f"dot {dot} stands in '{seen[dot]}' and in '{name}': choose one")
            seen[dot] = name


def _widest(fits: Callable[[float], bool], most: float = WIDEST) -> float:
    """Return the widest pitch that fits, in steps of a tenth of a unit."""
    return next(size for size in (most - k / 10 for k in count()) if size < 1 or fits(size))


def _columns(width: float, pitch: float) -> int:
    return max(1, math.floor((width - AIR) / pitch))


def _cell(number: int, left: float, width: float, pitch: float) -> Point:
    row, column = divmod(number, _columns(width, pitch))
    margin = (width - _columns(width, pitch) * pitch) / 2
    return left + margin + (column + 0.5) * pitch, AIR / 2 + (row + 0.5) * pitch


def _radius(number: int) -> float:
    """Return the radius of a heap of so many dots, in pitches."""
    return 0.56 * math.sqrt(number) + 0.5


def _sunflower(number: int, x: float, y: float, pitch: float) -> Point:
    reach = 0.56 * pitch * math.sqrt(number + 0.25)
    return x + reach * math.cos(number * GOLDEN), y + reach * math.sin(number * GOLDEN)


def _axis(low: float, high: float) -> Callable[[float], float]:
    if not finite("low", low) < finite("high", high):
        raise ValueError(f"low ({low}) must be below high ({high})")
    edge = CLOSE / 2 + 4
    return lambda value: float(edge + (WIDTH - 2 * edge) * (value - low) / (high - low))


def _levels(heap: Mapping[int, float], pitch: float) -> list[tuple[int, int]]:
    """Return dots, left to right, each with the lowest level on which it touches no other."""
    ends: list[float] = []  # the last dot of each level
    levels = []
    for dot, x in heap.items():
        level = next((k for k, end in enumerate(ends) if x - end >= pitch), len(ends))
        ends[level : level + 1] = [x]
        levels.append((dot, level))
    return levels


def _highest(rows: Iterable[Mapping[int, float]], pitch: float) -> int:
    return max((level + 1 for heap in rows for _, level in _levels(heap, pitch)), default=1)
