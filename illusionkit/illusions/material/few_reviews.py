"""A few film reviews to learn from, and four learners of them: rows, trainings, probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from illusionkit import cache as kept
from illusionkit.arrays import Array
from illusionkit.data import archives, corpora
from illusionkit.experiment.reading import ACCURACY, Reading, Rows
from illusionkit.meaning import code_hash
from illusionkit.models import encoders, encoding, learners
from illusionkit.training.batches import Settings
from illusionkit.training.book_model import split_of, tables
from illusionkit.training.finetune import fit, probabilities

AGAIN, VALIDATION = 500, 400
"""The most training reviews that are asked about again, and the validation reviews of a run."""
CLASSES = len(corpora.CLASS_NAMES)


class Drawn(NamedTuple):
    """The rows of a run: what is trained on, a part of that asked again, validation, holdout."""

    train: pd.DataFrame
    again: pd.DataFrame
    validation: pd.DataFrame
    holdout: pd.DataFrame


@cache
def drawn(size: int, seed: int, part: str) -> Drawn:
    """Return the rows of a run: smaller sizes are parts of the larger ones of the same seed."""
    book, rng = tables(), np.random.default_rng([seed, 61])
    train, validation = (
        book[name].iloc[rng.permutation(len(book[name]))] for name in ("train", "validation")
    )
    holdout = book["test"] if part == "book" else corpora.movie_reviews(part)
    return Drawn(train[:size], train[: min(size, AGAIN)], validation[:VALIDATION], holdout)


def tuned(rows: Drawn, settings: Settings, *, pretrained: bool = True) -> dict[str, Array]:
    """Return a training's probabilities of ``again``, ``validation`` and ``holdout``, kept.

    Without ``pretrained`` the same architecture begins from random weights.
    """
    judged = {name: getattr(rows, name) for name in ("again", "validation", "holdout")}

    def make() -> dict[str, Array]:
        model, tokenizer = encoders.classifier(CLASSES, seed=settings.seed)
        if not pretrained:
            model = _random_weights(model, settings.seed)
        fit(model, tokenizer, split_of(rows.train), split_of(rows.validation), settings)
        return {
            name: probabilities(model, tokenizer, list(part["text"]), settings)
            for name, part in judged.items()
        }

    texts = pd.concat([rows.train, *judged.values()])
    asked = [asdict(settings), pretrained, texts["text"].tolist(), texts["label"].tolist()]
    weights = archives.source("minilm").members["weights"].sha256
    versions = map(version, encoders.LIBRARIES)
    return kept.arrays("runs", kept.digest(repr(asked), weights, code_hash(make), *versions), make)


def _random_weights(model: Any, seed: int) -> Any:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return type(model)(model.config)


def probe(rows: Drawn, part: str) -> dict[str, Array]:
    """Return what a linear probe on frozen features says, as `tuned` does."""
    known = _features("book")
    model = learners.linear_probe().fit(known[rows.train.index], rows.train["label"])
    asked = {"again": "book", "validation": "book", "holdout": part}
    return {
        name: _chances(model, _features(of)[getattr(rows, name).index])
        for name, of in asked.items()
    }


@cache
def _features(part: str) -> Array:
    return encoding.features(list(corpora.movie_reviews(part)["text"]))


def characters(rows: Drawn, _part: str) -> dict[str, Array]:
    """Return what a learner on counted characters says, as `tuned` does."""
    model = learners.plain_learner().fit(list(rows.train["text"]), rows.train["label"])
    return {
        name: _chances(model, list(getattr(rows, name)["text"]))
        for name in ("again", "validation", "holdout")
    }


def _chances(model: Any, asked: Any) -> Array:
    """Return probabilities (rows, classes); a class that was never trained on has none."""
    chances = np.zeros((len(asked), CLASSES))
    chances[:, model.classes_] = model.predict_proba(asked)
    return chances


def reading(rows: Drawn, chances: Mapping[str, Array]) -> Reading:
    """Return training rows asked again as the apparent side, the holdout as the honest one."""
    judged = {name: answered(getattr(rows, name), said) for name, said in chances.items()}
    usual = rows.train["label"].mode()[0]
    extras = {
        "validation_accuracy": ACCURACY.score(judged["validation"]),
        "majority": float((rows.holdout["label"] == usual).mean()),
    }
    used = pd.concat([rows.train, rows.validation])["unit"].to_numpy()
    sides = (judged["again"], judged["holdout"])
    return Reading.scored(ACCURACY, *sides, extras=extras, used_units=used)


def answered(table: pd.DataFrame, chances: Array) -> Rows:
    """Return what is said of the rows of a table by probabilities (rows, classes)."""
    predicted = chances.argmax(axis=1)
    return Rows(table["label"].to_numpy(), predicted, table["unit"].to_numpy(), chances.max(axis=1))
