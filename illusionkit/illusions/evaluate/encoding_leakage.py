"""Categories replaced by mean labels, before the split: ``encoding-leakage``.

A thousand card holders, and the AUC of a logistic regression. Some columns are joined to one of
many categories; a category is replaced by the mean label of its rows, which is one column more.
Flawed: the mean of all rows, before the cross-validation. Control: of the rows that a fold trains
on. Cured: of those rows too, but each of them is given the mean of *others* (cross-fitting).
Honest: the same on all rows, judged by other holders.

Said beforehand (seen in a pilot at 3, 44, 596, 848 categories: .708, .735, .955, .991 against .707,
.690, .604, .610): the optimism is 0 without a column, and grows with the number of categories to
more than 30 points. The model gets *worse* as well, and the control reports just that. Cured there
is no optimism, and the model is about as good as without the column.

There were 16 seeds at first. At others the intervals came out wider than the margin: now there are
60. Used in chapter 3.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from illusionkit.arrays import Array
from illusionkit.experiment.reading import Reading
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.illusions.evaluate.oversampling_leakage import STRENGTH
from illusionkit.illusions.evaluate.scaling_leakage import AREA, ranking, sample
from illusionkit.illusions.material.folds import FOLDS
from illusionkit.models.learners import Probe, linear_probe

ROWS = 1000
JOINED = ("education", "late_1", "age", "limit")
"""The columns that are joined to one of many categories, in this order."""


def mean_labels(code: Array, label: Array, seen: Array) -> Array:
    """Return for each row the mean label of the seen rows of its category, else of all seen."""
    size = 1 + code.max()
    total, count = np.bincount(code[seen], label[seen], size), np.bincount(code[seen], None, size)
    return np.asarray(np.where(count > 0, total / count.clip(1), label[seen].mean())[code])


def cross_fitted(code: Array, label: Array, seen: Array) -> Array:
    """Return `mean_labels`, but each seen row has the mean of other folds of the seen rows.

    ``seen`` is in random order; every fifth row makes a fold.
    """
    values, turn = mean_labels(code, label, seen), np.arange(len(seen)) % FOLDS
    for number in range(FOLDS):
        own, others = seen[turn == number], seen[turn != number]
        values[own] = mean_labels(code, label, others)[own]
    return values


def encoding(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``encoding-leakage``: mean labels of all rows; of a fold's; cross-fitted if cured."""
    rng, names = np.random.default_rng([seed, 44]), list(JOINED[: round(dose["columns"])])
    task, known, sides = sample(part, ROWS, rng)
    joined = task.table.assign(all=0).groupby(["all", *names]).ngroup().to_numpy()
    encode = cross_fitted if arm == "cured" else mean_labels

    def prepare(seen: Array) -> Probe:
        column = encode(joined, task.label, seen)
        return Probe(np.column_stack([known, column]), partial(linear_probe, STRENGTH))

    levels = float(len(np.unique(joined[sides[1]])))
    return ranking(task, sides, prepare, rng, inside=arm != "flawed", levels=levels)


EXPERIMENTS = (
    Experiment(
        id="encoding-leakage", step="evaluate", page="preprocessing-leakage", kind="table",
        title="Categories replaced by mean labels of all rows",
        symptom="One column with many categories makes the model nearly perfect.",
        caught_by="Encode across folds, and look at the column alone.",
        design="fresh-sample", metric=AREA, margin=0.02, sign=1, seeds=tuple(range(60)),
        knobs=(Knob("columns", "columns joined", "columns", low=0, high=4, default=4,
                    doses=(0, 1, 2, 3, 4)),),
        null_dose=0, data=("credit_default",), cost=0.1, tolerance=0.005, run=encoding,
    ),
)  # fmt: skip
