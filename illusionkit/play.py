"""A live panel: run an experiment at values off the grid, where there is a kernel to run it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from illusionkit.chart import tidy_step
from illusionkit.experiment import Experiment, Knob, Reading
from illusionkit.language import knows, text
from illusionkit.widget import escape, fixed, number, readout, style_sheet

KEPT = 8
"""Earlier runs that the panel goes on showing."""

NAMES = ("score.apparent", "score.honest", "score.optimism")
VIEW = "application/vnd.jupyter.widget-view+json"


def play(experiment: Experiment, *, decimals: int = 3) -> Panel:
    """Return a panel whose Run button reads the experiment at the values then chosen.

    As a cell's last value it shows sliders where a notebook is live, and else what it would do
    there. Its widgets have names: ``knobs["dose"]``, ``seed``, ``arm``, ``run``, ``output``;
    ``reading`` is the newest `Reading`, None before the first run. Used in chapter 1.
    """
    return Panel(experiment, decimals=decimals)


def live() -> bool:
    """Return whether a kernel's front end may show widgets: no strict run, and a kernel at all."""
    from IPython.core.getipython import get_ipython

    if os.environ.get("ILLUSIONKIT_STRICT") == "1":
        return False
    shell: Any = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


class Panel:
    """An experiment's widgets by name; nothing runs before ``run`` is clicked.

    Widgets are made when first asked for: a strict run that only displays the panel stores its
    printed form and no widget state.
    """

    def __init__(self, experiment: Experiment, *, decimals: int = 3) -> None:
        self.experiment = experiment
        self.decimals = decimals
        self.reading: Reading | None = None
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
            description=text("play.seed"), style=_plain(),
        )  # fmt: skip

    @cached_property
    def arm(self) -> Any:
        """Return the menu of the experiment's arms, in words; its value is the arm's name."""
        import ipywidgets

        options = [(_arm(arm), arm) for arm in self.experiment.arms]
        return ipywidgets.Dropdown(
            options=options, value=self.experiment.arms[0],
            description=text("play.arm"), style=_plain(),
        )  # fmt: skip

    @cached_property
    def run(self) -> Any:
        """Return the button that runs the experiment once."""
        import ipywidgets

        button = ipywidgets.Button(description=text("play.run"), button_style="primary")
        button.on_click(self._clicked)
        return button

    @cached_property
    def output(self) -> Any:
        """Return the area that shows the newest reading, or why there is none."""
        import ipywidgets

        return ipywidgets.HTML(value=_card(f"<p>{escape(text('play.wait'))}</p>"))

    @cached_property
    def box(self) -> Any:
        """Return all widgets together, as they are shown."""
        import ipywidgets

        head = f"<b>{escape(_title(self.experiment))}</b>"
        choices = ipywidgets.HBox(
            [self.arm, self.seed, self.run], layout=ipywidgets.Layout(flex_flow="row wrap")
        )
        parts = [ipywidgets.HTML(value=head), *self.knobs.values(), choices, self.output]
        return ipywidgets.VBox(parts, layout=ipywidgets.Layout(max_width="46rem"))

    @property
    def doses(self) -> dict[str, float]:
        """Return the value now chosen for every knob."""
        return {name: float(slider.value) for name, slider in self.knobs.items()}

    def _clicked(self, _button: object) -> None:
        """Run once; a failure is told in the panel, and the next run starts afresh."""
        self.run.disabled, self.run.description = True, text("play.running")
        try:
            asked = self._asked()
            reading = self.experiment.read(self.doses, int(self.seed.value), self.arm.value)
            self.output.value = _card(self._shown(reading) + self._earlier())
            self.reading = reading
            self._runs.append((asked, reading))
        except Exception as error:  # whatever an experiment may raise belongs on the page
            self.output.value = _card(_failure(error))
        finally:
            self.run.disabled, self.run.description = False, text("play.run")

    def _asked(self) -> str:
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

    def _shown(self, reading: Reading) -> str:
        apparent, honest, optimism = self._three(reading)
        big = readout(
            [escape(text(name)) for name in NAMES],
            [escape(text(f"{name}.means")) for name in NAMES[:2]],
            [apparent, "", honest, "", optimism, ""],
        )
        return f"{big}<p>{escape(self._asked())}.</p>{_extras(reading.extras)}"

    def _earlier(self) -> str:
        """Return the runs before the newest, newest first, to compare it with."""
        if not self._runs:
            return ""
        rows = "".join(
            f"<tr><td>{escape(asked)}</td>"
            + "".join(f"<td>{value}</td>" for value in self._three(reading))
            + "</tr>"
            for asked, reading in self._runs[: -KEPT - 1 : -1]
        )
        heads = "".join(f'<th scope="col">{escape(text(name))}</th>' for name in NAMES)
        earlier = escape(text("play.earlier"))
        return (
            f'<table><thead><tr><th scope="col">{earlier}</th>{heads}</tr></thead>'
            f"<tbody>{rows}</tbody></table>"
        )

    def printed(self) -> str:
        """Return the panel's printed form as HTML: what it would do, and how to open it."""
        ranges = "".join(f"<li>{escape(_range(knob))}</li>" for knob in self.experiment.knobs)
        arms = ", ".join(_arm(arm) for arm in self.experiment.arms)
        return _card(
            f'<p class="ik-title">{escape(_title(self.experiment))}</p>'
            f"<p>{escape(text('play.fallback'))}</p>"
            f'<ul class="ik-list">{ranges}<li>{escape(text("play.arm"))}: {escape(arms)}</li></ul>'
            f"<p>{escape(text('play.how'))}</p>"
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        shown: dict[str, Any] = {"text/plain": repr(self), "text/html": self.printed()}
        if live():
            model = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
            shown[VIEW] = model
        return shown

    def __repr__(self) -> str:
        return f"play({self.experiment.id!r})"


def _plain() -> dict[str, str]:
    return {"description_width": "initial"}


def _slider(knob: Knob) -> Any:
    import ipywidgets

    unit = f" ({knob.unit})" if knob.unit else ""
    step = _step(knob)
    return ipywidgets.FloatSlider(
        value=knob.default, min=knob.low, max=knob.high, step=step, continuous_update=False,
        description=knob.label + unit, style=_plain(), layout=ipywidgets.Layout(width="95%"),
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


def _title(experiment: Experiment) -> str:
    return text("play.title", title=experiment.title)


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


def _failure(error: Exception) -> str:
    said = f"{type(error).__name__}: {error}"
    return f'<p>{escape(text("play.failed"))}</p><p class="ik-error">{escape(said)}</p>'


def _card(content: str) -> str:
    return f'<div class="ik ik-play">{style_sheet()}{content}</div>'
