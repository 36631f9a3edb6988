"""Checks of the split: units on both sides, rows from later, two worlds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.audit import quick
from illusionkit.audit.case import FEWEST, Case
from illusionkit.audit.finding import Finding
from illusionkit.data.own_columns import moments
from illusionkit.experiment.ranking import area

MOST_ROWS, MOST_SIDE, NAMED, REACH = 8000, 3000, 3, 2.576
"""Rows on which two ways to split are compared; rows a side that are told apart; columns named; the
standard errors of an interval of 99 %."""


def groups(case: Case) -> Iterator[Finding]:
    """Yield how many test rows are of a unit that stands in training, and what that is worth."""
    if case.roles.group is None:
        return
    size = len(case.train)
    seen = np.isin(case.unit[size:], case.unit[:size])
    if not seen.any():
        return
    yield Finding(
        "units on both sides",
        f"{int(seen.sum()):,} of {len(seen):,} test rows are of a '{case.roles.group}' that is "
        "trained on.",
        "Split by unit, with GroupKFold or GroupShuffleSplit.", "group-leakage",
        share=float(seen.mean()), chance=None, worth=_of_units(case), weight="medium", rows=seen,
    )  # fmt: skip


def _of_units(case: Case) -> quick.Estimate | None:
    """Return the score in random folds less that in folds that keep units whole."""
    if not case.worth:
        return None
    rows = case.some(MOST_ROWS)
    unit, labels, matrix = case.unit[rows], case.labels[rows], case.features(rows)
    if len(np.unique(unit)) < FEWEST:
        return None
    right = [
        (quick.out_of_fold(matrix, labels, by) == labels).astype(float)
        for by in (np.arange(len(rows)), unit)
    ]
    return quick.difference(right[0], right[1], unit)


def order(case: Case) -> Iterator[Finding]:
    """Yield how many training rows are later than a test row; rows of one moment are no leak."""
    if case.roles.time is None:
        return
    when = moments(case.both[case.roles.time])
    known = when.notna().to_numpy()
    rank = when.rank(method="dense").to_numpy()
    train, test = rank[: len(case.train)], rank[len(case.train) :]
    with np.errstate(invalid="ignore"):
        later = train > np.nanmin(test)
        before = test < np.nanmax(train)
    if not later.any():
        yield from _ties(train, test)
        return
    tied = f"; {int((~known).sum()):,} rows have no date" if not known.all() else ""
    yield Finding(
        "training rows from later",
        f"{int(later.sum()):,} of {len(later):,} training rows are later than the first test row"
        f"{tied}.",
        "Train on what came before what is tested.", "temporal-leakage",
        share=float(before.mean()), worth=_of_future(case, rank), weight="low", rows=before,
    )  # fmt: skip


def _ties(train: Array, test: Array) -> Iterator[Finding]:
    """Yield how many test rows are of the last moment of training: a tie, and no leak."""
    last = test == np.nanmax(train) if (~np.isnan(train)).any() else np.zeros(len(test), dtype=bool)
    if last.any():
        yield Finding(
            "rows of one moment",
            f"{int(last.sum()):,} of {len(last):,} test rows are of the same moment as the last "
            "training row: a tie, which is no leak by itself.",
            "Where a finer time is known, split by it.", "temporal-leakage",
            share=float(last.mean()),
        )  # fmt: skip


def _of_future(case: Case, rank: Array) -> quick.Estimate | None:
    """Return the score with training rows of both sides of time, less with as many of before."""
    if not case.worth:
        return None
    rows = case.some(MOST_ROWS)
    rows = rows[~np.isnan(rank[rows])]
    rows = rows[np.argsort(rank[rows], kind="stable")]
    size = len(rows) // 3
    before, test, after = rows[:size], rows[size : 2 * size], rows[2 * size :]
    if size < 10 * FEWEST or rank[before[-1]] == rank[after[0]]:
        return None
    rng = np.random.default_rng(0)
    mixed = rng.permutation(np.concatenate([before, after]))[:size]
    labels, asked = case.labels, case.features(test)
    right = [
        (quick.predict(case.features(rows), labels[rows], asked) == labels[test]).astype(float)
        for rows in (mixed, before)
    ]
    return quick.difference(right[0], right[1], case.unit[test])


def worlds(case: Case) -> Iterator[Finding]:
    """Yield how well training and test rows can be told apart, and by which columns."""
    rng, size = np.random.default_rng(0), len(case.train)
    rows = np.concatenate([rng.permutation(each)[:MOST_SIDE] for each in case.drawn])
    side = (rows >= size).astype(int)
    score, matrix = np.full(len(rows), np.nan), case.features(rows)
    for train, test in quick.folds(case.unit[rows], rng):
        if len(np.unique(side[train])) == 2:
            score[test] = quick.scores(matrix[train], side[train], matrix[test])
    told = _area(side[~np.isnan(score)], score[~np.isnan(score)])
    if told is None or told.low <= 0.5:
        return
    by = "; ".join(_moved(case))
    yield Finding(
        "two worlds",
        f"Training and test rows can be told apart: AUC {told.value:.2f} "
        f"({told.low:.2f} to {told.high:.2f}){', by ' + by if by else ''}.",
        "Ask which of the two is like the place of use, and test there.", "domain-shift",
        share=told.value, chance=0.5,
        weight="high" if told.low >= 0.8 else "medium" if told.low >= 0.6 else "low",
    )  # fmt: skip


def _area(label: Array, score: Array) -> quick.Estimate | None:
    """Return the area under the curve with its interval (Hanley and McNeil 1982).

    Of 99 %: folds share training rows, which makes scores spread more than the formula knows. At
    95 % up to 8 of 100 resamples of one corpus were told apart (`benchmarks/false_alarms.py`).
    """
    ones, zeros = int(label.sum()), int((label == 0).sum())
    if min(ones, zeros) < FEWEST:
        return None
    a = area(label, score)
    q1, q2 = a / (2 - a), 2 * a**2 / (1 + a)
    spread = a * (1 - a) + (ones - 1) * (q1 - a**2) + (zeros - 1) * (q2 - a**2)
    reach = REACH * max(spread, 0) ** 0.5 / (ones * zeros) ** 0.5
    return quick.Estimate(a, a - reach, a + reach)


def _moved(case: Case) -> list[str]:
    """Return the columns that differ most between the sides, and by how much."""
    train, test = (case.both.iloc[rows] for rows in case.drawn)
    sizes = {name: _effect(train[name], test[name]) for name in case.columns}
    largest = sorted(sizes, key=lambda name: -sizes[name][0])[:NAMED]
    return [f"'{name}' ({sizes[name][1]})" for name in largest if sizes[name][0] >= 0.2]


def _effect(train: pd.Series, test: pd.Series) -> tuple[float, str]:
    """Return how far a column has moved, and that in words."""
    if pd.api.types.is_numeric_dtype(train) and pd.api.types.is_numeric_dtype(test):
        first, second = (side.astype(float) for side in (train, test))
        spread = ((first.var() + second.var()) / 2) ** 0.5
        size = abs(first.mean() - second.mean()) / spread if spread > 0 else 0.0
        return float(np.nan_to_num(size)), f"means {size:.1f} standard deviations apart"
    cells = [side.astype("string").fillna("") for side in (train, test)]
    if cells[0].nunique() > 0.5 * len(cells[0]):
        return 0.0, ""
    shares = pd.concat([side.value_counts(normalize=True) for side in cells], axis=1).fillna(0)
    new = float(shares.iloc[:, 1][shares.iloc[:, 0] == 0].sum())
    apart = float((shares.iloc[:, 0] - shares.iloc[:, 1]).abs().sum() / 2)
    return apart, f"{apart:.0%} of the rows in other categories, {new:.0%} in new ones"
