"""A rare class that one number hides: ``class-imbalance``.

Where 99 of 100 customers pay, who lends to everybody is right in 99 of 100 cases. Accuracy counts
rows; balanced accuracy counts classes; a bank counts money. All three judge the same predictions.
Used in chapter 3.

Said before anything was measured: the optimism of accuracy over balanced accuracy is 0 where half
of the customers pay (an identity: the two are the same number), grows with the share that pays,
and comes near one half at 99 of 100. The control is equivalent to 0 at every share: groups of the
same unequal sizes, drawn at random, do no harm. The cure, a threshold moved to the share of
defaults, takes away most of the optimism and not all of it. Oversampling changes the
probabilities, and hardly the ranking.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import credit
from illusionkit.experiment.draws import largest, thinned
from illusionkit.experiment.reading import Metric, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task, read
from illusionkit.models.learners import Probe, linear_probe

TRAIN_ROWS, TEST_ROWS = 5000, 6000
RATIOS = (1, 2, 5, 10, 20, 50)
"""How many times a missed default may cost what a refused good customer costs."""

MOST_LATE = 3
"""Delays of more months are taken for this many: longer ones are few."""


def _by_group(rows: Rows, weights: Array) -> float:
    """Return the share of right predictions in each group, averaged over the groups.

    NaN where a resample left a group without a row.
    """
    assert rows.group is not None
    right = np.bincount(rows.group, weights * (rows.truth == rows.prediction))
    count = np.bincount(rows.group, weights)
    with np.errstate(invalid="ignore"):
        return float(np.mean(right / count))


HIT_RATE = Metric("hit rate, averaged over groups", whole=_by_group)
"""Accuracy if all rows are one group; balanced accuracy if the classes are the groups."""


def described(table: pd.DataFrame) -> Array:
    """Return what a model may know of card holders, shape (rows, 55); no sex, age or marriage.

    For each of six months the delay, spread over columns of 0 and 1, and how much of the limit
    was used; limit, bills and payments on a logarithmic scale.
    """
    names = [f"{kind}_{month}" for kind in ("bill", "paid") for month in credit.MONTHS]
    money = table[["limit", *names]].to_numpy(dtype=float)
    late = table[[f"late_{m}" for m in credit.MONTHS]].to_numpy().clip(-2, MOST_LATE)
    spread = late[:, :, None] == np.arange(-2, MOST_LATE + 1)
    used = money[:, 1:7] / money[:, :1]
    scaled = np.sign(money) * np.log1p(np.abs(money))
    return np.hstack([spread.reshape(len(table), -1), scaled, used])


@cache
def holders(part: str) -> tuple[pd.DataFrame, Probe]:
    """Return card holders, one a unit, and a learner on what a model may know of them.

    Units with both labels are left out.
    """
    table = read(credit.credit_default, part)
    agreed = table.groupby("unit")["label"].transform("nunique") == 1
    table = table[agreed].drop_duplicates("unit").reset_index(drop=True)
    return table, Probe(described(table), partial(linear_probe, 0.1))


def _draw(
    task: Task, prevalence: float, part: str, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return rows to train on, of the book, and to judge by, of ``part``; none is in both."""
    book = np.flatnonzero(task.book)
    if part == "book":
        tests = rng.permutation(book[thinned(task.label[book], prevalence, TEST_ROWS, rng)])
    else:
        rows = np.flatnonzero(~task.book)
        size = min(TEST_ROWS, largest(task.label[rows], prevalence))
        tests = rows[thinned(task.label[rows], prevalence, size, rng)]
    free = np.setdiff1d(book, tests)
    return free[thinned(task.label[free], prevalence, TRAIN_ROWS, rng)], tests


