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
from illusionkit.experiment.spec import Experiment, Knob, Metric, Reading, Rows, nats
from illusionkit.experiment.task import Task
from illusionkit.models.learners import head, shuffled
from illusionkit.training.book_model import units

if TYPE_CHECKING:
    import torch

EPOCHS = 5  # as in the document's listing
CLASSES = len(corpora.CLASS_NAMES)
SIZES = {"train": 640, "validation": 300, "holdout": 2000}
RATES = (0.001, 0.003, 0.01, 0.03, 0.1)
BATCHES = {"batches of 8": 8, "batches of 32": 32, "batches of 128": 128}

LOSS = Metric("cross-entropy in nats", per_row=nats, greater_is_better=False)


def _draw(task: Task, seed: int) -> dict[str, Array]:
    """Return the row numbers of training, validation and holdout, which share no unit.

    The holdout comes from the confirm part where the table holds it.
    """
    rng = np.random.default_rng([seed, 13])
    order, confirm = rng.permutation(np.flatnonzero(task.book)), np.flatnonzero(~task.book)
    cuts = np.cumsum(list(SIZES.values()))
    rows = dict(zip(SIZES, np.split(order[: cuts[-1]], cuts[:-1]), strict=True))
    if len(confirm):
        rows["holdout"] = rng.permutation(confirm)[: SIZES["holdout"]]
    return rows


class Trained(NamedTuple):
    """What a head says after training: the rows of each part, and the loss that the run reported.

    ``reported`` is the mean over the rows of the last epoch while they were trained on, in nats.
    """

    rows: Mapping[str, Rows]
    reported: float


@lru_cache(maxsize=2048)
def _trained(rate: float, size: int, seed: int, part: str) -> Trained:
    """Train a head by θ ← θ − η∇L, and ask it about its own rows, validation and holdout."""
    table, features = units(part)
    task = Task(table, None)
    places = _draw(task, seed)
    train = places["train"]
    model, reported = _train(features[train], task.label[train], rate, size, seed)
    rows = {}
    for name, where in places.items():
        chances, label = _chances(model, features[where]), task.label[where]
        likely = chances[np.arange(len(where)), label]
        rows[name] = Rows(label, chances.argmax(axis=1), task.unit[where], likely)
    return Trained(rows, reported)


def _train(
    features: Array, label: Array, rate: float, size: int, seed: int
) -> tuple[torch.nn.Module, float]:
    """Return a trained head, and the mean loss of its last epoch while it trained.

    The rate is constant, without momentum or weight decay.
    """
    import torch

    inputs, labels = torch.from_numpy(features).float(), torch.from_numpy(label)
    with shuffled(len(label), size, EPOCHS, seed=seed) as batches:
        model, losses = head(features.shape[1], CLASSES), []
        optimizer = torch.optim.SGD(model.parameters(), lr=rate)
        for rows in batches:
            loss = torch.nn.functional.cross_entropy(model(inputs[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item() * len(rows))
    last = losses[-(len(losses) // EPOCHS) :]
    return model.eval(), sum(last) / len(label)


def _chances(model: torch.nn.Module, features: Array) -> Array:
    """Return the probability of each class, shape (rows, classes), in evaluation mode."""
    import torch

    with torch.inference_mode():
        return model(torch.from_numpy(features).float()).double().softmax(-1).numpy()


def _at_rate(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read ``learning-rate``: a head on its own training rows, asked again, and on the holdout."""
    return _reading(_trained(dose["rate"], BATCHES[arm], seed, part), "train")


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
    step="fine-tune",
    design="fresh-sample",
    metric=LOSS,
    seeds=tuple(range(20)),
    margin=0.05,
    sign=1,
    data=("movie_reviews",),
    page="fine-tuning-objective",
    weights=("minilm",),
    kind="text",
)

EXPERIMENTS = (
    _experiment(
        id="learning-rate",
        title="The loss on the training rows, by learning rate and batch size",
        knobs=(
            Knob("rate", "learning rate", "", low=1e-4, high=10, default=0.1, doses=RATES),
        ),
        cost=1.0,
        tolerance=0.01,
        run=_at_rate,
        arms=tuple(BATCHES),
        symptom="A higher rate brings the training loss down faster, and new texts pay for it.",
    ),
    _experiment(
        id="chosen-rate",
        title="The setting with the lowest loss of several that were tried",
        knobs=(
            Knob(
                "settings", "settings tried", "settings", low=1, high=len(RATES) * len(BATCHES),
                default=15, doses=(1, 2, 4, 8, 15),
            ),
        ),
        cost=2.0,
        tolerance=0.05,  # another CPU may choose another setting of nearly the same loss
        run=_chosen,
        symptom="The setting with the lowest training loss is not the one that does best later.",
    ),
)  # fmt: skip
