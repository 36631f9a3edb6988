"""A shift that is none: ``domain-shift-years``, a census over four years.

The control of the illusion of the wrong population, and the other way to be wrong about it: to
cry *drift* because time has passed. A learner is trained and tested in the lab on 2015, and used
a few years later in the same state, with the same questions. Used in chapter 3.

Skew is taken out, as in `collect_shift`: every set of rows holds as many persons with a job as
without. The learner, histogram gradient boosting as scikit-learn sets it up, was not tuned. The
arms are those of `collect_shift`, so that what found a shift there is asked here as well: flawed,
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

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import census
from illusionkit.errors import DataError
from illusionkit.experiment.spec import ACCURACY, Experiment, Knob, Reading, Rows
from illusionkit.illusions.collect.domain_shift import believed, by_units

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

FIRST = census.YEARS[0]
HOUSEHOLDS = 12_000
"""Households of each year that are used, always the same: the bootstrap holds them in memory."""
TRAIN, HELD, JUDGED = 2000, 2500, 2500
"""Persons of each class that are trained on, held out by the lab, and judged at the end."""
HELD_SHARE, JUDGED_SHARE = 0.3, 0.3
"""Households of a year that are kept for the lab's test, and for the final one."""


def learner() -> HistGradientBoostingClassifier:
    """Return the plain learner on tables: histogram gradient boosting, as scikit-learn has it.

    Source: scikit-learn 1.9. Used in chapter 3.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(random_state=0)


@dataclass(frozen=True)
class People:
    """Persons by row: their columns (rows, 16), label, unit, year; who is of the confirm part."""

    columns: Array
    label: Array
    unit: Array
    year: Array
    confirm: Array

    def rows(self, where: Array, predicted: Array) -> Rows:
        """Return what a score of rows ``where`` is computed from."""
        return Rows(self.label[where], predicted, self.unit[where])

    def chances(self, train: Array, judged: Array) -> Array:
        """Return probabilities (judged, 2) after training the `learner` on rows ``train``."""
        model = learner().fit(self.columns[train], self.label[train])
        return np.asarray(model.predict_proba(self.columns[judged]))


@cache
def people(part: str = "book") -> People:
    """Return the persons that a reading works on; the confirm part's are there on demand only.

    Used in chapter 3.

    Raises
    ------
    DataError
        A column is constant, so that it can't have shifted, or is not there at all.
    """
    parts = [
        _some_households(census.census(place)).assign(confirm=place != "book")
        for place in dict.fromkeys(["book", part])
    ]
    table = pd.concat(parts, ignore_index=True)
    for name in census.COLUMNS:
        if name not in table or table[name].nunique() < 2:
            raise DataError(
                f"The column '{name}' is missing or constant: nothing can be learnt from it, and "
                "no shift of it be seen. Read the census anew, or leave the column out."
            )
    columns = table[list(census.COLUMNS)].to_numpy(dtype=float)
    return People(columns, *(table[n].to_numpy() for n in ("label", "unit", "year", "confirm")))


def _some_households(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `HOUSEHOLDS` households of each year; of all, where there are fewer."""
    chosen: list[Array] = []
    for _, units in table.groupby("year")["unit"]:
        chosen.append(np.random.default_rng(FIRST).permutation(units.unique())[:HOUSEHOLDS])
    return table[table["unit"].isin(np.concatenate(chosen))] if chosen else table


@dataclass(frozen=True)
class _Pools:
    """Rows of one year that may be trained on, held out, judged: whole households, shuffled."""

    train: Array
    held: Array
    judged: Array


def _pools(data: People, year: int, part: str, rng: np.random.Generator) -> _Pools:
    """Return a year's rows, whole households to one pool; confirm rows can be judged only."""
    of_year = data.year == year
    rows = rng.permutation(np.flatnonzero(of_year & ~data.confirm))
    train, held, judged = by_units(data.unit, rows, HELD_SHARE, JUDGED_SHARE, rng)
    confirm = np.flatnonzero(data.confirm & of_year)
    return _Pools(train, held, judged if part == "book" else rng.permutation(confirm))


def balanced(label: Array, rows: Array, size: int) -> Array:
    """Return ``size`` rows of each class, taken from the front of ``rows``: equal prevalence.

    Used in chapter 3.

    Raises
    ------
    DataError
        A class has too few rows, so that equal prevalence can't be reached.
    """
    chosen = []
    for value, name in enumerate(("without a job", "with a job")):
        found = rows[label[rows] == value]
        if len(found) < size:
            raise DataError(
                f"Equal prevalence can't be reached: {size} persons {name} are needed and "
                f"{len(found)} are there. Ask for fewer, or for a year that has them."
            )
        chosen.append(found[:size])
    return np.concatenate(chosen)


def _final(data: People, judged: Array, part: str) -> Array:
    """Return the rows to judge by: `JUDGED` of each class, or what the confirm part has."""
    least = int(np.bincount(data.label[judged], minlength=2).min())
    return balanced(data.label, judged, JUDGED if part == "book" else max(1, min(JUDGED, least)))


def _years(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read ``domain-shift-years``: trained on the first year, used some years later.

    Honest: accuracy on persons of the year of use. The arms are told at the head of this module.
    """
    data, later = people(part), round(dose["years"])
    rng = np.random.default_rng([seed, later, 23])
    there = _pools(data, FIRST + later, part, rng)
    lab = _pools(data, FIRST, part, rng) if later and arm != "control" else there
    train = balanced(data.label, lab.train, TRAIN)
    held = balanced(data.label, there.held if arm == "cured" else lab.held, HELD)
    final = _final(data, there.judged, part)
    chances = np.split(data.chances(train, np.concatenate([held, final])), [len(held)])
    seen, honest = (
        data.rows(where, found.argmax(axis=1))
        for where, found in zip((held, final), chances, strict=True)
    )
    if arm != "estimated":
        return Reading.scored(ACCURACY, seen, honest)
    right = believed(chances[0], seen.truth, chances[1])
    guess = Rows(honest.truth, np.where(right, honest.truth, -1), honest.unit)
    return Reading.scored(ACCURACY, guess, honest)


EXPERIMENTS = (
    Experiment(
        id="domain-shift-years",
        title="Trained on the census of 2015, used on that of a later year",
        step="collect",
        design="two-populations",
        metric=ACCURACY,
        knobs=(
            Knob(
                name="years",
                label="years between the lab and the use",
                unit="years",
                low=0.0,
                high=3.0,
                default=3.0,
                doses=(0.0, 1.0, 2.0, 3.0),
            ),
        ),
        seeds=tuple(range(30)),
        margin=0.02,
        sign=0,
        data=("census",),
        page="domain-shift",
        cost=0.3,
        run=_years,
        tolerance=0.006,
        arms=("flawed", "control", "cured", "estimated"),
    ),
)
