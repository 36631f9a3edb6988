"""Illusions that are bred while a model is fine-tuned: ``learning-rate``, ``chosen-rate``.

The source document (§4.2) updates the weights by θ ← θ − η∇L, and says of η no more than that it
is the learning rate. Here its rule trains a head for the document's five epochs, at several rates
and batch sizes. The loss on the head's own training rows is set beside the loss on a vault; then a
setting is chosen, by the one or by validation rows, never by the vault. Used in chapter 4.

Said before anything was measured. ``learning-rate``: where hardly anything is learned the optimism
is equivalent to 0; it grows with the rate as long as training converges, and at one rate it is the
larger the smaller the batches, since five epochs then take more steps. ``chosen-rate``: the setting
with the lowest training loss has the larger optimism the more settings were tried, and a vault loss
above that of the setting chosen by validation rows; a setting that nobody chose has none.

The range of rates was fixed by a pilot on other seeds (1000 to 1002). On their training rows, rates
from 0.3 on end above the loss they began with where the batches hold 8 rows; and features that
differ in the sixth digit change the outcome by half a nat. No other machine could repeat such a
reading, so the rates end at 0.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.experiment.spec import Experiment, Knob, Metric, Reading, Rows
from illusionkit.training.book_model import units

if TYPE_CHECKING:
    import torch

EPOCHS = 5  # as in the document's listing
WIDTH, DROPOUT = 384, 0.1
CLASSES = len(corpora.CLASS_NAMES)
SIZES = {"train": 640, "validation": 300, "vault": 2000}
RATES = (0.001, 0.003, 0.01, 0.03, 0.1)
BATCHES = {"batches of 8": 8, "batches of 32": 32, "batches of 128": 128}


def _losses(rows: Rows) -> Array:
    """Return the cross-entropy of each row in nats; ``probability`` is that of its true class."""
    assert rows.probability is not None
    return np.asarray(-np.log(np.clip(rows.probability, 1e-12, None)))


LOSS = Metric("cross-entropy in nats", per_row=_losses, greater_is_better=False)


def _draw(table: pd.DataFrame, seed: int) -> dict[str, Array]:
    """Return the row numbers of training, validation and vault, which share no unit.

    The vault comes from the confirm part where the table holds it.
    """
    rng = np.random.default_rng([seed, 13])
    confirm = (table["part"] != "book").to_numpy()
    order = rng.permutation(np.flatnonzero(~confirm))
    cuts = np.cumsum(list(SIZES.values()))
    rows = dict(zip(SIZES, np.split(order[: cuts[-1]], cuts[:-1]), strict=True))
    if confirm.any():
        rows["vault"] = rng.permutation(np.flatnonzero(confirm))[: SIZES["vault"]]
    return rows


class Trained(NamedTuple):
    """What a head says after training: the rows of each part, and the loss that the run reported.

    ``reported`` is the mean over the rows of the last epoch while they were trained on, in nats.
    """

    rows: Mapping[str, Rows]
    reported: float


@lru_cache(maxsize=2048)
def _trained(rate: float, size: int, seed: int, part: str) -> Trained:
    """Train a head by θ ← θ − η∇L, and ask it about its own rows, the validation and the vault."""
    table, found = units(part)
    places = _draw(table, seed)
    label, unit = table["label"].to_numpy(), table["unit"].to_numpy()
    head, reported = _train(found[places["train"]], label[places["train"]], rate, size, seed)
    rows = {}
    for name, at in places.items():
        chances = _chances(head, found[at])
        likely = chances[np.arange(len(at)), label[at]]
        rows[name] = Rows(label[at], chances.argmax(axis=1), unit[at], likely)
    return Trained(rows, reported)


def _train(
    found: Array, label: Array, rate: float, size: int, seed: int
) -> tuple[torch.nn.Module, float]:
    """Return a trained head, and the mean loss of its last epoch while it trained.

    The head is that of ``BertForSequenceClassification``: dense, tanh, dropout, dense. The rate is
    constant, without momentum or weight decay.
    """
    import torch

    inputs, labels = torch.from_numpy(found).float(), torch.from_numpy(label)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        order = torch.Generator().manual_seed(seed)
        head = torch.nn.Sequential(
            torch.nn.Linear(found.shape[1], WIDTH), torch.nn.Tanh(),
            torch.nn.Dropout(DROPOUT), torch.nn.Linear(WIDTH, CLASSES),
        )  # fmt: skip
        optimizer = torch.optim.SGD(head.parameters(), lr=rate)
        for _ in range(EPOCHS):
            total = 0.0
            for rows in torch.randperm(len(label), generator=order).split(size):
                loss = torch.nn.functional.cross_entropy(head(inputs[rows]), labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.item() * len(rows)
    return head.eval(), total / len(label)


def _chances(head: torch.nn.Module, found: Array) -> Array:
    """Return the probability of each class, shape (rows, classes), in evaluation mode."""
    import torch

    with torch.inference_mode():
        return head(torch.from_numpy(found).float()).double().softmax(-1).numpy()


def _at_rate(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read ``learning-rate``: the head on its own training rows, asked again, and on the vault."""
    trained = _trained(dose["rate"], BATCHES[arm], seed, part)
    return _reading(trained, "train")


