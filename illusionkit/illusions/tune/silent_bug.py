"""The illusion of the loop that runs: ``silent-bug``.

A training loop with a line missing still runs, and its training loss still falls. Each arm removes
one thing from the real source of `training.finetune.fit` (see `training.ablations`) and trains
the packaged BERT on the same reviews as the loop that is whole. Two models, the same rows: what
differs is the loop, in the place where other experiments differ in the training data. ``another
seed`` removes nothing and draws head, order and dropout anew: what is no larger can't be seen.

Apparent is the loss that the loop reports of the judged reviews; honest is that of the whole loop.
Optimism below 0 says by how many nats an ablation makes the report worse. The word vectors stay as
they are, to save time, and the training is short, so the rates are above the book's.

Said before anything was measured: ``row numbers`` does most harm to the report and none to the
model; ``zero_grad()`` does most to the model, at both rates. ``schedule.step()`` leaves the rate
where the warm-up began: harm at the lower rate. ``shuffling, sorted file`` harms; ``shuffling``
alone does not. ``clip`` and ``warm-up`` are silent at the lower rate and harm at the higher.
``model.train()``, ``model.eval()``, ``decay groups``, ``best epoch``, ``length groups`` and
``seed`` stay within what another seed does; ``short batch`` changes the printed training loss only.
Used in chapter 5.
"""

from __future__ import annotations

import json
from functools import cache as keep
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from illusionkit import cache
from illusionkit.arrays import Array
from illusionkit.data import archives, corpora
from illusionkit.experiment.draws import deal
from illusionkit.experiment.reading import ACCURACY, Metric, Reading, Rows, nats
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import read
from illusionkit.meaning import code_hash
from illusionkit.models import encoders
from illusionkit.training.ablations import ORDER, TRAINING, loop
from illusionkit.training.batches import Batches, Settings, Split
from illusionkit.training.book_model import split_of, tables
from illusionkit.training.finetune import evaluate, fit, probabilities

if TYPE_CHECKING:
    from transformers import PreTrainedModel

TRAIN_ROWS, WATCHED_ROWS, JUDGED_ROWS = 250, 50, 300
LONGEST = 50
"""Characters of the longest review."""
EPOCHS, BATCH_SIZE, MAX_TOKENS = 2, 16, 32
CLASSES = len(corpora.CLASS_NAMES)
SORTED = "shuffling, sorted file"
OTHER_SEED = "another seed"
ABLATIONS = (*TRAINING, *ORDER)
STATE = 7001
"""Where the random numbers stand before the loop seeds them: something ran before."""


LOSS = Metric("loss in nats", per_row=nats, greater_is_better=False)


@keep
def _reviews(part: str) -> pd.DataFrame:
    """Return short reviews, one a unit, of the book's training split.

    Those of the confirm part, read for ``part="confirm"`` only, are there to be judged.
    """
    table = read(lambda of: tables()["train"] if of == "book" else corpora.movie_reviews(of), part)
    table = table[table["text"].str.len() <= LONGEST]
    return table.drop_duplicates("unit").reset_index(drop=True)


