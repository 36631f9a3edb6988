"""Trainings inside experiments: what a classifier says after each epoch, trained once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from illusionkit import cache
from illusionkit.arrays import Array
from illusionkit.data import archives
from illusionkit.meaning import code_hash
from illusionkit.models import encoders
from illusionkit.training.batches import Settings, Split
from illusionkit.training.finetune import fit, probabilities

if TYPE_CHECKING:
    import pandas as pd

HISTORY = ("epoch", "train_loss", "validation_loss", "validation_accuracy")


@dataclass(frozen=True)
class TrainingRun:
    """What one training gave.

    ``probabilities`` has the shape (epochs, judged texts, classes); ``history`` the columns of
    `training.finetune.Fitted` but for the seconds.
    """

    probabilities: Array
    history: pd.DataFrame

    @property
    def best(self) -> int:
        """Return the index, from 0, of the epoch whose validation loss was lowest."""
        return int(self.history["validation_loss"].argmin())


def run(
    train: Split, validation: Split, judged: Sequence[str], settings: Settings, *, classes: int
) -> TrainingRun:
    """Return what the packaged encoder says of ``judged`` after each epoch of a training.

    The last epoch's weights are kept, whatever the validation says. A training is run once and
    its probabilities kept under a key of everything they depend on. The threads of torch decide
    the last digits. Errors as in `training.finetune.fit`. Used in chapters 1 and 5.
    """
    import pandas as pd

    def make() -> dict[str, Array]:
        model, tokenizer = encoders.classifier(classes, seed=settings.seed)
        chances: list[Array] = []

        def note(_epoch: int) -> None:
            chances.append(probabilities(model, tokenizer, judged, settings))

        fitted = fit(model, tokenizer, train, validation, settings, each_epoch=note)
        history = {name: fitted.history[name].to_numpy() for name in HISTORY}
        return {"probabilities": np.array(chances), **history}

    fixed = {**asdict(settings), "classes": classes}
    kept = cache.arrays("runs", _key(train, validation, judged, fixed), make)
    return TrainingRun(kept["probabilities"], pd.DataFrame({name: kept[name] for name in HISTORY}))


def _key(train: Split, validation: Split, judged: Sequence[str], fixed: Mapping[str, Any]) -> str:
    """Return a hash of what the probabilities depend on."""
    rows = [[list(part.texts), [int(k) for k in part.labels]] for part in (train, validation)]
    asked = json.dumps([rows, list(judged), fixed], sort_keys=True)
    weights = archives.source("minilm").members["weights"].sha256
    return cache.digest(
        asked, weights, code_hash(fit, probabilities), *map(version, encoders.LIBRARIES)
    )
