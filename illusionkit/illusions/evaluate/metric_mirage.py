"""A leap that the metric makes: ``metric-mirage``, strings of digits graded all or nothing.

A nearest neighbour learns from 10 to 1,280 handwritten digits. It is tested on strings of L other
digits, and a string with one wrong digit is wrong. Each score is asked after how many doublings of
the data it has made half of its gain: the later, the more it looks like an ability that was not
there before, so greater stands for "looks like more".

Said before anything was measured here. Seen in a pilot (10 to 1,000 digits, overlapping strings):
delays of -.04, .26, .74, 1.70, 2.62 doublings at L = 1, 2, 4, 8, 16; whole strings within .02 of
p**L. Expected: no delay at L = 1, by construction; positive at 16, growing with L. Control: a grade
as coarse on as many strings, for one digit of each: no delay. Cured: another partial credit, the
mean reciprocal rank: less than a quarter of a doubling. Strings of one kind of digit are right more
often than p**L (the page looks). Strings do not overlap, so that they are independent; strings of
32 would be too few. Used in chapter 3.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import digits
from illusionkit.experiment.draws import deal, first
from illusionkit.experiment.reading import Metric, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import read
from illusionkit.models.learners import nearest

SIZES = tuple(10 * 2**k for k in range(8))
"""Training digits: each size holds the one before, and as many again."""
SHEET, TRAIN, TEST = 16, 80, 160
"""Digits of a sheet, which is a unit; sheets to train on and to test on."""


def halfway(curve: Array) -> float:
    """Return the doublings to half of a curve's gain, in straight lines; all, if it has no gain."""
    if not curve[-1] > curve[0]:
        return float(len(curve) - 1)
    level = (curve[0] + curve[-1]) / 2
    k = int(np.argmax(curve >= level))
    return float(k - (curve[k] - level) / (curve[k] - curve[k - 1]))


def _halfway(rows: Rows, weights: Array) -> float:
    return halfway(weights @ np.asarray(rows.probability) / weights.sum())


HALFWAY = Metric("doublings of data until half of the gain", whole=_halfway)
"""Of rows whose ``probability`` is a string's score at each size, shape (strings, sizes)."""


def sheets(table: pd.DataFrame) -> tuple[Array, Array]:
    """Return the rows of each sheet, (sheets, 16), dealt by lot once, and which are the book's."""
    rng, book = np.random.default_rng(61), (table["part"] == "book").to_numpy()
    rows = [rng.permutation(np.flatnonzero(book == own)) for own in (True, False)]
    dealt = [each[: len(each) // SHEET * SHEET].reshape(-1, SHEET) for each in rows]
    return np.concatenate(dealt), np.repeat([True, False], [len(each) for each in dealt])


@cache
def reader(seed: int, part: str) -> tuple[Array, Array, Array, Array]:
    """Return units (sheets,) and labels (sheets, 16) of the tested sheets, and what is read there.

    That is: predicted labels, and ranks of the true ones, (sheets, 16, sizes). Do not change them.
    """
    table = read(digits.digits, part)
    grey, label = digits.pixels(table), table["label"].to_numpy()
    dealt, book = sheets(table)
    train, test = deal(book, np.random.default_rng([seed, 61]), TRAIN, TEST)
    known = dealt[first(train, TRAIN, "sheets of sixteen digits to train on")].ravel()
    asked, shape = dealt[test].ravel(), (len(test), SHEET, len(SIZES))
    least = np.stack([nearest(grey[known[:n]], label[known[:n]], grey[asked]) for n in SIZES], -1)
    own = np.take_along_axis(least, label[asked][:, None, None], axis=1)
    said, rank = least.argmin(axis=1), 1 + (least < own).sum(axis=1)
    unit = table["unit"].to_numpy()[dealt[test][:, 0]]
    return unit, label[dealt[test]], said.reshape(shape), rank.reshape(shape)


def cut(sheet: Array, length: int) -> Array:
    """Return sheets (sheets, 16, ...) cut into strings (strings, length, ...), less the rests."""
    return sheet[:, : SHEET // length * length].reshape(-1, length, *sheet.shape[2:])


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``metric-mirage``: strings graded as a whole, against the share of right digits.

    Control: each string is graded by its first digit alone. Cured: by the mean reciprocal rank.
    """
    length, (unit, *told) = round(dose["length"]), reader(seed, part)
    label, said, rank = (cut(each, length) for each in told)
    right = said == label[..., None]
    graded = {"flawed": right.all(axis=1), "control": right[:, 0], "cured": (1 / rank).mean(axis=1)}
    scores = {"strings": graded[arm].astype(float), "digits": right.mean(axis=1)}
    sides = (Rows(label, said, unit.repeat(SHEET // length), score) for score in scores.values())
    means = {f"{name}_{n}": score[:, k].mean() for name, score in scores.items()
             for k, n in enumerate(SIZES)}  # fmt: skip
    return Reading.scored(HALFWAY, *sides, extras=means)


EXPERIMENTS = (
    Experiment(
        id="metric-mirage", step="evaluate", page="metric-mirage", kind="table",
        title="Strings of digits that must be right as a whole",
        symptom="For many sizes a model can't do it at all, and then it suddenly can.",
        caught_by="Score part by part as well, and see whether the leap is still there.",
        design="same-rows", metric=HALFWAY, margin=0.25, sign=1, seeds=tuple(range(30)),
        knobs=(Knob("length", "length of a string", "digits", 1, 16, 16, (1, 2, 4, 8, 16)),),
        null_dose=1, data=("digits",), cost=0.5, run=run,
    ),
)  # fmt: skip
