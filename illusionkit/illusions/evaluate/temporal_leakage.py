"""Columns that are known only later: ``temporal-leakage``.

Who will be late in month 3 of a card holder's six? (Months count backwards, 1 is the latest.) The
decision falls before month 3. Delay, bill and payment of months 6 to 4 are known by then. All of
months 2 and 1 comes later; so do bill and payment of month 3, which belong to the month that is to
be foretold. The table, put together at the end, holds them side by side, with no date on any.

Flawed: a share of the later columns is in the table, for training and test alike. Apparent: the
table as it is. Honest: the same model on the same rows on the day of the decision, when a later
column holds the last value that was known, that of month 4. Control: the later columns are there,
but permuted among the rows. Cured: trained on what is known; its two scores are one by
construction, and what is looked at is how high it stands.

Said before the table was measured (one cell with all columns had been seen: AUC .995 apparent, .813
honest, .855 for a model trained on what is known): the optimism grows with the share and is above
.1 with all of it. The control is equivalent to 0. With all columns the flawed model is, honestly,
*worse* than the cured one: it has learned to look where there is nothing to be seen. The jump comes
with the first delay column, not with the bills.

There were 16 seeds at first. At others the interval came out wider than the margin: now there are
32. Used in chapter 3.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import credit
from illusionkit.experiment.draws import deal
from illusionkit.experiment.ranking import area_of
from illusionkit.experiment.reading import Metric, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import read
from illusionkit.illusions.collect.class_imbalance import described
from illusionkit.models.learners import linear_probe

TRAIN, TEST = 5000, 4000
MONTH, KNOWN = 3, 4
"""The month that is to be foretold, and the latest one that is known by then."""
LATER = ("late_2", "late_1", "bill_3", "bill_2", "bill_1", "paid_3", "paid_2", "paid_1")
"""The columns that are known only later, beside the delay of month 3, which is the label."""


AUC = Metric("area under the curve", whole=area_of)


def carried(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it stands on the day of the decision.

    What is known only later, and the month to be foretold itself, hold the values of month 4.
    """
    names = (*LATER, f"late_{MONTH}")
    return table.assign(**{name: table[f"{name[:-2]}_{KNOWN}"] for name in names})


@cache
def holders(part: str) -> tuple[pd.DataFrame, Array]:
    """Return card holders, one a unit, and which of them are late in month 3 (1, else 0)."""
    table = read(credit.credit_default, part).drop_duplicates("unit").reset_index(drop=True)
    return table, (table[f"late_{MONTH}"] > 0).to_numpy().astype(int)


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``temporal-leakage``: one model, the table as it is against the day of the decision."""
    (table, late), rng = holders(part), np.random.default_rng([seed, 41])
    train, test = deal((table["part"] == "book").to_numpy(), rng, TRAIN, TEST)
    rows = np.concatenate([train, test])
    whole, truth = table.iloc[rows].reset_index(drop=True), late[rows]
    known, there = carried(whole), list(rng.permutation(LATER)[: round(dose["later"] * len(LATER))])
    order = rng.permutation(len(rows)) if arm == "control" else np.arange(len(rows))
    given = known.assign(**{name: whole[name].to_numpy()[order] for name in there})
    given = known if arm == "cured" else given
    model = linear_probe(0.1).fit(described(given)[: len(train)], truth[: len(train)])
    seen, honest = (
        _judged(model.predict_proba(described(each)[len(train) :]), truth[len(train) :],
                table["unit"].to_numpy()[test])
        for each in (given, known)
    )  # fmt: skip
    delays = sum(name.startswith("late") for name in there)
    return Reading.scored(AUC, seen, honest, extras={"delay_columns": float(delays)})


def _judged(chances: Array, truth: Array, unit: Array) -> Rows:
    return Rows(truth, chances.argmax(axis=1), unit, chances.max(axis=1))


EXPERIMENTS = (
    Experiment(
        id="temporal-leakage", step="evaluate", page="temporal-leakage", kind="table",
        title="Columns that are known only later",
        symptom="Nearly perfect on the table, and in use worse than a plain model.",
        caught_by="Ask each column for its date, and score with what was known on the day.",
        design="same-rows", metric=AUC, margin=0.01, sign=1, seeds=tuple(range(32)),
        knobs=(Knob.share(
            "later", "later columns that are in the table", (0.0, 0.125, 0.25, 0.5, 1.0),
        ),),
        null_dose=0.0, data=("credit_default",), cost=0.2, tolerance=0.005, run=run,
    ),
)  # fmt: skip