def oversampled(label: Array, train: Array, rng: np.random.Generator) -> Array:
    """Return training rows with rows of the rarer class drawn again until the classes are even."""
    classes = [train[label[train] == k] for k in (0, 1)]
    rare, common = sorted(classes, key=len)
    return np.concatenate([train, rng.choice(rare, len(common) - len(rare))])


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``class-imbalance``: accuracy against balanced accuracy of the same predictions.

    Flawed: a default is predicted where its probability is above one half. Control: the same
    predictions, averaged over two random groups of the classes' sizes. Cured: a default is
    predicted where its probability is above the share of defaults in the training data.
    """
    task, rng = Task(*holders(part)), np.random.default_rng([seed, 23])
    train, test = _draw(task, 1 - dose["paying"], part, rng)
    chance, truth, unit = _chance(task, train, test), task.label[test], task.unit[test]
    threshold = task.label[train].mean() if arm == "cured" else 0.5
    predicted = (chance > threshold).astype(int)
    groups = rng.permutation(truth) if arm == "control" else truth
    extras: dict[str, float] = {}
    if arm == "flawed":
        other = _chance(task, oversampled(task.label, train, rng), test)
        bill = task.table["bill_1"].to_numpy()[test].clip(0)
        extras = {**_compared(truth, chance, other), **_lost(truth, chance, bill)}
    seen = Rows(truth, predicted, unit, group=np.zeros(len(truth), dtype=int))
    return task.reading(HIT_RATE, seen, Rows(truth, predicted, unit, group=groups), **extras)


def _chance(task: Task, train: Array, test: Array) -> Array:
    """Return the probability of a default for the rows ``test``."""
    return task.chances(train, test)[0][:, 1]


def _compared(truth: Array, plain: Array, oversample: Array) -> dict[str, float]:
    """Return what other scores say of a model, and of the same one after oversampling."""
    from sklearn.metrics import average_precision_score, log_loss, matthews_corrcoef, roc_auc_score

    prior = truth.mean()  # as in training, by design
    odds = oversample / (1 - oversample) * prior / (1 - prior)
    chances = {"plain": plain, "oversampled": oversample, "corrected": odds / (1 + odds)}
    scores = {
        "auc": roc_auc_score,
        "average_precision": average_precision_score,
        "mcc": lambda truth, chance: matthews_corrcoef(truth, chance > 0.5),
        "recall": lambda truth, chance: np.mean(chance[truth == 1] > 0.5),
        "log_loss": log_loss,
        "mean_chance": lambda truth, chance: chance.mean(),
    }
    return {
        f"{name}_{kind}": float(score(truth, chance))
        for kind, chance in chances.items()
        for name, score in scores.items()
    }


def _lost(truth: Array, chance: Array, bill: Array) -> dict[str, float]:
    """Return what decisions cost a customer, in New Taiwan dollars of bills.

    A refused good customer counts with the bill, a missed default with the bill times a ratio of
    `RATIOS`. ``half``: refused above one half; ``costs``: above the threshold that the ratio
    asks for, 1 / (1 + ratio).
    """
    losses = {"bill_good": float(np.mean(bill * (truth == 0)))}
    losses["bill_bad"] = float(np.mean(bill * (truth == 1)))
    for ratio in RATIOS:
        for name, threshold in (("half", 0.5), ("costs", 1 / (1 + ratio))):
            refused = chance > threshold
            lost = bill * (refused & (truth == 0)) + ratio * bill * (~refused & (truth == 1))
            losses[f"lost_{name}_{ratio}"] = float(lost.mean())
    return losses


EXPERIMENTS = (
    Experiment(
        id="class-imbalance", step="collect", page="class-imbalance", kind="table",
        title="Accuracy where most customers pay",
        symptom="99 % accuracy, and the rare case that matters is hardly ever found.",
        caught_by="Print the score of the constant answer beside it, and the hits of each class.",
        design="same-rows", metric=HIT_RATE, margin=0.02, sign=1, seeds=tuple(range(10)),
        knobs=(Knob.share(
            "paying", "customers who pay", (0.5, 0.78, 0.9, 0.95, 0.99), low=0.5, high=0.99,
        ),),
        null_dose=0.5, data=("credit_default",), cost=0.7, tolerance=0.01, run=run,
    ),
)  # fmt: skip
