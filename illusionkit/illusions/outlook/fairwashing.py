"""The fairest of many gaps, told of the rows that chose it: ``fairwashing``.

A scorecard refuses card holders whose chance of default is above the average. Is it fair? There are
seven groupings (sex, three ages, two schools, marriage) and five metrics, 35 gaps in all, each of
them a figure that somebody has published of some model. Flawed: of so many combinations, taken in
an order drawn by lot, the one with the smallest gap on a test of 1,000 is told, with that gap.
Honest: the same combination on 3,000 other people. Control: the first of the order, told by the
same test. Cured: the combination that is smallest on 1,000 others, told by the test.

A gap is signed: above 0 where the side is worse off that was so among 4,000 other people. Of a
difference without a sign a small test would make something even where nothing is.

Said before anything was measured, and without a pilot: at 35 combinations the flawed arm tells a
gap below half a point in size, and on fresh people the same combination has more than 1 point: the
optimism is above .01, grows with the combinations and is 0 for one. Control and cured hold 0 (it
may take more draws to call them equivalent to it). The combination that was chosen really is among
the smaller ones: its fresh gap is less than half of the mean of all 35, and the largest of the 35
is above 10 points. The choice falls on another combination in most draws: fewer than a third of
them agree on one. Used in chapter 8.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from illusionkit.arrays import Array
from illusionkit.experiment.reading import Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.illusions.material.gaps import (
    FEWEST,
    GAP,
    GROUPINGS,
    METRICS,
    fewest,
    members,
    refused,
    scored,
    told,
)

FRESH = 3000
COMBINATIONS = tuple(product(GROUPINGS, METRICS))


def everywhere(seed: int, size: int, part: str) -> tuple[list[list[Rows]], Array]:
    """Return the rows of every combination on the test, a third set and fresh people; and units.

    The signs are those of rows that stand in none of the three; the units are of all rows used
    before the fresh ones.
    """
    task, dealt, chances = scored(seed, (size, size, FRESH), part)
    sides = refused(task, dealt, chances)
    masks = {name: members(task.table, name) for name in GROUPINGS}
    made = []
    for name, metric in COMBINATIONS:
        sign = GAP.score(told(sides[1], masks[name][dealt[1]], metric, 1))
        made.append([told(r, masks[name][at], metric, sign)
                     for r, at in zip(sides[2:], dealt[2:], strict=True)])  # fmt: skip
    return made, np.unique(np.concatenate([task.unit[rows] for rows in dealt[:-1]]))


def sizes(rows: list[Rows]) -> Array:
    """Return the size of each gap, infinite where a rate would be of fewer than `FEWEST` rows."""
    return np.array([abs(GAP.score(r)) if fewest(r) >= FEWEST else np.inf for r in rows])


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``fairwashing``: the smallest of some gaps, on the rows that chose it and on fresh."""
    made, used = everywhere(seed, round(dose["rows"]), part)
    test, third, fresh = (list(rows) for rows in zip(*made, strict=True))
    order = np.random.default_rng([seed, 92]).permutation(len(COMBINATIONS))
    looked = order[: 1 if arm == "control" else round(dose["combinations"])]
    chosen = int(looked[np.argmin(sizes(third if arm == "cured" else test)[looked])])
    every = sizes(fresh)
    known = np.isfinite(every)
    grouping, metric = divmod(chosen, len(METRICS))
    extras = {
        "told": float(sizes(test)[chosen]), "fresh": float(every[chosen]),
        "mean": float(every[known].mean()), "largest": float(every[known].max()),
        "grouping": float(grouping), "metric": float(metric),
    }  # fmt: skip
    return Reading.scored(GAP, test[chosen], fresh[chosen], extras=extras, used_units=used)


EXPERIMENTS = (
    Experiment(
        id="fairwashing", step="outlook", page="fairness-and-robustness", kind="table",
        title="The fairest of many gaps",
        symptom="A report names one group and one metric, and nobody says why these.",
        caught_by="Print every gap that could have been told, and score this one on fresh rows.",
        design="fresh-sample", metric=GAP, margin=0.02, sign=1, seeds=tuple(range(120)),
        knobs=(
            Knob("combinations", "gaps that one may choose from", "gaps", low=1,
                 high=len(COMBINATIONS), default=len(COMBINATIONS),
                 doses=(1, 4, 12, len(COMBINATIONS))),
            Knob("rows", "people in the test", "people", low=500, high=3000, default=1000,
                 doses=(500, 1000, 2000)),
        ),
        null_dose=1, data=("credit_default",), cost=0.4, tolerance=0.02, run=run,
    ),
)  # fmt: skip