def draw(seed: int, part: str = "book") -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return reviews to train on, to watch and to judge, drawn by ``seed``; no unit is in two.

    Used in chapter 5.
    """
    table, rng = _reviews(part), np.random.default_rng([seed, 52])
    book = (table["part"] == "book").to_numpy()
    train, watched, judged = deal(book, rng, TRAIN_ROWS, WATCHED_ROWS, JUDGED_ROWS)
    return table.iloc[train], table.iloc[watched], table.iloc[judged]


def trained(rate: float, seed: int, arm: str | None = None, part: str = "book") -> dict[str, Array]:
    """Return what the loop of an arm gives; None is the loop that is whole.

    ``reported`` and ``sound`` are probabilities of the judged rows (rows, classes) of the model
    that is delivered: as this loop scores it, and as the whole loop does. ``train_loss`` and
    ``validation_loss`` are the printed ones, by epoch; ``padding`` is the share of the tokens
    computed in training that are padding. A training is run once and kept. Used in chapter 5.
    """
    train, watched, judged = draw(seed, part)
    if arm == SORTED:
        train = train.sort_values("label", kind="stable")
    splits = split_of(train), split_of(watched), split_of(judged)
    own = seed + STATE if arm == OTHER_SEED else seed
    settings = Settings(EPOCHS, BATCH_SIZE, rate, max_tokens=MAX_TOKENS, seed=own)
    ablation = arm if arm in ABLATIONS else None
    key = _key(splits, settings, ablation)
    return cache.arrays("runs", key, lambda: _train(splits, settings, ablation))


def _train(
    splits: tuple[Split, Split, Split], settings: Settings, ablation: str | None
) -> dict[str, Array]:
    import torch

    train, watched, judged = splits
    code = loop(ablation)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed + STATE)
        model, tokenizer = encoders.classifier(CLASSES, seed=settings.seed)
        _embeddings(model).requires_grad_(False)
        fitted = code.fit(model, tokenizer, train, watched, settings)
        reported = code.probabilities(model, tokenizer, judged.texts, settings)
    sound = probabilities(model, tokenizer, judged.texts, settings)
    losses = {name: fitted.history[name].to_numpy() for name in ("train_loss", "validation_loss")}
    padding = _padding(code.Batches(tokenizer, train, settings))
    return {"reported": reported, "sound": sound, "padding": np.array(padding), **losses}


def _embeddings(model: PreTrainedModel) -> Any:
    """Return the layer of word vectors and positions, whatever the encoder is called."""
    return getattr(model, model.base_model_prefix).embeddings


def _padding(batches: Batches) -> float:
    """Return the share of the tokens of the first epoch that are padding."""
    masks = [inputs["attention_mask"] for inputs, _ in batches.shuffled(1, "cpu")]
    return float(1 - sum(int(m.sum()) for m in masks) / sum(m.numel() for m in masks))


def _key(splits: tuple[Split, ...], settings: Settings, ablation: str | None) -> str:
    """Return a hash of what a training depends on."""
    rows = [[list(part.texts), [int(k) for k in part.labels]] for part in splits]
    edits = {**TRAINING, **ORDER}.get(ablation or "", ())
    asked = json.dumps([rows, vars(settings), edits], sort_keys=True)
    weights = archives.source("minilm").members["weights"].sha256
    code = code_hash(fit, evaluate, probabilities, Batches, _train)
    return cache.digest(asked, weights, code, *map(version, encoders.LIBRARIES))


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``silent-bug``: the report of a loop with something missing, beside the whole loop."""
    broken, whole = (trained(dose["rate"] * 1e-4, seed, name, part) for name in (arm, None))
    judged = draw(seed, part)[2]
    label, unit = judged["label"].to_numpy(), judged["unit"].to_numpy()
    reported, sound, known = (
        Rows.likely(label, chances, unit)
        for chances in (broken["reported"], broken["sound"], whole["reported"])
    )
    extras = {"model_worse": LOSS.score(sound) - LOSS.score(known)}
    extras |= {"padding": float(broken["padding"]), "padding_whole": float(whole["padding"])}
    extras |= {"moved": float(np.abs(broken["reported"] - whole["reported"]).max())}
    for name, arrays in (("", broken), ("_whole", whole)):
        for epoch, loss in enumerate(arrays["train_loss"], start=1):
            extras[f"train_loss_{epoch}{name}"] = float(loss)
    extras["accuracy"] = ACCURACY.score(sound)
    extras["accuracy_whole"] = ACCURACY.score(known)
    return Reading.scored(LOSS, reported, known, extras=extras, train_sizes=(TRAIN_ROWS,) * 2)


EXPERIMENTS = (
    Experiment(
        id="silent-bug", step="fine-tune", page="reading-the-code", kind="text",
        title="A training loop with a line missing",
        symptom="The training loop runs to its end, and nothing says that a line is missing.",
        caught_by="Run the loop on a task with a known answer, with and without the line.",
        design="paired-models", metric=LOSS, margin=0.05, sign=-1, seeds=(0, 1, 2),
        knobs=(Knob(
            "rate", "learning rate", "· 10⁻⁴", low=0.5, high=20, default=2.5, doses=(2.5, 5.0),
        ),),
        arms=(OTHER_SEED, *ABLATIONS), data=("movie_reviews",), weights=("minilm",), cost=20.0,
        tolerance=0.03, run=run,
    ),
)  # fmt: skip
