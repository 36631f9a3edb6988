"""A unit chart: real units as dots, which glide from frame to frame, one sentence each.

It runs in the rendered book with no kernel and no network, in JupyterLab and in Colab alike.
Without scripts the frames stand one under the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from string import Formatter
from typing import TYPE_CHECKING, Any

from illusionkit.interactive.exercises import WORDS, Question
from illusionkit.interactive.layouts import HEIGHT, WIDTH, Label, Places
from illusionkit.interactive.widget import finite, payload, place, widget
from illusionkit.language import text

if TYPE_CHECKING:
    from IPython.display import HTML

COLOURS = ("soft", "apparent", "honest", "third", "fourth", "ink")
MOST = 150
"""The most dots of a scene, and what keeps its data small."""
FILLED = 0.8
"""The width of a dot, as a share of the distance to its neighbour."""

Guess = Question


@dataclass(frozen=True)
class Threshold:
    """A line to be dragged over the values of a frame, from 0 to 1 along its axis by default.

    ``says`` is a sentence with {at}, {above}, {below} and {cost}: where the line stands, how many
    units lie on or above it and below it, and the sum of what each costs there: ``above`` and
    ``below`` hold the cost of every dot on that side. ``colours`` are those below and above.
    """

    says: str
    start: float
    low: float = 0.0
    high: float = 1.0
    step: float = 0.01
    label: str = "threshold"
    decimals: int = 2
    above: Sequence[float] = ()
    below: Sequence[float] = ()
    colours: tuple[str, str] = ("soft", "apparent")


@dataclass(frozen=True)
class Frame:
    """One picture: a sentence, where each dot stands, its colour, and threads between dots.

    ``roles`` is a colour of the palette for all, or one for each dot.
    """

    says: str
    places: Places
    roles: str | Sequence[str] = "soft"
    threads: Sequence[tuple[int, int]] = ()
    threshold: Threshold | None = None


def scene(
    frames: Sequence[Frame],
    *,
    title: str,
    alt: str,
    unit: str,
    each: int = 1,
    guess: Guess | None = None,
    texts: Mapping[int, str] | None = None,
) -> HTML:
    """Return a scene of two to eight frames, as one self-contained HTML output.

    ``unit`` says what a dot is, and ``each`` how many of them it stands for: about persons at
    least 5, none of them alone. With a ``guess`` the frames after the first open when the reader
    has committed to one. ``texts`` are shown where a dot is pointed at, and in a fold.

    Raises ValueError for too few or too many frames or dots, a dot without a colour, a thread to
    a dot that is not shown, a text of no dot, or a threshold on a frame without a line.
    """
    dots = 1 + max((dot for frame in frames for dot in frame.places.at), default=-1)
    _require_scene(frames, dots, each, texts or {})
    stages = [Stage(frame, dots, each) for frame in frames]
    size = FILLED * min(frame.places.pitch for frame in frames)
    data = {
        "dots": dots, "size": round(size, 2), "each": each,
        "frames": [stage.data() for stage in stages],
        "texts": {str(dot): said for dot, said in (texts or {}).items()},
        "guess": guess.data() if guess else None,
    }  # fmt: skip
    keys = [f"scene.{key}" for key in ("of", "next", "back")]
    keys += [f"predict.{key}" for key in WORDS] if guess else []
    key = "scene.one" if each == 1 else "scene.each"
    return widget(
        "scene", label=title, alt=alt, stages=stages, size=size, guess=guess, texts=texts or {},
        marks=any(label.below for frame in frames for label in frame.places.labels),
        note=text(key, unit=unit, each=f"{each:,}"), colours=COLOURS,
        view=f"0 0 {WIDTH:g} {HEIGHT:g}", data=payload(data, keys),
    )  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """A frame as it is drawn; ``dots`` are all of the scene, whether it shows them or not."""

    frame: Frame
    dots: int
    each: int

    @cached_property
    def roles(self) -> list[str]:
        """Return the colour of every dot."""
        given, threshold = self.frame.roles, self.frame.threshold
        if threshold is None:
            return [given] * self.dots if isinstance(given, str) else list(given)
        return [threshold.colours[dot in self.above] for dot in range(self.dots)]

    @cached_property
    def above(self) -> list[int]:
        """Return the dots that lie on or above the threshold where it stands first."""
        at, threshold = self.frame.places.at, self.frame.threshold
        return [dot for dot in at if threshold and at[dot][0] >= self.line(threshold.start)]

    @property
    def labels(self) -> list[dict[str, Any]]:
        """Return the labels, their places in per cent of the stage."""
        return [_written(label) for label in self.frame.places.labels]

    def path(self, colour: str) -> str:
        """Return the SVG path of all dots of a colour: a round stroke without length for each."""
        at, roles = self.frame.places.at, self.roles
        shown = [dot for dot in sorted(at) if roles[dot] == colour]
        return "".join(f"M{place(at[dot][0])} {place(at[dot][1])}h0" for dot in shown)

    def threads(self) -> str:
        """Return the SVG path of the threads."""
        at = self.frame.places.at
        ends = ((at[a], at[b]) for a, b in self.frame.threads)
        return "".join(f"M{place(a)} {place(b)}L{place(c)} {place(d)}" for (a, b), (c, d) in ends)

    def line(self, value: float) -> float:
        """Return where a value of the threshold stands, in units of the stage."""
        threshold, axis = self.frame.threshold, self.frame.places.axis
        assert threshold and axis
        share = (value - threshold.low) / (threshold.high - threshold.low)
        return axis[0] + share * (axis[1] - axis[0])

    def says(self) -> str:
        """Return the sentence; with a threshold, as it is where the line stands first."""
        threshold = self.frame.threshold
        if threshold is None:
            return self.frame.says
        above = self.above
        below = [dot for dot in self.frame.places.at if dot not in above]
        cost = sum(threshold.above[dot] for dot in above if threshold.above)
        cost += sum(threshold.below[dot] for dot in below if threshold.below)
        found = {
            "at": f"{threshold.start:.{threshold.decimals}f}", "cost": _grouped(cost),
            "above": _grouped(self.each * len(above)), "below": _grouped(self.each * len(below)),
        }  # fmt: skip
        told = re.sub(r"\{(\w+)\}", lambda m: found.get(m[1], m[0]), threshold.says)
        return f"{self.frame.says} {told}".strip()

    def data(self) -> dict[str, Any]:
        """Return the frame as the script reads it: places in hundredths of a unit, -1 unseen."""
        at, threshold = self.frame.places.at, self.frame.threshold
        return {
            "at": [round(100 * v) for dot in range(self.dots) for v in at.get(dot, (-1, -1))],
            "roles": "".join(str(COLOURS.index(role)) for role in self.roles),
            "threads": [[int(dot) for dot in pair] for pair in self.frame.threads],
            "says": self.frame.says,
            "knob": threshold and self._knob(threshold),
        }

    def _knob(self, threshold: Threshold) -> dict[str, Any]:
        given = vars(threshold)
        names = ("says", "start", "low", "high", "step", "label", "decimals")
        costs = {name: list(map(float, given[name])) for name in ("above", "below")}
        return {
            **{name: given[name] for name in names}, **costs,
            "colours": [COLOURS.index(colour) for colour in threshold.colours],
            "axis": [self.line(threshold.low), self.line(threshold.high)],
        }  # fmt: skip


def _written(label: Label) -> dict[str, Any]:
    x, y = 100 * label.x / WIDTH, 100 * label.y / HEIGHT
    edge = "start" if x < 9 else "end" if x > 91 else "middle"
    dy = 1.3 if label.below else -0.45
    return {"text": label.text, "x": round(x, 2), "y": round(y, 2), "dy": dy, "anchor": edge}


def _grouped(value: float) -> str:
    """Return a sum as a whole number, its thousands grouped, as the script writes it."""
    return f"{int(value + 0.5):,}"


def _require_scene(frames: Sequence[Frame], dots: int, each: int, texts: Mapping[int, str]) -> None:
    if not 2 <= len(frames) <= 8:
        raise ValueError(f"a scene has two to eight frames, not {len(frames)}")
    if not 1 <= dots <= MOST:
        raise ValueError(f"a scene has 1 to {MOST} dots, not {dots}: let one stand for several")
    if each < 1:
        raise ValueError(f"a dot stands for at least one unit, not {each}")
    for number, frame in enumerate(frames, 1):
        for fault in _faults(frame, dots):
            raise ValueError(f"frame {number}: {fault}")
    for dot in texts:
        if not 0 <= dot < dots:
            raise ValueError(f"there is a text for dot {dot}, but the dots are 0 to {dots - 1}")


def _faults(frame: Frame, dots: int) -> Iterator[str]:
    """Yield what is wrong with a frame, in words."""
    at, roles = frame.places.at, frame.roles
    if not isinstance(roles, str) and len(roles) != dots:
        yield f"{len(roles)} colours for {dots} dots"
    unknown = {roles} if isinstance(roles, str) else {*roles}
    if unknown := unknown - {*COLOURS}:
        yield f"no colour {sorted(unknown)[0]!r}; the colours are {', '.join(COLOURS)}"
    for dot, point in at.items():
        finite(f"the place of dot {dot}", sum(point))
        if dot < 0:
            yield f"dots are numbered from 0, not {dot}"
    for a, b in frame.threads:
        if a not in at or b not in at:
            yield f"a thread from dot {a} to dot {b}, one of which is not shown"
    if frame.threshold:
        yield from _faults_of_threshold(frame.threshold, frame.places, dots)


def _faults_of_threshold(threshold: Threshold, places: Places, dots: int) -> Iterator[str]:
    if places.axis is None:
        yield "a threshold needs a frame whose dots stand along a line"
    if not threshold.low <= threshold.start <= threshold.high or threshold.low == threshold.high:
        yield f"the threshold starts at {threshold.start:g}, outside of its range"
    if len(threshold.above) not in (0, dots) or len(threshold.below) not in (0, dots):
        yield f"costs of {len(threshold.above)} and {len(threshold.below)} of {dots} dots"
    asked = {name for _, name, _, _ in Formatter().parse(threshold.says) if name}
    if unknown := asked - {"at", "above", "below", "cost"}:
        yield f"the threshold's sentence asks for {{{sorted(unknown)[0]}}}, which is not known"