def _chosen(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read ``chosen-rate``: so many settings are tried, and one is taken.

    Flawed: the setting with the lowest training loss, which is reported. Cured: the one with the
    lowest validation loss, which is reported. Control: the first that was drawn, and its validation
    loss. The settings are drawn from the grid of `RATES` and `BATCHES`; all of them at the top.
    """
    grid = [(rate, size) for rate in RATES for size in BATCHES.values()]
    rng = np.random.default_rng([seed, 19])
    tried = [grid[k] for k in rng.permutation(len(grid))[: round(dose["settings"])]]
    shown = "train" if arm == "flawed" else "validation"
    runs = [_trained(*setting, seed, part) for setting in tried]
    losses = [LOSS.score(run.rows[shown]) for run in runs]
    taken = 0 if arm == "control" else int(np.argmin(losses))
    rate, size = tried[taken]
    return _reading(runs[taken], shown, rate=rate, batch=float(size))


def _reading(trained: Trained, shown: str, **extras: float) -> Reading:
    rows = trained.rows
    found = {f"{name}_loss": LOSS.score(part) for name, part in rows.items()}
    found |= {f"{n}_accuracy": float((p.truth == p.prediction).mean()) for n, p in rows.items()}
    found |= {"reported_loss": trained.reported, **extras}
    used = np.concatenate([rows["train"].unit, rows["validation"].unit])
    return Reading.scored(LOSS, rows[shown], rows["vault"], extras=found, touched=used)


EXPERIMENTS = (
    Experiment(
        id="learning-rate",
        title="The loss on the training rows, by learning rate and batch size",
        step="fine-tune",
        design="fresh-sample",
        metric=LOSS,
        knobs=(
            Knob(
                name="rate",
                label="learning rate",
                unit="",
                low=1e-4,
                high=10,
                default=0.1,
                doses=RATES,
            ),
        ),
        seeds=tuple(range(20)),
        margin=0.05,
        sign=1,
        data=("movie_reviews",),
        page="fine-tuning-objective",
        cost=1.0,
        tolerance=0.01,
        run=_at_rate,
        arms=tuple(BATCHES),
        weights=("minilm",),
    ),
    Experiment(
        id="chosen-rate",
        title="The setting with the lowest loss of several that were tried",
        step="fine-tune",
        design="fresh-sample",
        metric=LOSS,
        knobs=(
            Knob(
                name="settings",
                label="settings tried",
                unit="settings",
                low=1,
                high=len(RATES) * len(BATCHES),
                default=15,
                doses=(1, 2, 4, 8, 15),
            ),
        ),
        seeds=tuple(range(20)),
        margin=0.05,
        sign=1,
        data=("movie_reviews",),
        page="fine-tuning-objective",
        cost=2.0,
        tolerance=0.05,  # another CPU may choose another setting of nearly the same loss
        run=_chosen,
        weights=("minilm",),
    ),
)
