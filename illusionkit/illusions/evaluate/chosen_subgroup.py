"""The worst of many groups, found by a search: ``chosen-subgroup``.

The rival of `hidden_subgroup`. Nobody named a group: 24 cells (six age bands, two sexes, native or
foreign-born) of a test of 2,000 persons are searched for the one of the least accuracy. Whoever is
the least of many had bad luck, too. So what was found looks worse than it is: the honest score
is that of the same cell on 2,000 persons of other households. The dose is the number of cells that
are searched, in an order drawn by lot. A cell of fewer than 20 persons is not looked at.

Said before anything was measured here. Sizes had been seen in a pilot with other sizes: .588 where
it was found and .621 after, and .723 and .772 for random cells. Optimism at 24 cells is negative
(the cell looks worse than it is), it is 0 for one cell, and grows in size with their number.
Control, the first cell of the order, and cured, the worst cell of a third set of persons, reported
on the test: equivalent to 0. "Random", cells dealt out by lot among the persons: the worst one
looks worse than it is by more than the flawed arm's, and afterwards it is the average. And the
honest score of the flawed arm stays below the average by more than 10 points: most of what a
search finds here is real.

There were 100 seeds at first. At others the intervals came out wider than the margin: now there
are 160. Used in chapter 3.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.experiment.draws import first
from illusionkit.experiment.reading import ACCURACY, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task
from illusionkit.illusions.evaluate.hidden_subgroup import TRAIN
from illusionkit.illusions.material.adults import BANDS, COUNTED, adults, counting

SIDE, CELLS, FEWEST = 0.2, 24, 20
"""The share of households on each of three sides, the cells, and the fewest persons of a cell."""


def cells(table: pd.DataFrame) -> Array:
    """Return the number of each person's cell, from 0 to 23; four cells share an age band.

    Used in chapter 3.
    """
    band = np.searchsorted(BANDS[1:], table["age"], side="right")
    marks = 2 * (table["sex"] == 2).to_numpy() + (table["native"] == 2).to_numpy()
    return np.asarray(4 * band + marks)


def by_cell(rows: Rows, cell: Array) -> tuple[Array, Array]:
    """Return the accuracy of each cell, NaN for an empty one, and its persons."""
    persons = np.bincount(cell, minlength=CELLS)
    right = np.bincount(cell, rows.truth == rows.prediction, CELLS)
    with np.errstate(invalid="ignore"):
        return right / persons, persons


@cache
def _judged(seed: int, size: int, part: str) -> tuple[Task, list[Rows], list[Array]]:
    """Return three sets of persons, judged by one model, and their cells: honest, test, third."""
    task, rng = Task(*adults(part)), np.random.default_rng([seed, 42])
    honest, test, third, train = task.cut(rng, SIDE, SIDE, SIDE)
    drawn = [(train, TRAIN), (test, size), (third, size), (honest, size)]  # the honest ones last
    train, *sets = (first(rng.permutation(rows), n, "persons") for rows, n in drawn)
    sets = [sets[2], *sets[:2]]
    cell = cells(task.table)
    return task, task.judge(train, *sets), [cell[rows] for rows in sets]


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``chosen-subgroup``: the worst cell of a test, on the test and on other persons."""
    task, (honest, test, third), cell = _judged(seed, round(dose["rows"]), part)
    rng = np.random.default_rng([seed, 43])
    order = rng.permutation(CELLS)
    if arm == "random":
        cell = [rng.permutation(each) for each in cell]
    scores, persons = by_cell(*((third, cell[2]) if arm == "cured" else (test, cell[1])))
    looked = order[persons[order] >= FEWEST][: round(dose["cells"])]
    found = looked[0 if arm == "control" else np.argmin(scores[looked])]
    seen, later = counting(test, cell[1] == found), counting(honest, cell[0] == found)
    extras = {
        "average": ACCURACY.score(honest),
        "persons": float((cell[1] == found).sum()),
        "youngest": float(found < CELLS // len(BANDS)),
    }
    return task.reading(COUNTED, seen, later, **extras)


EXPERIMENTS = (
    Experiment(
        id="chosen-subgroup", step="evaluate", page="hidden-subgroup", kind="table",
        title="The worst of many cells, where it was found and after",
        symptom="A search for groups that a model fails finds one, and next month it is another.",
        caught_by="Choose the group on one half of the rows, and score it on the other.",
        design="fresh-sample", metric=COUNTED, margin=0.03, sign=-1, seeds=tuple(range(160)),
        knobs=(
            Knob("cells", "cells that are searched", "cells", low=1, high=CELLS,
                 default=CELLS, doses=(1, 3, 8, CELLS)),
            Knob("rows", "persons in the test", "persons", low=500, high=6000,
                 default=2000, doses=(500, 1000, 2000, 4000)),
        ),
        arms=("flawed", "control", "cured", "random"), null_dose=1, data=("census",), cost=0.4,
        tolerance=0.05, run=run,
    ),
)  # fmt: skip
