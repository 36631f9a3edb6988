"""A threshold chosen on the test that is then reported: ``chosen-threshold``.

A scorecard says for each applicant how likely a default is. The bank lends below a threshold. A
payer who is refused costs 1, a default that was lent to costs 5. Flawed: of all thresholds the one
is taken that costs least on the test of n applicants, and that cost is reported. Honest: what it
costs, of a thousand, among 5,000 others. Control: the threshold is chosen on n other applicants,
and the test only reports. Cured: no applicant is spent; it is chosen inside, on the 4,000 that the
scorecard learned from, by what scorecards say that learned without them.

Seen before, in a pilot with other money: 114 of a thousand too many at n = 100, 17 at 3,000. Said
before this was measured, in costs of a thousand applicants: (1) the optimism is above 60 at 100,
falls at every step, and is below 25 at 3,000; (2) the power is that of cube-root asymptotics (Kim
and Pollard 1990), n to the -2/3: between 100 and 3,000 it falls by a factor of 6 to 15; (3) control
and cure are equivalent to 0 or undecided at every n, and within 15 of 0 from 1,000 on; (4) the
illusion is larger than the harm: at 100 the flawed threshold costs the bank less than half of the
optimism more than the rule does that chooses nothing and refuses from a chance of 1/6 on; (5) at
3,000 the two cost the same within 15. Used in chapter 6.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from illusionkit.arrays import Array
from illusionkit.experiment.draws import deal
from illusionkit.experiment.reading import Metric, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task
from illusionkit.illusions.collect.class_imbalance import holders

TRAIN, MOST, JUDGED, FOLDS = 4000, 3000, 5000, 5
"""Applicants learnt from, tested at most, and those who judge; folds of those learnt from."""
DEFAULT = 5
"""What a default that was lent to costs, where a refused payer costs 1."""
RULE = 1 / (1 + DEFAULT)
"""The chance of default from which on a loan costs more than it brings, if chances are right."""


def cost(truth: Array, refused: Array) -> Array:
    """Return a thousand times what each decision costs; ``truth`` is 1 for a default."""
    return 1000.0 * np.where(refused == 1, truth == 0, DEFAULT * (truth == 1))


COST = Metric(
    "cost of a thousand applicants",
    per_row=lambda rows: cost(rows.truth, rows.prediction),
    greater_is_better=False,
)
"""The prediction of a row is 1 for who is refused, 0 for who gets the loan."""


def cheapest(truth: Array, chance: Array) -> float:
    """Return the threshold that costs least; who has that chance or more is refused.

    Of equals the lowest. Infinite where it is best to refuse nobody.
    """
    values, place = np.unique(chance, return_inverse=True)
    defaults = np.bincount(place, truth == 1, len(values) + 1)
    payers = np.bincount(place, truth == 0, len(values) + 1)
    lent = DEFAULT * (np.cumsum(defaults) - defaults)  # to whom is below a value
    refused = payers.sum() - (np.cumsum(payers) - payers)
    return float(np.append(values, np.inf)[np.argmin(lent + refused)])


@lru_cache(maxsize=200)
def scored(seed: int, part: str) -> tuple[list[Array], list[Array]]:
    """Return rows and their chances of default: learnt from, other, tested, judging.

    Those learnt from have the chances of scorecards that learned without their fold.
    """
    task = Task(*holders(part))
    rng = np.random.default_rng([seed, 65])
    train, *others = deal(task.book, rng, TRAIN, MOST, MOST, JUDGED)
    inside, fold = np.empty(len(train)), np.arange(len(train)) % FOLDS
    for each in range(FOLDS):
        inside[fold == each] = task.chances(train[fold != each], train[fold == each])[0][:, 1]
    found = [chance[:, 1] for chance in task.chances(train, *others)]
    return [train, *others], [inside, *found]


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``chosen-threshold``: the cost at a threshold, on the test and among others."""
    table = holders(part)[0]
    (train, other, test, judged), (inside, before, seen, later) = scored(seed, part)
    size, label, unit = round(dose["tested"]), table["label"].to_numpy(), table["unit"].to_numpy()
    other, before, test, seen = other[:size], before[:size], test[:size], seen[:size]
    rows, chance = {"control": (other, before), "cured": (train, inside)}.get(arm, (test, seen))
    limit = cheapest(label[rows], chance)
    told, honest = (
        Rows(label[who], (said >= limit).astype(int), unit[who])
        for who, said in ((test, seen), (judged, later))
    )
    truth, used = label[judged], np.concatenate([train, other, test])
    extras = {"threshold": min(limit, 1.0)} | {
        name: float(cost(truth, refused).mean())
        for name, refused in (
            ("rule", (later >= RULE).astype(int)),
            ("lend_to_all", np.zeros(len(truth), int)),
            ("refuse_all", np.ones(len(truth), int)),
        )
    }
    return Reading.scored(COST, told, honest, extras=extras, used_units=np.unique(unit[used]))


EXPERIMENTS = (
    Experiment(
        id="chosen-threshold", step="applications", page="chosen-threshold", kind="table",
        title="A threshold chosen on the test that is reported",
        symptom="A cut-off saves more money in the report than in the following quarter.",
        caught_by="Choose the threshold on rows that the report does not score.",
        design="fresh-sample", metric=COST, margin=50, sign=1, seeds=tuple(range(40)),
        knobs=(Knob("tested", "applicants tested", "applicants", low=30, high=MOST, default=100,
                    doses=(100, 300, 1000, 3000)),),
        data=("credit_default",), cost=0.5, tolerance=15, run=run,
    ),
)  # fmt: skip
