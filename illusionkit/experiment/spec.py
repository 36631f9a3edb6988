"""The spec of an experiment on an illusion.

`Experiment` is written before any result; `Experiment.read` runs one cell of it and returns a
`Reading` with an apparent and an honest score, checked against the experiment's design.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from illusionkit.errors import DesignError
from illusionkit.experiment import needs
from illusionkit.experiment.reading import DESIGNS, Metric, Reading, check_design

ARMS = ("flawed", "control", "cured")

KINDS = ("text", "ratings", "mail", "table")
"""The kinds of data: texts, texts with the score of every rater, mail, rows about persons."""


@dataclass(frozen=True)
class Knob:
    """The dose of a flaw: its range, its default and the doses of the sweep, ascending."""

    name: str
    label: str
    unit: str
    low: float
    high: float
    default: float
    doses: tuple[float, ...]

    @classmethod
    def share(
        cls, name: str, label: str, doses: tuple[float, ...], *, unit: str = "share",
        low: float = 0.0, high: float = 1.0, default: float | None = None,
    ) -> Knob:  # fmt: skip
        """Return the knob of a share; its default is the highest dose."""
        return cls(name, label, unit, low, high, doses[-1] if default is None else default, doses)

    def __post_init__(self) -> None:
        if list(self.doses) != sorted(set(self.doses)) or not self.doses:
            raise DesignError(f"The doses of knob '{self.name}' must ascend: {self.doses}.")
        for value in (*self.doses, self.default):
            self.check(value)

    def check(self, value: float) -> None:
        """Raise `DesignError` if ``value`` is not a number between low and high."""
        if not self.low <= value <= self.high:
            raise DesignError(
                f"Knob '{self.name}' goes from {self.low:g} to {self.high:g}: "
                f"{value!r} is out of range."
            )


Dose = Mapping[str, float]
"""A value for every knob, by the knob's name."""


class Run(Protocol):
    """The function behind an experiment."""

    def __call__(self, dose: Dose, seed: int, arm: str, part: str) -> Reading:
        """Return the reading of one arm at one dose and seed; ``part`` holds the judged rows."""
        ...


@dataclass(frozen=True)
class Experiment:
    """The spec of an experiment, committed before its results, and the function that runs it.

    ``knobs[0]`` is the knob of the sweep. ``margin`` is the optimism that counts as none;
    ``sign`` the predicted sign of the flawed arm's optimism at its highest dose; ``tolerance``
    how far one reading may differ on another CPU; ``cost`` the seconds of one reading;
    ``weights`` the archives of the pre-trained weights that it starts from.

    Four fields are for a reader only, and may change after the results: ``symptom``, what one
    sees in a project of one's own; ``caught_by``, the one check that shows it; ``kind`` of
    data (`KINDS`); ``null_dose``, the dose at which nothing is planted, None where there is none.
    """

    id: str
    title: str
    step: str
    design: str
    metric: Metric
    knobs: tuple[Knob, ...]
    seeds: tuple[int, ...]
    margin: float
    sign: int
    data: tuple[str, ...]
    page: str
    cost: float
    run: Run
    tolerance: float = 0.002
    arms: tuple[str, ...] = ARMS
    weights: tuple[str, ...] = ()
    symptom: str = ""
    caught_by: str = ""
    kind: str = "text"
    null_dose: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DesignError(f"'{self.kind}' is no kind of data: {', '.join(KINDS)}.")
        if self.null_dose is not None:
            self.knob.check(self.null_dose)
        if self.design not in DESIGNS:
            known = ", ".join(DESIGNS)
            raise DesignError(
                f"'{self.design}' is no design: apparent and honest scores may be "
                f"subtracted under {known}, and nothing else."
            )

    @property
    def knob(self) -> Knob:
        """Return the knob of the sweep."""
        return self.knobs[0]

    @property
    def spec(self) -> dict[str, Any]:
        """Return what was fixed beforehand, as plain values."""
        fixed = {key: value for key, value in vars(self).items() if key not in ("run", "metric")}
        fixed["knobs"] = [asdict(knob) for knob in self.knobs]
        fixed["metric"] = {
            "name": self.metric.name,
            "greater_is_better": self.metric.greater_is_better,
        }
        return {key: list(v) if isinstance(v, tuple) else v for key, v in fixed.items()}

    def optimism(self, reading: Reading) -> float:
        """Return how much better the apparent score looks than the honest one."""
        return self.metric.sign * (reading.apparent - reading.honest)

    def read(
        self,
        dose: Mapping[str, float] | float | None = None,
        seed: int | None = None,
        arm: str = "flawed",
        part: str = "book",
    ) -> Reading:
        """Return one reading, checked against the design.

        ``dose`` is the value of the first knob or a mapping of knob names; what is left out
        stands at its default. ``seed`` defaults to the first of the spec.

        Raises
        ------
        DesignError, DataError
            Unknown arm or knob, a value out of range, or a reading that breaks the design; data
            that lack what the experiment needs (see `experiment.needs`).
        """
        values, seed = self._doses(dose), self.seeds[0] if seed is None else seed
        self.check(arm, seed)
        with needs.explained(self.id):
            reading = self.run(values, seed, arm, part)
        check_design(self.design, self.metric, reading)
        needs.check_judged(self.id, reading, rate=self.metric.rate)
        return reading

    def check(self, arm: str, seed: int) -> None:
        """Raise `DesignError` if there is no such arm, or if that is no seed."""
        if arm not in self.arms:
            raise DesignError(f"'{self.id}' has no arm '{arm}'. It has: {', '.join(self.arms)}.")
        if seed < 0:
            raise DesignError(f"A seed is a whole number from 0 up, not {seed}.")

    def _doses(self, dose: Mapping[str, float] | float | None) -> dict[str, float]:
        """Return a checked value for every knob."""
        if not isinstance(dose, Mapping):
            dose = {} if dose is None else {self.knob.name: float(dose)}
        known = {knob.name: knob for knob in self.knobs}
        if strange := set(dose) - set(known):
            raise DesignError(
                f"'{self.id}' has no knob '{strange.pop()}'. It has: {', '.join(known)}."
            )
        values = {name: float(dose.get(name, knob.default)) for name, knob in known.items()}
        for name, value in values.items():
            known[name].check(value)
        return values
