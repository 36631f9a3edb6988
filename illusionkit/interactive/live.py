"""`play`: a live panel, where there is a kernel to run it.

An experiment is run at values off the grid, a fine-tuned model on the reader's own sentence.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, overload

import ipywidgets

from illusionkit.experiment.reading import Reading
from illusionkit.experiment.spec import Experiment, Knob
from illusionkit.interactive.chart import tidy_step
from illusionkit.interactive.panel import PLAIN, WIDE, LivePanel, card
from illusionkit.interactive.sentence import SentencePanel
from illusionkit.interactive.widget import entry, fixed, number, word
from illusionkit.language import text
from illusionkit.training.book_model import Finetuned, Spec

NAMES = ("score.apparent", "score.honest", "score.optimism")


@overload
def play(subject: Experiment, *, decimals: int = 3) -> ExperimentPanel: ...
@overload
def play(subject: Finetuned, *, spec: Spec | None = None) -> SentencePanel: ...
def play(
    subject: Experiment | Finetuned, *, decimals: int = 3, spec: Spec | None = None
) -> ExperimentPanel | SentencePanel:
    """Return a live panel of an experiment, or of a fine-tuned model.

    As a cell's last value it shows its widgets where a notebook is live, and else what it would do
    there; nothing runs before the reader asks. The widgets have names: of an experiment
    ``knobs["dose"]``, ``seed``, ``arm``, ``run``, ``output``, of a model (`SentencePanel`)
    ``sentence``, ``similar``, ``run``, ``output``. ``reading`` is what was read last, None before.
    ``spec`` is what the model was trained by, if not the default one. Used in chapters 1 and 5.

    Raises
    ------
    TypeError
        ``subject`` is neither.
    TrainingError
        The model doesn't tell the five classes apart.
    """
    if isinstance(subject, Finetuned):
        return SentencePanel(subject, spec)
    if isinstance(subject, Experiment):
        return ExperimentPanel(subject, decimals=decimals)
    given = type(subject).__name__
    raise TypeError(f"play() takes an Experiment or what finetuned() returns, not {given}.")


class ExperimentPanel(LivePanel):
    """An experiment's widgets by name."""

    def __init__(self, experiment: Experiment, *, decimals: int = 3) -> None:
        self.experiment = experiment
        self.decimals = decimals
        self.reading: Reading | None = None
        self.title = text("play.title", title=experiment.title)
        self._shown: list[list[str]] = []

    @cached_property
    def knobs(self) -> dict[str, Any]:
        """Return a slider a knob, by the knob's name."""
        return {knob.name: _slider(knob) for knob in self.experiment.knobs}

    @cached_property
    def seed(self) -> Any:
        """Return the field of the seed: any whole number from 0 up."""
        return ipywidgets.BoundedIntText(
            value=self.experiment.seeds[0],
            max=2**31 - 1,
            description=text("play.seed"),
            style=PLAIN,
        )

    @cached_property
    def arm(self) -> Any:
        """Return the menu of the experiment's arms, in words; its value is the arm's name."""
        options = [(_arm(arm), arm) for arm in self.experiment.arms]
        return ipywidgets.Dropdown(options=options, description=text("play.arm"), style=PLAIN)

    def controls(self) -> list[Any]:
        """Return a slider a knob, and a row of arm, seed and button."""
        row = ipywidgets.HBox([self.arm, self.seed, self.run], layout={"flex_flow": "row wrap"})
        return [*self.knobs.values(), row]

    def offers(self) -> list[str]:
        """Return the range of each knob, and the arms."""
        arms = ", ".join(_arm(arm) for arm in self.experiment.arms)
        return [*map(_range, self.experiment.knobs), f"{text('play.arm')}: {arms}"]

    @property
    def doses(self) -> dict[str, float]:
        """Return the value now chosen for every knob."""
        return {name: float(slider.value) for name, slider in self.knobs.items()}

    def answer(self) -> str:
        """Read the experiment once and return the reading beside earlier ones."""
        asked = self._choices()
        reading = self.experiment.read(self.doses, int(self.seed.value), self.arm.value)
        three = self._three(reading)
        shown = card(
            "reading", names=NAMES, values=[part for score in three for part in (score, "")],
            asked=asked, extras=reading.extras, before=self._shown,
        )  # fmt: skip
        self.reading = reading
        self._shown.append([asked, *three])
        return shown

    def _choices(self) -> str:
        knobs = [
            f"{knob.label} {number(self.doses[knob.name])} {knob.unit}".strip()
            for knob in self.experiment.knobs
        ]
        seed = text("play.seed.says", seed=self.seed.value)
        return ", ".join([*knobs, seed, _arm(self.arm.value)])

    def _three(self, reading: Reading) -> list[str]:
        scores = [fixed(score, self.decimals) for score in (reading.apparent, reading.honest)]
        return [*scores, fixed(self.experiment.optimism(reading), self.decimals, sign=True)]

    def __repr__(self) -> str:
        return f"play({self.experiment.id!r})"


def _slider(knob: Knob) -> Any:
    unit = f" ({knob.unit})" if knob.unit else ""
    step = slider_step(knob)
    return ipywidgets.FloatSlider(
        value=knob.default, min=knob.low, max=knob.high, step=step, description=knob.label + unit,
        readout_format=f".{max(0, -math.floor(math.log10(step)))}f", **WIDE,
    )  # fmt: skip


def slider_step(knob: Knob) -> float:
    """Return about a hundredth of the range; a whole number where the doses are such, over 10."""
    span = knob.high - knob.low
    step = tidy_step(span, 100) if span > 0 else 1.0
    whole = all(float(value).is_integer() for value in (*knob.doses, knob.low, knob.high))
    return max(1.0, round(step)) if whole and span >= 10 else step


def _arm(arm: str) -> str:
    return word(entry("arm", arm))


def _range(knob: Knob) -> str:
    unit = f" {knob.unit}" if knob.unit else ""
    return text("play.knob", label=knob.label, low=number(knob.low), high=number(knob.high) + unit)
