"""The most loans that a test allows: ``chosen-threshold``.

A bank may lend to as many as it likes, if at most 10 % of the loans default. It has a sound
scorecard, learnt from 4,000 customers accepted at random. Flawed: it sorts n tested applicants by
their chances and lends down to the lowest place at which at most a tenth of the loans in the test
defaulted; apparent is their default rate, honest the rate below the same line among 5,000 others.
Control: the line comes from the promise alone, so that the mean of the chances is a tenth; the test
chooses nothing and only reports. Cured: half of the test chooses, the other half reports.

Said before this was measured (seen in a pilot with another rule: much at n = 100, little at 3,000):
optimism above 2 points at n = 100, falling with n, and below 1 point at 3,000. Control: equivalent
to 0 at 1,000 and 3,000, near 0 elsewhere. Cured: near 0; but half of a test chooses worse, so that
at n = 100 its real default rate is further above the tenth than the flawed one's. The trivial
rival, the promise that looks at no test (the control), keeps its real default rate within 1 point
of the tenth at every n, nearer than the flawed one at n = 100. Used in chapter 6.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from illusionkit.arrays import Array
from illusionkit.experiment.draws import deal
from illusionkit.experiment.reading import Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.illusions.applications.accepted_only import DEFAULTS
from illusionkit.illusions.collect.class_imbalance import holders
from illusionkit.illusions.material.loans import taught

TRAIN, TESTED, JUDGED, CAP = 4000, 3000, 5000, 0.1
"""Customers learnt from, the most tested, those who judge; the default rate that is allowed."""


@cache
def scored(seed: int, part: str) -> tuple[Array, Array, Array, Array]:
    """Return chances, labels and units of the tested and the judged, the latter last; who trained.

    Used in chapter 6.
    """
    (table, probe), rng = holders(part), np.random.default_rng([seed, 62])
    book = (table["part"] == "book").to_numpy()
    train, tested, judged = deal(book, rng, TRAIN, TESTED, JUDGED)
    label, unit, rows = table["label"].to_numpy(), table["unit"].to_numpy(), np.r_[tested, judged]
    card = taught(probe, train, label[train], np.ones(TRAIN))
    return card.predict_proba(probe.features[rows])[:, 1], label[rows], unit[rows], unit[train]


def lowest_line(chance: Array, default: Array) -> float:
    """Return the highest chance to lend at, so that at most `CAP` of those below it default.

    ``default`` is what is known of each, 0 or 1, or a chance. Where no line holds, only the best
    one gets a loan. Used in chapter 6.
    """
    order = np.argsort(chance, kind="stable")
    rate = np.cumsum(default[order]) / np.arange(1, len(order) + 1)
    return float(chance[order[np.flatnonzero(rate <= CAP).max(initial=0)]])


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``chosen-threshold``: the default rate below a line, on the test and among others."""
    chance, label, unit, trained = scored(seed, part)
    size, others = round(dose["tested"]), slice(TESTED, None)
    half = size // 2 if arm == "cured" else 0
    chosen, told = slice(half or size), slice(half, size)
    known = chance if arm == "control" else label
    line = lowest_line(chance[chosen], known[chosen])
    seen, honest = (
        Rows(label[of], label[of], unit[of], group=(chance[of] <= line).astype(int))
        for of in (told, others)
    )
    used = np.concatenate([trained, unit[:size]])
    lent = float(np.mean(chance[others] <= line))
    return Reading.scored(DEFAULTS, seen, honest, used_units=used, extras={"lent": lent})


EXPERIMENTS = (
    Experiment(
        id="chosen-threshold", step="applications", page="credit-risk", kind="table",
        title="The most loans that a test allows",
        symptom="The threshold keeps the promised rate on the test, and never again.",
        caught_by="Choose the threshold on one part of the test, and report the other.",
        design="fresh-sample", metric=DEFAULTS, margin=0.015, sign=1, seeds=tuple(range(60)),
        knobs=(Knob(
            "tested", "applicants in the test", "applicants", low=50, high=TESTED, default=100,
            doses=(100, 300, 1000, 3000),
        ),),
        data=("credit_default",), cost=0.1, tolerance=0.02, run=run,
    ),
)  # fmt: skip
