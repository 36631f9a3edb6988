"""Words picked before the split: ``preprocessing-leakage``.

Two hundred movie reviews, and labels that were shuffled: nothing can be learned. Of p words, the
twenty that go best with the labels are picked on all rows; their model is then cross-validated with
great care (Ambroise and McLachlan 2002). Cured: picked inside each fold. Control: picked by lot.

Said beforehand (sizes were seen in a pilot: apparent .455 to .667 at 20 to 5,000 words, honest .50,
picked inside the fold .455 to .503): the optimism grows with the number of words, to more than ten
points; the honest score is one half. Cure and control have no optimism above 0, and perhaps one
*below*: over all rows the classes are even, so a fold with too many of one class leaves too few of
it to train on, and a model that knows nothing bets on the wrong one. A constant loses 5.6 points by
that, E|H - 20|/40 with H hypergeometric; rare words come near to it.

There were 60 seeds at first. At others the cure came out below 0: now there are 200. Used in
chapter 3.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.experiment.reading import ACCURACY, Reading
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task, read
from illusionkit.illusions.material.folds import cross_validated, drawn
from illusionkit.models.learners import Probe

PRAISE, WORDS, ROWS, HOLDOUT, PICKED = 3, 5000, 200, 2000, 20


@cache
def reviews(part: str) -> tuple[pd.DataFrame, Any]:
    """Return reviews, label 1 = praise, and which words each has: 0 or 1, the commonest first."""
    from sklearn.feature_extraction.text import CountVectorizer

    table = read(corpora.movie_reviews, part).drop_duplicates("unit").reset_index(drop=True)
    table["label"] = (table["label"] >= PRAISE).astype(int)
    counter, book = CountVectorizer(binary=True), (table["part"] == "book").to_numpy()
    often = np.asarray(counter.fit_transform(table["text"][book]).sum(axis=0))[0]
    order = np.argsort(-often, kind="stable")[:WORDS]
    return table, counter.transform(table["text"])[:, order]


def correlations(features: Array, label: Array) -> Array:
    """Return the correlation of each column with the labels; 0 for a column that is constant."""
    x, y = features - features.mean(axis=0), label - label.mean()
    size = np.sqrt((x**2).sum(axis=0) * (y**2).sum())
    return np.asarray(np.divide(y @ x, size, out=np.zeros(len(size)), where=size > 1e-9))


def picked(features: Array, label: Array, number: int = PICKED) -> Array:
    """Return the columns that go best with the labels, in either direction, ascending."""
    return np.sort(np.argsort(-np.abs(correlations(features, label)), kind="stable")[:number])


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``preprocessing-leakage``: flawed, picked on all rows; control by lot; cured inside."""
    from sklearn.linear_model import LogisticRegression

    (table, words), rng = reviews(part), np.random.default_rng([seed, 41])
    known = words[:, : round(dose["words"])]
    shuffled = [rng.permutation(each) for _, each in table.groupby("part", sort=False)["label"]]
    task = Task(table.assign(label=np.concatenate(shuffled)), None)
    holdout, rows = drawn(task, 0.5, ROWS, HOLDOUT, rng)
    lot = np.sort(rng.choice(known.shape[1], PICKED, replace=False))

    def prepare(seen: Array) -> Probe:
        best = picked(known[seen].toarray(), task.label[seen]) if arm != "control" else lot
        return Probe(known[:, best].toarray(), LogisticRegression)

    tested, final = cross_validated(task, rows, prepare, rng, inside=arm == "cured"), prepare(rows)
    (honest,) = replace(task, learner=final).judge(rows, holdout)
    here, there = (correlations(final.features[side], task.label[side]) for side in (rows, holdout))
    said = {"here": np.abs(here).mean(), "there": (np.sign(here) * there).mean()}
    return task.reading(ACCURACY, tested, honest, **said)


EXPERIMENTS = (
    Experiment(
        id="preprocessing-leakage", step="evaluate", page="preprocessing-leakage", kind="text",
        title="Words picked on all rows, then cross-validated",
        symptom="Cross-validation is far above chance, and new data are at chance.",
        caught_by="Shuffle the labels, run the whole procedure again: it should score at chance.",
        design="fresh-sample", metric=ACCURACY, margin=0.03, sign=1, seeds=tuple(range(200)),
        knobs=(Knob("words", "words to pick twenty from", "words", low=PICKED, high=WORDS,
                    default=WORDS, doses=(20, 50, 100, 200, 500, 1000, 2000, 5000)),),
        null_dose=PICKED, data=("movie_reviews",), cost=0.2, run=run,
    ),
)  # fmt: skip
