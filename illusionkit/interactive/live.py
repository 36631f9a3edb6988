"""`play`: a live panel, where there is a kernel to run it.

An experiment is run at values off the grid, a fine-tuned model on the reader's own sentence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any, overload

from illusionkit.experiment.spec import Experiment, Knob, Reading
from illusionkit.interactive.chart import tidy_step
from illusionkit.interactive.panel import PLAIN, LivePanel, earlier
from illusionkit.interactive.sentence import SentencePanel
from illusionkit.interactive.widget import escape, fixed, number, readout
from illusionkit.language import knows, text
from illusionkit.training.book_model import Finetuned, Spec

NAMES = ("score.apparent", "score.honest", "score.optimism")


@overload
def play(subject: Experiment, *, decimals: int = 3) -> Panel: ...
@overload
def play(subject: Finetuned, *, spec: Spec | None = None) -> SentencePanel: ...
def play(
    subject: Experiment | Finetuned, *, decimals: int = 3, spec: Spec | None = None
) -> Panel | SentencePanel:
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
        return Panel(subject, decimals=decimals)
    given = type(subject).__name__
    raise TypeError(f"play() takes an Experiment or what finetuned() returns, not {given}.")


class Panel(LivePanel):
    """An experiment's widgets by name."""

    def __init__(self, experiment: Experiment, *, decimals: int = 3) -> None:
        self.experiment = experiment
        self.decimals = decimals
        self.reading: Reading | None = None
        self.title = text("play.title", title=experiment.title)
        self.waiting, self.fallback = text("play.wait"), text("play.fallback")
        self._runs: list[tuple[str, Reading]] = []

    @cached_property
    def knobs(self) -> dict[str, Any]:
        """Return a slider a knob, by the knob's name."""
        return {knob.name: _slider(knob) for knob in self.experiment.knobs}

    @cached_property
    def seed(self) -> Any:
        """Return the field of the seed: any whole number from 0 up."""
        import ipywidgets

        return ipywidgets.BoundedIntText(
            value=self.experiment.seeds[0], min=0, max=2**31 - 1,
            description=text("play.seed"), style=PLAIN,
        )  # fmt: skip

    @cached_property
    def arm(self) -> Any:
        """Return the menu of the experiment's arms, in words; its value is the arm's name."""
        import ipywidgets

        options = [(_arm(arm), arm) for arm in self.experiment.arms]
        return ipywidgets.Dropdown(
            options=options, value=self.experiment.arms[0],
            description=text("play.arm"), style=PLAIN,
        )  # fmt: skip

    def controls(self) -> list[Any]:
        """Return a slider a knob, and a row of arm, seed and button."""
        import ipywidgets

        choices = ipywidgets.HBox(
            [self.arm, self.seed, self.run], layout=ipywidgets.Layout(flex_flow="row wrap")
        )
        return [*self.knobs.values(), choices]

    def offers(self) -> list[str]:
        """Return the range of each knob, and the arms."""
        arms = ", ".join(_arm(arm) for arm in self.experiment.arms)
        ranges = [_range(knob) for knob in self.experiment.knobs]
        return [*ranges, f"{text('play.arm')}: {arms}"]

    @property
    def doses(self) -> dict[str, float]:
        """Return the value now chosen for every knob."""
        return {name: float(slider.value) for name, slider in self.knobs.items()}

    def answer(self) -> str:
        """Read the experiment once and return the reading beside earlier ones."""
        asked = self._choices()
        reading = self.experiment.read(self.doses, int(self.seed.value), self.arm.value)
        before = [(words, *self._three(done)) for words, done in self._runs]
        shown = self._shown(asked, reading) + earlier([text(name) for name in NAMES], before)
        self.reading = reading
        self._runs.append((asked, reading))
        return shown

    def _choices(self) -> str:
        knobs = [
            f"{knob.label} {number(self.doses[knob.name])} {knob.unit}".strip()
            for knob in self.experiment.knobs
        ]
        seed = text("play.seed.says", seed=self.seed.value)
        return ", ".join([*knobs, seed, _arm(self.arm.value)])

    def _three(self, reading: Reading) -> tuple[str, str, str]:
        optimism = fixed(self.experiment.optimism(reading), self.decimals, sign=True)
        return (
            fixed(reading.apparent, self.decimals),
            fixed(reading.honest, self.decimals),
            optimism,
        )

    def _shown(self, asked: str, reading: Reading) -> str:
        apparent, honest, optimism = self._three(reading)
        big = readout(
            [escape(text(name)) for name in NAMES],
            [escape(text(f"{name}.means")) for name in NAMES[:2]],
            [apparent, "", honest, "", optimism, ""],
        )
        return f"{big}<p>{escape(asked)}.</p>{_extras(reading.extras)}"

    def __repr__(self) -> str:
        return f"play({self.experiment.id!r})"


def _slider(knob: Knob) -> Any:
    import ipywidgets

    unit = f" ({knob.unit})" if knob.unit else ""
    step = _step(knob)
    return ipywidgets.FloatSlider(
        value=knob.default, min=knob.low, max=knob.high, step=step, continuous_update=False,
        description=knob.label + unit, style=PLAIN, layout=ipywidgets.Layout(width="95%"),
        readout_format=f".{max(0, -math.floor(math.log10(step)))}f",
    )  # fmt: skip


def _step(knob: Knob) -> float:
    """Return about a hundredth of the range; a whole number where the doses are such, over 10."""
    span = knob.high - knob.low
    step = tidy_step(span, 100) if span > 0 else 1.0
    whole = all(float(value).is_integer() for value in (*knob.doses, knob.low, knob.high))
    return max(1.0, round(step)) if whole and span >= 10 else step


def _arm(arm: str) -> str:
    return text(f"arm.{arm}") if knows(f"arm.{arm}") else arm


def _range(knob: Knob) -> str:
    unit = f" {knob.unit}" if knob.unit else ""
    return text("play.knob", label=knob.label, low=number(knob.low), high=number(knob.high) + unit)


def _extras(extras: Mapping[str, float]) -> str:
    if not extras:
        return ""
    items = "".join(
        f"<li>{escape(name.replace('_', ' '))}: {number(value)}</li>"
        for name, value in extras.items()
    )
    return f'<p>{escape(text("play.extras"))}</p><ul class="ik-list">{items}</ul>'
