"""A shift that is none: ``domain-shift-years``, a census over four years.

The control of the illusion of the wrong population, and the other way to be wrong about it: to
cry *drift* because time has passed. A learner is trained and tested in the lab on 2015, and used
a few years later in the same state, with the same questions. Used in chapter 3.

Skew is taken out, as in `domain_shift`: every set of rows holds as many persons with a job as
without. The learner, histogram gradient boosting as scikit-learn sets it up, was not tuned. The
arms are those of `domain_shift`, so that what found a shift there is asked here as well: flawed,
the lab's score on its own first year is trusted; control, the lab collects in the year of use;
cured, it trains on the first year and tests on labelled rows of the year of use; estimated, no
label of the year of use is read. All four are judged by the same rows. At dose 0 the year of use
is the first year, and nothing can have shifted.

Said before anything was measured, with no look at a model's score: all four arms are equivalent
to 0 at every dose, at a margin of 2 points, half of that of the other domains. Nor is there a
loss: at every dose a learner trained in the year of use (the control's honest score) is ahead by
less than 2 points. And a learner of the same kind that is asked whether a row is of 2015 or of
2018 is right on fewer than 55 of 100.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import census
from illusionkit.errors import DataError
from illusionkit.experiment.draws import mixed, pools
from illusionkit.experiment.reading import ACCURACY, Reading
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task, read
from illusionkit.illusions.collect.domain_shift import least, trusted
from illusionkit.models.learners import Probe

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

FIRST = census.YEARS[0]
HOUSEHOLDS = 12_000
"""Households of each year that are used, always the same: the bootstrap holds them in memory."""
TRAIN, HELD, JUDGED = 2000, 2500, 2500
"""Persons of each class that are trained on, held out by the lab, and judged at the end."""
NAMES = ("persons without a job", "persons with a job")
HELD_SHARE, JUDGED_SHARE = 0.3, 0.3
"""Households of a year that are kept for the lab's test, and for the final one."""


def learner() -> HistGradientBoostingClassifier:
    """Return the plain learner on tables: histogram gradient boosting, as scikit-learn has it.

    Source: scikit-learn 1.9. Used in chapter 3.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(random_state=0)


@cache
def people(part: str = "book") -> pd.DataFrame:
    """Return the persons that a reading works on, as `census.census` has them. Used in chapter 3.

    Raises
    ------
    DataError
        A column is constant, so that it can't have shifted, or is not there at all.
    """
    table = read(lambda of: _some_households(census.census(of)), part)
    for name in census.COLUMNS:
        if name not in table or table[name].nunique() < 2:
            raise DataError(
                f"The column '{name}' is missing or constant: nothing can be learnt from it, and "
                "no shift of it be seen. Read the census anew, or leave the column out."
            )
    return table


def _some_households(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `HOUSEHOLDS` households of each year; of all, where there are fewer."""
    chosen: list[Array] = []
    for _, units in table.groupby("year")["unit"]:
        chosen.append(np.random.default_rng(FIRST).permutation(units.unique())[:HOUSEHOLDS])
    return table[table["unit"].isin(np.concatenate(chosen))] if chosen else table


def _pools(task: Task, year: int, part: str, rng: np.random.Generator) -> list[Array]:
    """Return a year's rows to train on, to hold out, to judge by: whole households, shuffled."""
    of_year = (task.table["year"] == year).to_numpy()
    rows = np.flatnonzero(of_year & task.book)
    train, held, judged = pools(task.unit, rows, rng, held=HELD_SHARE, judged=JUDGED_SHARE)
    confirm = np.flatnonzero(of_year & ~task.book)
    return [train, held, judged if part == "book" else rng.permutation(confirm)]


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``domain-shift-years``: trained on the first year, used some years later.

    Honest: accuracy on persons of the year of use. The arms are told at the head of this module.
    """
    table, later = people(part), round(dose["years"])
    columns = table[list(census.COLUMNS)].to_numpy(dtype=float)
    task, rng = Task(table, Probe(columns, learner)), np.random.default_rng([seed, later, 23])
    there = _pools(task, FIRST + later, part, rng)
    lab = _pools(task, FIRST, part, rng) if later and arm != "control" else there
    held, judged = (there if arm == "cured" else lab)[1], there[2]
    size = JUDGED if part == "book" else least(task.label, judged, JUDGED)
    train, held, judged = (
        mixed(task.label, rows, rows, NAMES, share=0.0, size=each)
        for rows, each in ((lab[0], TRAIN), (held, HELD), (judged, size))
    )
    rows = trusted(task, arm, train=train, held=held, judged=judged)
    return task.reading(ACCURACY, *rows[:2])


EXPERIMENTS = (
    Experiment(
        id="domain-shift-years", step="collect", page="domain-shift", kind="table",
        title="Trained on the census of 2015, used on that of a later year",
        symptom="A model is some years old, somebody says drift, and nobody has measured it.",
        caught_by="Test on labelled rows of the year of use before you retrain.",
        design="two-populations", metric=ACCURACY, margin=0.02, sign=0, seeds=tuple(range(30)),
        knobs=(Knob(
            "years", "years between the lab and the use", "years", low=0.0, high=3.0,
            default=3.0, doses=(0.0, 1.0, 2.0, 3.0),
        ),),
        arms=("flawed", "control", "cured", "estimated"), null_dose=0.0, data=("census",), cost=0.3,
        tolerance=0.006, run=run,
    ),
)  # fmt: skip
