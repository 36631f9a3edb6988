"""The leak of ``duplicate-leakage`` in English: under a fine-tuned BERT and a plain learner.

The same texts leak to both, at the same doses and seeds. It was predicted that the large model,
which remembers more, gains more from the copies: at the highest dose
``duplicate-leakage-finetuned`` should show more optimism than ``duplicate-leakage-english``. The
margin is what three trainings on 800 test reviews can tell from nothing. Used in chapter 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial

import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.experiment.spec import ACCURACY, Experiment, Knob, Reading, Rows
from illusionkit.illusions.collect.duplicate_leakage import Draw, draw, planted
from illusionkit.models.learners import CountedTexts
from illusionkit.training.batches import Settings, Split
from illusionkit.training.runs import run

TEST_TEXTS = 800
TRAIN_TEXTS = 2000
WATCHED = 100
"""Spare texts whose loss is watched during training; nothing is chosen by it."""
CLASSES = len(corpora.CLASS_NAMES)

Learner = Callable[[Array], Array]
"""From the rows to train on to predictions for the test rows, shape (epochs, tests)."""


@cache
def _texts(part: str) -> pd.DataFrame:
    """Return movie reviews, one a unit; those of the confirm part for ``part="confirm"`` only."""
    names = dict.fromkeys(("book", part))
    parts = [corpora.movie_reviews(name).assign(part=name) for name in names]
    table = pd.concat(parts, ignore_index=True)
    return table.drop_duplicates("unit").reset_index(drop=True)


@cache
def _counted(part: str) -> CountedTexts:
    return CountedTexts(list(_texts(part)["text"]))


def _split(table: pd.DataFrame, rows: Array) -> Split:
    return Split(list(table["text"][rows]), list(table["label"][rows]))


def _finetuned(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read ``duplicate-leakage-finetuned``: the packaged BERT, all of its weights trained."""
    table = _texts(part)
    drawn = draw(table, seed, part, TEST_TEXTS, TRAIN_TEXTS)
    settings = Settings(epochs=round(dose["epochs"]), seed=seed, restore_best=False)
    watched, judged = _split(table, drawn.spare[:WATCHED]), list(table["text"][drawn.test])

    def learner(rows: Array) -> Array:
        said = run(_split(table, rows), watched, judged, settings, classes=CLASSES)
        return said.probabilities.argmax(axis=-1)

    return _reading(table, drawn, dose["share"], arm, learner)


def _plain(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read ``duplicate-leakage-english``: the learner that counts characters."""
    table = _texts(part)
    drawn = draw(table, seed, part, TEST_TEXTS, TRAIN_TEXTS)
    label = table["label"].to_numpy()

    def learner(rows: Array) -> Array:
        return _counted(part).predict(rows, label[rows], drawn.test)[None]

    return _reading(table, drawn, dose["share"], arm, learner)


def _reading(table: pd.DataFrame, drawn: Draw, share: float, arm: str, learner: Learner) -> Reading:
    """Return the learner after training with copies beside the same learner trained clean."""
    train = planted(table, drawn, share, arm)
    fitted, clean = learner(train), learner(drawn.train)
    truth, unit = table["label"].to_numpy()[drawn.test], table["unit"].to_numpy()[drawn.test]
    gaps = (fitted == truth).mean(axis=1) - (clean == truth).mean(axis=1)
    extras = {f"optimism_after_epoch_{n}": float(gap) for n, gap in enumerate(gaps, start=1)}
    return Reading.scored(
        ACCURACY,
        Rows(truth, fitted[-1], unit),
        Rows(truth, clean[-1], unit),
        extras=extras,
        train_sizes=(len(train), len(drawn.train)),
    )


_share = Knob(
    name="share",
    label="test texts with a copy in training",
    unit="share",
    low=0.0,
    high=1.0,
    default=1.0,
    doses=(0.0, 0.5, 1.0),
)

_experiment = partial(
    Experiment,
    step="collect",
    design="paired-models",
    metric=ACCURACY,
    seeds=(0, 1, 2),
    margin=0.06,
    sign=1,
    data=("movie_reviews",),
    page="a-score-to-distrust",
)

EXPERIMENTS = (
    _experiment(
        id="duplicate-leakage-finetuned",
        title="Copies of test texts in the training data of a fine-tuned BERT",
        knobs=(
            _share,
            Knob(
                name="epochs",
                label="passes over the training data",
                unit="epochs",
                low=1,
                high=10,
                default=2,
                doses=(2,),
            ),
        ),
        cost=100.0,
        tolerance=0.04,
        run=_finetuned,
        weights=("minilm",),
    ),
    _experiment(
        id="duplicate-leakage-english",
        title="Copies of test texts in English training data of a plain learner",
        knobs=(_share,),
        cost=1.0,
        run=_plain,
    ),
)
