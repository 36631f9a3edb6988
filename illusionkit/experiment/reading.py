"""Apparent score and honest score: what they are computed from, and when they may be subtracted.

The difference of the two is the *optimism* (Efron 1983), signed so that > 0 always means *looks
better than it is*. Five designs say when they may be subtracted at all; anything else is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from illusionkit.arrays import Array
from illusionkit.errors import DesignError

DESIGNS = {
    "same-rows": "one model, same rows; labels, inputs or metric differ",
    "paired-models": "same test rows; the training data differ, at equal size",
    "fresh-sample": "one procedure; its estimate against its score on an unused holdout",
    "two-populations": "one model on two populations of equal prevalence",
    "known-truth": "an estimate against a truth that is known",
}
"""The five designs: in what apparent and honest may differ."""


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
