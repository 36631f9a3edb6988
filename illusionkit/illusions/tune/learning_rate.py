"""The illusion of the lowest loss: ``learning-rate``, ``chosen-rate``.

The source document (§4.2) updates the weights by θ ← θ − η∇L, and says of η no more than that it
is the learning rate. Here its rule trains a head for the document's five epochs, at several rates
and batch sizes. The loss on the head's own training rows is set beside the loss on a holdout; then
a setting is chosen, by the one or by validation rows, never by the holdout. Used in chapter 4.

Said before anything was measured. ``learning-rate``: where hardly anything is learned the optimism
is equivalent to 0; it grows with the rate as long as training converges, and at one rate it is the
larger the smaller the batches, since five epochs then take more steps. ``chosen-rate``: the setting
with the lowest training loss has the larger optimism the more settings were tried, and a holdout
loss above that of the setting chosen by validation rows; a setting that nobody chose has none.

The range of rates was fixed by a pilot on other seeds (1000 to 1002). On their training rows, rates
from 0.3 on end above the loss they began with where the batches hold 8 rows; and features that
differ in the sixth digit change the outcome by half a nat. No other machine could repeat such a
reading, so the rates end at 0.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

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

EPOCHS = 5  # as in the document's listing
CLASSES = len(corpora.CLASS_NAMES)
SIZES = {"train": 640, "validation": 300, "holdout": 2000}
RATES = (0.001, 0.003, 0.01, 0.03, 0.1)
BATCHES = {"batches of 8": 8, "batches of 32": 32, "batches of 128": 128}

LOSS = Metric("cross-entropy in nats", per_row=nats, greater_is_better=False)


class Trained(NamedTuple):
    """What a head says after training: the rows of each part, and the loss that the run reported.

    ``reported`` is the mean over the rows of the last epoch while they were trained on, in nats.
    """

    rows: Mapping[str, Rows]
    reported: float


@lru_cache(maxsize=2048)
def _trained(rate: float, size: int, seed: int, part: str) -> Trained:
    """Train a head by θ ← θ − η∇L, and ask it about its own rows, validation and holdout.

    The rate is constant, without momentum or weight decay.
    """
    import torch

    table, features = units(part)
    task, losses = Task(table, None), []
    rng = np.random.default_rng([seed, 13])
    places = dict(zip(SIZES, deal(task.book, rng, *SIZES.values()), strict=True))
    train = places["train"]
    labels = torch.from_numpy(task.label[train])

    def note(head: torch.nn.Module, rows: torch.Tensor, logits: torch.Tensor) -> None:
        loss = torch.nn.functional.cross_entropy(logits, labels[rows])
        losses.append(loss.item() * len(rows))

    rule = HeadTraining(CLASSES, size, EPOCHS, seed, partial(torch.optim.SGD, lr=rate))
    head = rule.fit(features[train], task.label[train], note)
    last = losses[-(len(losses) // EPOCHS) :]
    rows = {name: _asked(head, features, task, where) for name, where in places.items()}
    return Trained(rows, sum(last) / len(train))


def _asked(head: torch.nn.Module, features: Array, task: Task, where: Array) -> Rows:
    chances = logits_of(head, features[where]).double().softmax(-1).numpy()
    return Rows.likely(task.label[where], chances, task.unit[where])


def _at_rate(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``learning-rate``: a head on its own training rows, asked again, and on the holdout."""
    return _reading(_trained(dose["rate"], BATCHES[arm], seed, part), "train")


def _chosen(dose: Dose, seed: int, arm: str, part: str) -> Reading:
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
    losses = [LOSS.score(trained.rows[shown]) for trained in runs]
    taken = 0 if arm == "control" else int(np.argmin(losses))
    rate, size = tried[taken]
    return _reading(runs[taken], shown, rate=rate, batch=float(size))


def _reading(trained: Trained, shown: str, **extras: float) -> Reading:
    rows = trained.rows
    scores = {f"{name}_loss": LOSS.score(part) for name, part in rows.items()}
    scores |= {f"{n}_accuracy": float((p.truth == p.prediction).mean()) for n, p in rows.items()}
    scores |= {"reported_loss": trained.reported, **extras}
    used = np.concatenate([rows["train"].unit, rows["validation"].unit])
    return Reading.scored(LOSS, rows[shown], rows["holdout"], extras=scores, used_units=used)


_experiment = partial(
    Experiment,
    step="fine-tune", page="fine-tuning-objective", kind="text",
    design="fresh-sample", metric=LOSS, margin=0.05, sign=1, seeds=tuple(range(20)),
    data=("movie_reviews",), weights=("minilm",),
)  # fmt: skip

EXPERIMENTS = (
    _experiment(
        id="learning-rate",
        title="The loss on the training rows, by learning rate and batch size",
        symptom="A higher rate brings the training loss down faster, and new texts pay for it.",
        caught_by="Compare settings by their loss on texts that were not trained on.",
        knobs=(Knob("rate", "learning rate", "", low=1e-4, high=10, default=0.1, doses=RATES),),
        arms=tuple(BATCHES), cost=1.0, tolerance=0.01, run=_at_rate,
    ),
    _experiment(
        id="chosen-rate",
        title="The setting with the lowest loss of several that were tried",
        symptom="The setting with the lowest training loss is not the one that does best later.",
        caught_by="Choose by validation rows, and report on others.",
        knobs=(Knob(
            "settings", "settings tried", "settings", low=1, high=len(RATES) * len(BATCHES),
            default=15, doses=(1, 2, 4, 8, 15),
        ),),
        # The tolerance: another CPU may choose another setting of nearly the same loss.
        cost=2.0, tolerance=0.05, run=_chosen,
    ),
)  # fmt: skip
