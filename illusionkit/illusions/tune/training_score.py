"""The illusion of the rows that were trained on: ``training-score``.

A model that is judged by the rows it was trained on reports Efron's *apparent error*. The source
document trains for five epochs and reads falling losses as generalisation; the book's small budget
trains for two.

The flawed arm asks about 2,000 training reviews again; the seed draws them. A first spec took the
first ones of the file, which lies in the order of its classes, so they were nearly all positive:
its optimism mixed learning by heart with that selection. Said before this second spec was measured:
the flawed arm's optimism is larger after five epochs than after two, and above 0.1 at both; the
control's and the cured arm's intervals hold 0 at both. Used in chapter 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.experiment.reading import ACCURACY, Reading
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.illusions.material.few_reviews import answered
from illusionkit.training import runs
from illusionkit.training.batches import Settings
from illusionkit.training.book_model import split_of, tables

JUDGED_IN_TRAINING = 2000
"""Training reviews that a model is asked about again, drawn by the seed."""
JUDGED = ("again", "validation", "holdout")
CLASSES = len(corpora.CLASS_NAMES)


@cache
def _parts(part: str) -> dict[str, pd.DataFrame]:
    """Return the book's splits; the holdout is its test split, or the confirm part.

    The split is the book's own: the seeds redraw the head, the order of the batches, and which
    training reviews are asked about again.
    """
    parts = dict(tables())
    test = parts.pop("test")
    return {**parts, "holdout": test if part == "book" else corpora.movie_reviews(part)}


def drawn(part: str, seed: int) -> dict[str, pd.DataFrame]:
    """Return the splits, and ``again``: the training reviews that are asked about again."""
    parts = _parts(part)
    rng = np.random.default_rng([seed, 51])
    again = rng.choice(len(parts["train"]), JUDGED_IN_TRAINING, replace=False)
    return {**parts, "again": parts["train"].iloc[np.sort(again)]}


def _trained(
    parts: Mapping[str, pd.DataFrame], epochs: int, seed: int
) -> tuple[runs.TrainingRun, dict[str, Array]]:
    """Return a training, and its probabilities (epochs, rows, classes) by set of rows."""
    settings = Settings(epochs=epochs, seed=seed, restore_best=False)
    texts = [text for name in JUDGED for text in parts[name]["text"]]
    splits = (split_of(parts["train"]), split_of(parts["validation"]))
    trained = runs.run(*splits, texts, settings, classes=CLASSES)
    cuts = np.cumsum([len(parts[name]) for name in JUDGED])[:-1]
    return trained, dict(zip(JUDGED, np.split(trained.probabilities, cuts, axis=1), strict=True))


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``training-score``.

    Flawed: the last epoch's model, scored on reviews it was trained on. Control: the same model on
    the validation reviews, which have chosen nothing in this run. Cured: the epoch whose
    validation loss was lowest, scored on the validation reviews that chose it.
    """
    parts = drawn(part, seed)
    trained, chances = _trained(parts, round(dose["epochs"]), seed)
    epoch = trained.best if arm == "cured" else len(trained.history) - 1
    shown = "again" if arm == "flawed" else "validation"
    rows = [answered(parts[name], chances[name][epoch]) for name in (shown, "holdout")]
    used = pd.concat([parts["train"], parts["validation"]])["unit"].to_numpy()
    extras = _curves(trained) | _holdout_curves(parts["holdout"], chances["holdout"])
    return Reading.scored(ACCURACY, *rows, extras=extras, used_units=used)


def _curves(trained: runs.TrainingRun) -> dict[str, float]:
    """Return losses (nats) and accuracy by epoch, and which epoch was best, from 1."""
    named = ("train_loss", "validation_loss", "validation_accuracy")
    curves = {
        f"{name}_{row['epoch']:.0f}": float(row[name])
        for row in trained.history.to_dict("records")
        for name in named
    }
    return curves | {"best_epoch": float(trained.best + 1)}


def _holdout_curves(table: pd.DataFrame, chances: Array) -> dict[str, float]:
    """Return the holdout's loss (nats) and accuracy by epoch."""
    label = table["label"].to_numpy()
    likely = np.clip(chances[:, np.arange(len(label)), label], 1e-12, None)
    losses, hits = -np.log(likely).mean(axis=1), (chances.argmax(-1) == label).mean(axis=1)
    curves = {f"holdout_loss_{n}": float(loss) for n, loss in enumerate(losses, start=1)}
    return curves | {f"holdout_accuracy_{n}": float(hit) for n, hit in enumerate(hits, start=1)}


EXPERIMENTS = (
    Experiment(
        id="training-score", step="fine-tune", page="results", kind="text",
        title="A fine-tuned model judged by the reviews it was trained on",
        symptom="The training log looks better with every epoch, and the users see no difference.",
        caught_by="Score the validation rows after every epoch, and print both.",
        # 924 test and 950 validation reviews tell no less than the margin from nothing.
        design="fresh-sample", metric=ACCURACY, margin=0.1, sign=1, seeds=(0, 1, 2),
        knobs=(Knob(
            "epochs", "passes over the training data", "epochs", low=1, high=10, default=2,
            doses=(2, 5),
        ),),
        data=("movie_reviews",), weights=("minilm",), cost=400.0, tolerance=0.04, run=run,
    ),
)  # fmt: skip
