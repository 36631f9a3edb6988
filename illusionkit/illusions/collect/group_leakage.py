"""The illusion of sentences that share a document: ``group-leakage``.

Sentences of one editorial are not independent. If the label belongs to the document, a random
cross-validation lets the model recognise the document instead of judging it. Used in chapter 3.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.experiment.draws import turns
from illusionkit.experiment.reading import ACCURACY, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task, joined, read_encoded
from illusionkit.models.learners import Probe, linear_probe

HOLDOUT, FOLDS = 0.4, 5


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``group-leakage``: in cross-validation a document's sentences lie on both sides.

    Honest: a model of all sentences outside the holdout, on the holdout's documents. Flawed: the
    label belongs to the document. Control: to the sentence. Cured: no document is shared.
    """
    table, features = read_encoded(corpora.editorials, part)
    labelled = table.assign(label=above_median(table, of_document=arm != "control"))
    task, rng = Task(labelled, Probe(features, linear_probe)), np.random.default_rng([seed, 4])
    holdout, work = task.cut(rng, HOLDOUT)
    tested = cross_validated(task, work, 0.0 if arm == "cured" else dose["shared"], rng)
    (honest,) = task.judge(work, holdout)
    return task.reading(ACCURACY, joined(tested), honest)


def above_median(table: pd.DataFrame, *, of_document: bool) -> Array:
    """Return 1 where a sentence, or its document, is rated above the book's median one."""
    score, counted = table["mean"], table["part"] == "book"
    if of_document:
        score = table.groupby("unit")["mean"].transform("mean")
        counted = counted & ~table["unit"].duplicated()
    return (score > score[counted].median()).astype(int).to_numpy()


def cross_validated(task: Task, work: Array, shared: float, rng: np.random.Generator) -> list[Rows]:
    """Return what is tested in five folds of documents.

    In each fold every second sentence of a held-out document is tested. Of the others, the share
    ``shared`` goes into training, in place of as many sentences of other documents.
    """
    fold = turns(task.unit[work], rng) % FOLDS
    tested: list[Rows] = []
    for number in range(FOLDS):
        train, held = work[fold != number], rng.permutation(work[fold == number])
        unit = task.unit[held]
        second = pd.Series(unit).groupby(unit).cumcount().to_numpy() % 2 == 1
        others = held[second]
        others = others[rng.random(len(others)) < shared]
        train = np.concatenate([rng.permutation(train)[len(others) :], others])
        tested += task.judge(train, held[~second])
    return tested


EXPERIMENTS = (
    Experiment(
        id="group-leakage", step="collect", page="group-leakage", kind="text",
        title="Sentences of one document on both sides of the split",
        symptom="In cross-validation the model does well; on new documents it guesses.",
        caught_by="Split by document, customer or patient, and compare the two scores.",
        design="fresh-sample", metric=ACCURACY, margin=0.03, sign=1, seeds=tuple(range(20)),
        knobs=(Knob.share(
            "shared", "sentences of a tested document that are trained on",
            (0.0, 0.25, 0.5, 1.0), unit="share of the other half",
        ),),
        null_dose=0.0, data=("editorials",), weights=("minilm",), cost=1.0, run=run,
    ),
)  # fmt: skip
