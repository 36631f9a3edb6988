"""Illusions that are bred while a model is fine-tuned: ``training-score``.

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
from illusionkit.experiment.spec import ACCURACY, Experiment, Knob, Reading, Rows
from illusionkit.training.batches import Settings
from illusionkit.training.book_model import split_of, tables
from illusionkit.training.runs import TrainingRun, run

JUDGED_IN_TRAINING = 2000
"""Training reviews that a model is asked about again, drawn by the seed."""
CLASSES = len(corpora.CLASS_NAMES)


@cache
def _parts(part: str) -> dict[str, pd.DataFrame]:
    """Return the book's splits; the vault is its test split, or the confirm part.

    The split is the book's own: the seeds redraw the head, the order of the batches, and which
    training reviews are asked about again.
    """
    found = dict(tables())
    found["vault"] = found.pop("test")
    if part != "book":
        found["vault"] = corpora.movie_reviews(part)
    return found


def _drawn(part: str, seed: int) -> dict[str, pd.DataFrame]:
    """Return the splits, and ``again``: the training reviews that are asked about again."""
    found = dict(_parts(part))
    rng = np.random.default_rng([seed, 51])
    again = rng.choice(len(found["train"]), JUDGED_IN_TRAINING, replace=False)
    found["again"] = found["train"].iloc[np.sort(again)]
    return found


def _training(epochs: int, seed: int, part: str) -> tuple[TrainingRun, dict[str, Array]]:
    """Return a training, and its probabilities (epochs, rows, classes) by set of rows."""
    parts = _drawn(part, seed)
    judged = {name: parts[name] for name in ("again", "validation", "vault")}
    settings = Settings(epochs=epochs, seed=seed, restore_best=False)
    texts = [text for rows in judged.values() for text in rows["text"]]
    splits = (split_of(parts["train"]), split_of(parts["validation"]))
    found = run(*splits, texts, settings, classes=CLASSES)
    cuts = np.cumsum([len(rows) for rows in judged.values()])[:-1]
    return found, dict(zip(judged, np.split(found.probabilities, cuts, axis=1), strict=True))


def _own_rows(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read ``training-score``.

    Flawed: the last epoch's model, scored on reviews it was trained on. Control: the same model on
    the validation reviews, which have chosen nothing in this run. Cured: the epoch whose
    validation loss was lowest, scored on the validation reviews that chose it.
    """
    parts = _drawn(part, seed)
    found, said = _training(round(dose["epochs"]), seed, part)
    epoch = found.best if arm == "cured" else len(found.history) - 1
    shown = "again" if arm == "flawed" else "validation"
    rows = [_rows(parts[name], said[name][epoch]) for name in (shown, "vault")]
    used = pd.concat([parts["train"], parts["validation"]])["unit"].to_numpy()
    extras = _curves(found) | _vault_curves(parts["vault"], said["vault"])
    return Reading.scored(ACCURACY, *rows, extras=extras, touched=used)


def _rows(table: pd.DataFrame, chances: Array) -> Rows:
    predicted = chances.argmax(axis=1)
    return Rows(table["label"].to_numpy(), predicted, table["unit"].to_numpy(), chances.max(axis=1))


def _curves(found: TrainingRun) -> dict[str, float]:
    """Return losses (nats) and accuracy by epoch, and which epoch was best, from 1."""
    named = ("train_loss", "validation_loss", "validation_accuracy")
    curves = {
        f"{name}_{row['epoch']:.0f}": float(row[name])
        for row in found.history.to_dict("records")
        for name in named
    }
    return curves | {"best_epoch": float(found.best + 1)}


def _vault_curves(table: pd.DataFrame, chances: Array) -> dict[str, float]:
    """Return the vault's loss (nats) and accuracy by epoch."""
    label = table["label"].to_numpy()
    likely = np.clip(chances[:, np.arange(len(label)), label], 1e-12, None)
    losses, hits = -np.log(likely).mean(axis=1), (chances.argmax(-1) == label).mean(axis=1)
    found = {f"vault_loss_{n}": float(loss) for n, loss in enumerate(losses, start=1)}
    return found | {f"vault_accuracy_{n}": float(hit) for n, hit in enumerate(hits, start=1)}


EXPERIMENTS = (
    Experiment(
        id="training-score",
        title="A fine-tuned model judged by the reviews it was trained on",
        step="fine-tune",
        design="fresh-sample",
        metric=ACCURACY,
        knobs=(
            Knob(
                name="epochs",
                label="passes over the training data",
                unit="epochs",
                low=1,
                high=10,
                default=2,
                doses=(2, 5),
            ),
        ),
        seeds=(0, 1, 2),
        margin=0.1,  # 924 test and 950 validation reviews tell no less from nothing
        sign=1,
        data=("movie_reviews",),
        page="results",
        cost=400.0,
        tolerance=0.04,
        run=_own_rows,
        weights=("minilm",),
    ),
)
