"""Illusions that are bred while a model is fine-tuned: ``misread-curve``.

The source document's listing (§4.3) scores its test set after every training batch, and leaves the
loss of the last of those batches in ``loss``; the end of the epoch prints it as "train loss". The
gap that a reader sees beside "dev loss" lies between development rows and a few of the same
development rows: it is 0 on average, however well the model knows its training rows. Used in
chapter 4.

Said before anything was measured: the flawed gap stays near 0 at every dose while the true one
grows, so the optimism is positive and grows. The corrected loop, the control, is expected to look
better than it is as well, by far less: its training loss is a mean over an epoch in which the
weights moved, and dropout was on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.experiment.spec import Experiment, Knob, Metric, Reading, Rows
from illusionkit.training.book_model import units

if TYPE_CHECKING:
    import torch

TRAIN_ROWS, DEV_ROWS = 640, 300
EPOCHS = 5  # as in the listing
WIDTH, DROPOUT, LEARNING_RATE = 384, 0.1, 1e-3
CLASSES = len(corpora.CLASS_NAMES)

UNREAD, DEV, TRAIN = 0, 1, 2
"""What a reported gap takes a row for; ``DEV | TRAIN`` for both, ``UNREAD`` for neither."""


def _gap(rows: Rows, weights: Array) -> float:
    """Return the loss of the rows taken for development rows, less that of those for training.

    Nats. ``group`` says what a row is taken for, ``probability`` is that of its true class. NaN
    where a resample left one of the two without a row.
    """
    assert rows.group is not None and rows.probability is not None
    losses = -np.log(np.clip(rows.probability, 1e-12, None))
    taken = [weights * (rows.group & role > 0) for role in (DEV, TRAIN)]
    if not all(share.any() for share in taken):
        return float("nan")
    dev, train = (float(share @ losses / share.sum()) for share in taken)
    return dev - train


GAP = Metric("development loss less training loss", whole=_gap, greater_is_better=False)


def _draw(table: pd.DataFrame, rng: np.random.Generator) -> Array:
    """Return row numbers: `TRAIN_ROWS` to train on, then `DEV_ROWS` others, both in random order.

    Development rows come from the confirm part where the table holds it.
    """
    confirm = (table["part"] != "book").to_numpy()
    order = rng.permutation(np.flatnonzero(~confirm))
    pool = rng.permutation(np.flatnonzero(confirm)) if confirm.any() else order[TRAIN_ROWS:]
    return np.concatenate([order[:TRAIN_ROWS], pool[:DEV_ROWS]])


def _train(
    found: Array, label: Array, size: int, seed: int, *, listing: bool
) -> tuple[torch.nn.Module, Array]:
    """Return a trained head, and the likelihood each row had when it was last trained on.

    The head is that of ``BertForSequenceClassification``: dense, tanh, dropout, dense. The
    listing's calls of ``eval()`` inside the loop are all that its scoring does to the training:
    from the second batch on there is no dropout. Both loops shuffle the rows in the same order.
    """
    import torch

    inputs, labels = torch.from_numpy(found).float(), torch.from_numpy(label)
    likely = torch.empty(len(label))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        order = torch.Generator().manual_seed(seed)
        head = torch.nn.Sequential(
            torch.nn.Linear(found.shape[1], WIDTH), torch.nn.Tanh(),
            torch.nn.Dropout(DROPOUT), torch.nn.Linear(WIDTH, CLASSES),
        )  # fmt: skip
        optimizer = torch.optim.AdamW(head.parameters(), lr=LEARNING_RATE)
        for _ in range(EPOCHS):
            for rows in torch.randperm(len(label), generator=order).split(size):
                losses = torch.nn.functional.cross_entropy(
                    head(inputs[rows]), labels[rows], reduction="none"
                )
                optimizer.zero_grad()
                losses.mean().backward()
                optimizer.step()
                likely[rows] = losses.detach().neg().exp()
                head.train(not listing)
    return head.eval(), likely.double().numpy()


def _chances(head: torch.nn.Module, found: Array) -> Array:
    """Return the probability of each class, shape (rows, classes), in evaluation mode."""
    import torch

    with torch.inference_mode():
        return head(torch.from_numpy(found).float()).softmax(-1).double().numpy()


def _misread(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read ``misread-curve``: the gap that a loop reports, against the gap over all rows.

    Honest: every row in evaluation mode, after training. Flawed: the last batch of development
    rows is taken for training rows; "dev loss", which the listing leaves undefined, is given the
    right value. Control: the corrected loop, which adds up its training loss by rows while it
    trains. Cured: the corrected loop, and after it as many training rows as there are development
    rows, scored in evaluation mode.
    """
    table, found = units(part)
    rng = np.random.default_rng([seed, 11])
    rows = _draw(table, rng)
    label, unit = table["label"].to_numpy()[rows], table["unit"].to_numpy()[rows]
    size = int(np.ceil(TRAIN_ROWS / dose["batches"]))
    train = slice(TRAIN_ROWS)
    head, met = _train(found[rows][train], label[train], size, seed, listing=arm == "flawed")
    chances = _chances(head, found[rows])
    likely, said = chances[np.arange(len(rows)), label], chances.argmax(axis=1)
    role = np.repeat([TRAIN, DEV], [TRAIN_ROWS, DEV_ROWS])
    honest = Rows(label, said, unit, likely, role)
    seen, taken = likely.copy(), role.copy()
    if arm == "flawed":
        taken[train] = UNREAD
        taken[len(rows) - _last(size) :] |= TRAIN
    elif arm == "control":
        seen[train] = met
    else:
        taken[rng.permutation(TRAIN_ROWS)[DEV_ROWS:]] = UNREAD
    apparent = Rows(label, said, unit, seen, taken)
    return Reading.scored(GAP, apparent, honest, extras=_losses(apparent, honest))


def _last(size: int) -> int:
    """Return how many development rows are in the last batch."""
    return (DEV_ROWS - 1) % size + 1


def _losses(apparent: Rows, honest: Rows) -> dict[str, float]:
    """Return the losses behind the two gaps, in nats: one printed, two in evaluation mode."""
    found = {}
    for name, rows, role in (
        ("printed_train_loss", apparent, TRAIN),
        ("train_loss", honest, TRAIN),
        ("dev_loss", honest, DEV),
    ):
        assert rows.probability is not None and rows.group is not None
        losses = -np.log(np.clip(rows.probability, 1e-12, None))
        found[name] = float(losses[rows.group & role > 0].mean())
    return found


EXPERIMENTS = (
    Experiment(
        id="misread-curve",
        title="A development batch printed as the training loss",
        step="fine-tune",
        design="same-rows",
        metric=GAP,
        knobs=(
            Knob(
                name="batches",
                label="training batches in an epoch",
                unit="batches",
                low=2,
                high=160,
                default=20,
                doses=(5, 10, 20, 40, 80),
            ),
        ),
        seeds=tuple(range(30)),
        margin=0.05,
        sign=1,
        data=("movie_reviews",),
        page="movie-ratings",
        cost=1.0,
        tolerance=0.01,
        run=_misread,
        weights=("minilm",),
    ),
)
