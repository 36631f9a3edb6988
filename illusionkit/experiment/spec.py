"""An experiment on an illusion: its spec, its reading, and which scores may be subtracted.

`Experiment` is written before any result; `Experiment.read` runs one cell of it and returns a
`Reading` with an apparent and an honest score. Their difference is the *optimism* (Efron 1983),
signed so that > 0 always means *looks better than it is*. Five designs say when the two scores
may be subtracted at all; anything else is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np

from illusionkit.arrays import Array
from illusionkit.errors import DesignError
from illusionkit.experiment import needs

DESIGNS = {
    "same-rows": "one model, same rows; labels, inputs or metric differ",
    "paired-models": "same test rows; the training data differ, at equal size",
    "fresh-sample": "one procedure; its estimate against its score on an unused holdout",
    "two-populations": "one model on two populations of equal prevalence",
    "known-truth": "an estimate against a truth that is known",
}
"""The five designs: in what apparent and honest may differ."""

ARMS = ("flawed", "control", "cured")

KINDS = ("text", "ratings", "mail", "table")
"""The kinds of data: texts, texts with the score of every rater, mail, rows about persons."""


@dataclass(frozen=True)
class Rows:
    """What one score was computed from, row by row; every array has one entry a row.

    ``unit`` says what is independent, ``group`` to whom a row belongs, ``probability`` is the
    model's for its prediction. Units of different corpora must have different names.
    """

    truth: Array
    prediction: Array
    unit: Array
    probability: Array | None = None
    group: Array | None = None

    def __post_init__(self) -> None:
        sizes = {len(value) for value in vars(self).values() if value is not None}
        if len(sizes) != 1 or sizes == {0}:
            raise DesignError(f"Rows need arrays of one length of at least 1, not {sorted(sizes)}.")

    @classmethod
    def likely(cls, truth: Array, chances: Array, unit: Array) -> Rows:
        """Return rows of ``chances`` (rows, classes); the probability is that of the true class.

        So `nats` of them is the cross-entropy.
        """
        return cls(truth, chances.argmax(axis=1), unit, chances[np.arange(len(truth)), truth])


@dataclass(frozen=True)
class Metric:
    """A score of `Rows`: the weighted mean of ``per_row``, or ``whole(rows, weights)``.

    Set exactly one of the two. ``rate`` marks a rate that exists in both populations of a
    *two-populations* design whatever their prevalence, such as a false-positive rate.
    """

    name: str
    per_row: Callable[[Rows], Array] | None = None
    whole: Callable[[Rows, Array], float] | None = None
    greater_is_better: bool = True
    rate: bool = False

    def score(self, rows: Rows, weights: Array | None = None) -> float:
        """Return the score; ``weights`` has one entry a row, default 1."""
        weights = np.ones(len(rows.truth)) if weights is None else weights
        if self.per_row is not None:
            return float(np.average(self.per_row(rows), weights=weights))
        assert self.whole is not None
        return float(self.whole(rows, weights))

    @property
    def sign(self) -> int:
        """Return 1 where greater is better, -1 for a loss or an error."""
        return 1 if self.greater_is_better else -1


def _hits(rows: Rows) -> Array:
    return np.asarray(rows.truth == rows.prediction, dtype=float)


ACCURACY = Metric("accuracy", per_row=_hits)
"""Share of rows whose prediction is the truth."""


def nats(rows: Rows) -> Array:
    """Return the loss of each row in nats; its ``probability`` is that of the true class."""
    assert rows.probability is not None
    return np.asarray(-np.log(np.clip(rows.probability, 1e-12, None)))


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


@dataclass(frozen=True)
class Reading:
    """What one run of one arm at one dose and seed gave.

    ``train_sizes`` (of the apparent and of the honest model) belong to *paired-models*,
    ``used_units`` (all that a model was trained, tuned or chosen on) to *fresh-sample*;
    `experiment.task.Task` fills in both.
    ``honest_rows`` is None where the truth is known.
    """

    apparent: float
    honest: float
    apparent_rows: Rows
    honest_rows: Rows | None
    extras: Mapping[str, float] = field(default_factory=dict)
    train_sizes: tuple[int, int] | None = None
    used_units: Array | None = None

    @classmethod
    def scored(cls, metric: Metric, apparent: Rows, honest: Rows, **rest: Any) -> Reading:
        """Return the reading whose two scores are ``metric`` of the two sets of rows."""
        return cls(metric.score(apparent), metric.score(honest), apparent, honest, **rest)


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

    Three fields are for a reader only, and may change after the results: ``symptom``, what one
    sees in a project of one's own; ``kind`` of data (`KINDS`); ``null_dose``, the dose at which
    nothing is planted, None where there is no such dose.
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


def check_design(design: str, metric: Metric, reading: Reading) -> None:
    """Raise `DesignError` unless the design allows to subtract the reading's two scores."""
    if design == "known-truth":
        _require(reading.honest_rows is None, design, "the honest score is a constant, no rows")
        return
    _require(reading.honest_rows is not None, design, "rows behind the honest score")
    assert reading.honest_rows is not None
    _CHECKS[design](metric, reading, reading.apparent_rows, reading.honest_rows)


def _require(condition: object, design: str, what: str) -> None:
    if not condition:
        raise DesignError(f"The two scores may not be subtracted: '{design}' needs {what}.")


def _same_rows(metric: Metric, reading: Reading, apparent: Rows, honest: Rows) -> None:
    same = np.array_equal(apparent.unit, honest.unit)
    _require(same, "same-rows", "the same rows in the same order on both sides")


def _paired_models(metric: Metric, reading: Reading, apparent: Rows, honest: Rows) -> None:
    same = np.array_equal(apparent.unit, honest.unit)
    same = same and np.array_equal(apparent.truth, honest.truth)
    _require(same, "paired-models", "the same test rows under both models")
    sizes = reading.train_sizes
    equal = sizes is not None and sizes[0] == sizes[1]
    _require(equal, "paired-models", f"equal training sizes (got {sizes})")


def _fresh_sample(metric: Metric, reading: Reading, apparent: Rows, honest: Rows) -> None:
    used = reading.used_units
    _require(used is not None, "fresh-sample", "the units that were used")
    used = np.concatenate([np.unique(np.asarray(used)), np.unique(apparent.unit)])
    shared = np.intersect1d(used, honest.unit).size
    _require(not shared, "fresh-sample", f"a holdout of unused units ({shared} were used)")


def _two_populations(metric: Metric, reading: Reading, apparent: Rows, honest: Rows) -> None:
    classes = np.union1d(apparent.truth, honest.truth)
    shares = [np.mean(rows.truth[:, None] == classes, axis=0) for rows in (apparent, honest)]
    even = np.abs(shares[0] - shares[1]).max() <= 0.01
    _require(metric.rate or even, "two-populations", "equal prevalence, or a metric that is a rate")


_CHECKS: dict[str, Callable[[Metric, Reading, Rows, Rows], None]] = {
    "same-rows": _same_rows,
    "paired-models": _paired_models,
    "fresh-sample": _fresh_sample,
    "two-populations": _two_populations,
}
