"""The illusion of the misread curve: ``misread-curve``.

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

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.experiment.draws import deal
from illusionkit.experiment.reading import Metric, Reading, Rows, nats
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task
from illusionkit.models.learners import HeadTraining, logits_of
from illusionkit.training.book_model import units

if TYPE_CHECKING:
    import torch

TRAIN_ROWS, DEV_ROWS = 640, 300
EPOCHS = 5  # as in the listing
LEARNING_RATE = 1e-3
CLASSES = len(corpora.CLASS_NAMES)

UNREAD, DEV, TRAIN = 0, 1, 2
"""What a reported gap takes a row for; ``DEV | TRAIN`` for both, ``UNREAD`` for neither."""


def _gap(rows: Rows, weights: Array) -> float:
    """Return the loss of the rows taken for development rows, less that of those for training.

    Nats. ``group`` says what a row is taken for, ``probability`` is that of its true class. NaN
    where a resample left one of the two without a row.
    """
    assert rows.group is not None
    losses = nats(rows)
    taken = [weights * (rows.group & role > 0) for role in (DEV, TRAIN)]
    if not all(share.any() for share in taken):
        return float("nan")
    dev, train = (float(share @ losses / share.sum()) for share in taken)
    return dev - train


GAP = Metric("development loss less training loss", whole=_gap, greater_is_better=False)


def _train(
    features: Array, label: Array, size: int, seed: int, *, listing: bool
) -> tuple[torch.nn.Module, Array]:
    """Return a trained head, and the likelihood each row had when it was last trained on.

    The listing's calls of ``eval()`` inside the loop are all that its scoring does to the training:
    from the second batch on there is no dropout. Both loops shuffle the rows in the same order.
    """
    import torch

    labels, likely = torch.from_numpy(label), torch.empty(len(label))

    def note(head: torch.nn.Module, rows: torch.Tensor, logits: torch.Tensor) -> None:
        losses = torch.nn.functional.cross_entropy(logits, labels[rows], reduction="none")
        likely[rows] = losses.neg().exp()
        head.train(not listing)

    optimizer = partial(torch.optim.AdamW, lr=LEARNING_RATE)
    head = HeadTraining(CLASSES, size, EPOCHS, seed, optimizer).fit(features, label, note)
    return head, likely.double().numpy()


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``misread-curve``: the gap that a loop reports, against the gap over all rows.

    Honest: every row in evaluation mode, after training. Flawed: the last batch of development
    rows is taken for training rows; "dev loss", which the listing leaves undefined, is given the
    right value. Control: the corrected loop, which adds up its training loss by rows while it
    trains. Cured: the corrected loop, and after it as many training rows as there are development
    rows, scored in evaluation mode.
    """
    table, features = units(part)
    task, rng = Task(table, None), np.random.default_rng([seed, 11])
    rows = np.concatenate(deal(task.book, rng, TRAIN_ROWS, DEV_ROWS))
    label, unit = task.label[rows], task.unit[rows]
    size, train = int(np.ceil(TRAIN_ROWS / dose["batches"])), slice(TRAIN_ROWS)
    head, met = _train(features[rows][train], label[train], size, seed, listing=arm == "flawed")
    chances = logits_of(head, features[rows]).softmax(-1).double().numpy()
    likely, predicted = chances[np.arange(len(rows)), label], chances.argmax(axis=1)
    role = np.repeat([TRAIN, DEV], [TRAIN_ROWS, DEV_ROWS])
    honest = Rows(label, predicted, unit, likely, role)
    seen, taken = likely.copy(), role.copy()
    if arm == "flawed":
        taken[train] = UNREAD
        taken[len(rows) - _last(size) :] |= TRAIN
    elif arm == "control":
        seen[train] = met
    else:
        taken[rng.permutation(TRAIN_ROWS)[DEV_ROWS:]] = UNREAD
    apparent = Rows(label, predicted, unit, seen, taken)
    return Reading.scored(GAP, apparent, honest, extras=_losses(apparent, honest))


def _last(size: int) -> int:
    """Return how many development rows are in the last batch."""
    return (DEV_ROWS - 1) % size + 1


def _losses(apparent: Rows, honest: Rows) -> dict[str, float]:
    """Return the losses behind the two gaps, in nats: one printed, two in evaluation mode."""
    shown = {
        "printed_train_loss": (apparent, TRAIN),
        "train_loss": (honest, TRAIN),
        "dev_loss": (honest, DEV),
    }
    return {
        name: float(nats(rows)[np.asarray(rows.group) & role > 0].mean())
        for name, (rows, role) in shown.items()
    }


EXPERIMENTS = (
    Experiment(
        id="misread-curve", step="fine-tune", page="misread-curve", kind="text",
        title="A development batch printed as the training loss",
        symptom="Training and development loss lie together for five epochs: it looks well fitted.",
        caught_by="Compute both losses with the same weights, in evaluation mode, over all rows.",
        design="same-rows", metric=GAP, margin=0.05, sign=1, seeds=tuple(range(30)),
        knobs=(Knob(
            "batches", "training batches in an epoch", "batches", low=2, high=160, default=20,
            doses=(5, 10, 20, 40, 80),
        ),),
        data=("movie_reviews",), weights=("minilm",), cost=1.0, tolerance=0.01, run=run,
    ),
)  # fmt: skip
