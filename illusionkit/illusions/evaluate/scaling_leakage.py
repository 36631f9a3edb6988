"""Means and scales of all rows, before the split: ``scaling-leakage``.

Three hundred card holders, and the AUC of a logistic regression. Flawed: gaps are filled with the
means of all rows, and columns are scaled by all rows; then comes the cross-validation. Cured:
inside each fold. Honest: the same on all rows, judged by other holders.

Said beforehand: this leaks, and does nothing, less than three points (.0004 +- .0004 were seen in
a pilot). So that the null can be believed, a step that must leak stands beside it, arm "by-class":
a gap is filled with the mean of the row's *own class*. Where 30 % of the numbers are missing, its
optimism is above ten points.

There were 60 seeds at first. At others the null's interval came out on one side of 0, and not
within the margin: now there are 200. Used in chapter 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from illusionkit.arrays import Array
from illusionkit.experiment.ranking import area
from illusionkit.experiment.reading import Metric, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task
from illusionkit.illusions.collect.class_imbalance import holders
from illusionkit.illusions.evaluate.oversampling_leakage import STRENGTH
from illusionkit.illusions.material.folds import cross_validated, drawn
from illusionkit.models.learners import Probe

DEFAULTS, FLAGS, ROWS, HOLDOUT = 0.22, 36, 300, 1000
"""The share that defaults, as in all rows; how many of the columns, the first, are 0 or 1."""


def _area(rows: Rows, weights: Array) -> float:
    return area(rows.truth, rows.prediction, weights)


AREA = Metric("AUC", whole=_area)
"""The area under the ROC curve, where ``prediction`` is the chance of label 1."""


def sample(part: str, size: int, rng: np.random.Generator) -> tuple[Task, Array, list[Array]]:
    """Return a task of a holdout and of ``size`` other holders, their columns, and both sides."""
    table, known = holders(part)
    sides = drawn(Task(table, None), DEFAULTS, size, HOLDOUT, rng)
    used = np.concatenate(sides)
    places = np.split(np.arange(len(used)), [len(sides[0])])
    return Task(table.iloc[used].reset_index(drop=True), None), known.features[used], places


def ranked(task: Task, train: Array, test: Array) -> list[Rows]:
    """Return rows ``test`` with their chances of label 1, after training on rows ``train``."""
    return [task.rows(test, task.chances(train, test)[0][:, 1])]


def ranking(
    task: Task, sides: list[Array], prepare: Callable[[Array], Any], rng: np.random.Generator,
    *, inside: bool, **extras: float,
) -> Reading:  # fmt: skip
    """Return the reading of columns that ``prepare`` makes: of all rows, or inside the folds."""
    holdout, rows = sides
    tested = cross_validated(task, rows, prepare, rng, inside=inside, judge=ranked)
    (honest,) = ranked(replace(task, learner=prepare(rows)), rows, holdout)
    return task.reading(AREA, tested, honest, **extras)


def scaling(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``scaling-leakage``: gaps filled and columns scaled on all rows, or inside if cured."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng([seed, 43])
    task, known, sides = sample(part, ROWS, rng)
    known[:, FLAGS:][rng.random(known[:, FLAGS:].shape) < dose["missing"]] = np.nan
    for k in (0, 1) if arm == "by-class" else ():
        own = sides[1][task.label[sides[1]] == k]
        known[own] = SimpleImputer().fit_transform(known[own])

    def prepare(seen: Array) -> Probe:
        step = make_pipeline(SimpleImputer(), StandardScaler()).fit(known[seen])
        model = partial(LogisticRegression, C=STRENGTH, max_iter=2000)
        return Probe(step.transform(known), model)

    return ranking(task, sides, prepare, rng, inside=arm == "cured")


EXPERIMENTS = (
    Experiment(
        id="scaling-leakage", step="evaluate", page="preprocessing-leakage", kind="table",
        title="Scaling and filling gaps on all rows",
        symptom="Means and scales were computed before the rows were split.",
        caught_by="Fit it inside the fold, in a Pipeline, and compare.",
        design="fresh-sample", metric=AREA, margin=0.03, sign=0, seeds=tuple(range(200)),
        arms=("flawed", "by-class", "cured"),
        knobs=(Knob.share("missing", "numbers that are missing", (0.0, 0.3), high=0.9),),
        data=("credit_default",), cost=0.1, tolerance=0.005, run=scaling,
    ),
)  # fmt: skip
