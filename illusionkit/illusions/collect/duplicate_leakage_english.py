"""The leak of ``duplicate-leakage`` in English: under a fine-tuned BERT and a plain learner.

The same texts leak to both, at the same doses and seeds. It was predicted that the large model,
which remembers more, gains more from the copies: at the highest dose
``duplicate-leakage-finetuned`` should show more optimism than ``duplicate-leakage-english``. The
margin is what three trainings on 800 test reviews can tell from nothing. Used in chapter 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.experiment.reading import ACCURACY, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task, read
from illusionkit.illusions.collect.duplicate_leakage import Draw, draw, planted
from illusionkit.models.learners import CountedTexts
from illusionkit.training.batches import Settings, Split
from illusionkit.training.runs import run

TEST_TEXTS, TRAIN_TEXTS = 800, 2000
WATCHED = 100
"""Spare texts whose loss is watched during training; nothing is chosen by it."""
CLASSES = len(corpora.CLASS_NAMES)


@cache
def texts(part: str) -> pd.DataFrame:
    """Return movie reviews, one a unit."""
    return read(corpora.movie_reviews, part).drop_duplicates("unit").reset_index(drop=True)


@cache
def _counted(part: str) -> CountedTexts:
    return CountedTexts(list(texts(part)["text"]))


@dataclass(frozen=True)
class Finetuning:
    """A learner: the packaged BERT, all of its weights trained; texts ``watched`` go along."""

    table: pd.DataFrame
    watched: Array
    settings: Settings

    def predict(self, train: Array, labels: Array, test: Array) -> Array:
        """Return the predicted labels after each epoch (epochs, tests)."""
        text, label = self.table["text"], self.table["label"]
        known = Split(list(text[train]), list(labels))
        watched = Split(list(text[self.watched]), list(label[self.watched]))
        trained = run(known, watched, list(text[test]), self.settings, classes=CLASSES)
        return trained.probabilities.argmax(axis=-1)


def _finetuned(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``duplicate-leakage-finetuned``: the packaged BERT, all of its weights trained."""
    table, drawn = _drawn(seed, part)
    settings = Settings(epochs=round(dose["epochs"]), seed=seed, restore_best=False)
    task = Task(table, Finetuning(table, drawn.spare[:WATCHED], settings))
    return _reading(task, drawn, dose["share"], arm)


def _plain(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``duplicate-leakage-english``: the learner that counts characters."""
    table, drawn = _drawn(seed, part)
    return _reading(Task(table, _counted(part)), drawn, dose["share"], arm)


def _drawn(seed: int, part: str) -> tuple[pd.DataFrame, Draw]:
    table = texts(part)
    return table, draw(table, seed, part, tests=TEST_TEXTS, trains=TRAIN_TEXTS)


def _reading(task: Task, drawn: Draw, share: float, arm: str) -> Reading:
    """Return the learner after training with copies beside the same learner trained clean."""
    leaky, leaky_hits = _judged(task, planted(task.table, drawn, share, arm), drawn.test)
    clean, clean_hits = _judged(task, drawn.train, drawn.test)
    gaps = enumerate(leaky_hits - clean_hits, start=1)
    extras = {f"optimism_after_epoch_{n}": float(gap) for n, gap in gaps}
    return task.reading(ACCURACY, leaky, clean, **extras)


def _judged(task: Task, train: Array, test: Array) -> tuple[Rows, Array]:
    """Return what the last epoch says, and the accuracy after each epoch."""
    by_epoch = np.atleast_2d(task.predict(train, test))
    return task.rows(test, by_epoch[-1]), (by_epoch == task.label[test]).mean(axis=1)


_share = Knob.share("share", "test texts with a copy in training", (0.0, 0.5, 1.0))

_experiment = partial(
    Experiment,
    step="collect", page="how-far-a-copy-reaches", kind="text",
    design="paired-models", metric=ACCURACY, margin=0.06, sign=1, seeds=(0, 1, 2),
    null_dose=0.0, data=("movie_reviews",),
)  # fmt: skip

EXPERIMENTS = (
    _experiment(
        id="duplicate-leakage-finetuned",
        title="Copies of test texts in the training data of a fine-tuned BERT",
        symptom="A fine-tuned model is nearly perfect on test rows that it has met before.",
        caught_by="Score apart the test rows that the model has met before.",
        knobs=(
            _share,
            Knob(
                "epochs", "passes over the training data", "epochs", low=1, high=10, default=2,
                doses=(2,),
            ),
        ),
        weights=("minilm",), cost=100.0, tolerance=0.04, run=_finetuned,
    ),
    _experiment(
        id="duplicate-leakage-english",
        title="Copies of test texts in English training data of a plain learner",
        symptom="Even a plain learner does better on test rows of which it has met a copy.",
        knobs=(_share,),
        cost=1.0, run=_plain,
    ),
)  # fmt: skip
