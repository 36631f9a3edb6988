"""The illusion of sentences that share a document: ``group-leakage``.

Sentences of one editorial are not independent. If the label belongs to the document, a random
cross-validation lets the model recognise the document instead of judging it. Used in chapter 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.experiment.spec import ACCURACY, Experiment, Knob, Reading, Rows

VAULT_SHARE = 0.4
FOLDS = 5


@cache
def _sentences(part: str) -> tuple[pd.DataFrame, Array]:
    """Return editorial sentences and their frozen features (sentences, 384).

    ``high`` says whether the sentence's *document* is rated above the median document,
    ``own`` whether the sentence itself is rated above the median sentence. The medians are those
    of the book part; the confirm part is read for ``part="confirm"`` only.
    """
    from illusionkit.models.encoding import features

    parts = [corpora.editorials(name).assign(part=name) for name in dict.fromkeys(("book", part))]
    table = pd.concat(parts, ignore_index=True)
    mean, book = table.groupby("unit")["mean"].transform("mean"), table["part"] == "book"
    table["high"] = (mean > mean[book & ~table["unit"].duplicated()].median()).astype(int)
    table["own"] = (table["mean"] > table["mean"][book].median()).astype(int)
    return table, np.concatenate([features(list(rows["text"])) for rows in parts])


@dataclass(frozen=True)
class _Task:
    """What one reading works on: features (rows, 384), labels and units, by sentence."""

    features: Array
    labels: Array
    unit: Array

    def predict(self, train: Array, test: Array) -> Array:
        """Return predictions for rows ``test`` after training on rows ``train``."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
        model.fit(self.features[train], self.labels[train])
        return np.asarray(model.predict(self.features[test]))

    def rows(self, where: Array, predicted: Array) -> Rows:
        """Return what a score of rows ``where`` is computed from."""
        return Rows(self.labels[where], predicted, self.unit[where])


def _grouped(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read ``group-leakage``: in cross-validation a document's sentences lie on both sides."""
    table, found = _sentences(part)
    label = "own" if arm == "control" else "high"
    task = _Task(found, table[label].to_numpy(), table["unit"].to_numpy())
    rng = np.random.default_rng([seed, 4])
    vault, work = _vault(table, part, rng)
    shared = 0.0 if arm == "cured" else dose["shared"]
    tested, predicted = _cross_validated(task, work, shared, rng)
    honest = task.rows(vault, task.predict(work, vault))
    return Reading.scored(
        ACCURACY, task.rows(tested, predicted), honest, touched=np.unique(task.unit[work])
    )


def _vault(table: pd.DataFrame, part: str, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the rows of the vault's documents, and the rows that may be worked with."""
    in_part = (table["part"] == "book").to_numpy()
    if part != "book":
        return np.flatnonzero(~in_part), np.flatnonzero(in_part)
    unit = table["unit"].to_numpy()
    names = rng.permutation(np.unique(unit[in_part]))
    held = np.isin(unit, names[: round(VAULT_SHARE * len(names))]) & in_part
    return np.flatnonzero(held), np.flatnonzero(in_part & ~held)


def _cross_validated(
    task: _Task, work: Array, shared: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return tested rows and their predictions, by five folds of documents.

    In each fold every second sentence of a held-out document is tested. Of the others, the share
    ``shared`` goes into training, in place of as many sentences of other documents.
    """
    fold = _folds(task.unit[work], rng)
    tested, predicted = [], []
    for number in range(FOLDS):
        train, held = work[fold != number], rng.permutation(work[fold == number])
        test, companions = _halves(held, task.unit)
        joined = companions[rng.random(len(companions)) < shared]
        train = np.concatenate([rng.permutation(train)[len(joined) :], joined])
        tested.append(test)
        predicted.append(task.predict(train, test))
    return np.concatenate(tested), np.concatenate(predicted)


def _folds(unit: Array, rng: np.random.Generator) -> Array:
    """Return a fold number for each row, the same for all rows of a unit."""
    names, place = np.unique(unit, return_inverse=True)
    return (rng.permutation(len(names)) % FOLDS)[place]


def _halves(rows: Array, unit: Array) -> tuple[Array, Array]:
    """Return every other row of each unit, and the rest."""
    turn = pd.Series(unit[rows]).groupby(unit[rows]).cumcount().to_numpy() % 2
    return rows[turn == 0], rows[turn == 1]


EXPERIMENTS = (
    Experiment(
        id="group-leakage",
        title="Sentences of one document on both sides of the split",
        step="collect",
        design="fresh-sample",
        metric=ACCURACY,
        knobs=(
            Knob(
                name="shared",
                label="sentences of a tested document that are trained on",
                unit="share of the other half",
                low=0.0,
                high=1.0,
                default=1.0,
                doses=(0.0, 0.25, 0.5, 1.0),
            ),
        ),
        seeds=tuple(range(20)),
        margin=0.03,
        sign=1,
        data=("editorials",),
        page="group-leakage",
        cost=1.0,
        run=_grouped,
        weights=("minilm",),
    ),
)
