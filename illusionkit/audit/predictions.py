"""Checks of predictions that were given: how right, how sure, for whom, and at what cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.audit import quick
from illusionkit.audit.case import FEWEST, Case
from illusionkit.audit.finding import Finding, of_size
from illusionkit.audit.roles import classes
from illusionkit.errors import DataError
from illusionkit.models.calibration import binned_error

MOST_GROUPS, TOSSES, PER = 10, 1000, 1000
"""Values of a column whose rows are a group each; tosses of a calibrated model; rows of a cost."""


@dataclass(frozen=True)
class Said:
    """What the predictions say of each test row.

    ``right`` is 1 or 0; ``sure`` the probability of the class that is named, None where a class
    alone was given; ``chance`` the probability of the second of two classes.
    """

    right: Array
    sure: Array | None = None
    chance: Array | None = None


def given(case: Case) -> Iterator[Finding]:
    """Yield what predictions in the test table say."""
    if case.roles.prediction is None:
        return
    columns = case.test[case.predicted]
    missing = columns.isna().any(axis=1)
    if missing.any():
        yield Finding(
            "predictions", f"{int(missing.sum()):,} predictions are missing.",
            "Count an answer that is not given as wrong, or say that it was left out.",
            "evaluate-and-deploy", weight="medium",
        )  # fmt: skip
        return
    said = read(case, columns)
    score = quick.difference(said.right, np.zeros(len(said.right)), _unit(case))
    yield Finding(
        "predictions",
        f"The predictions are right in {score.value:.1%} of the test rows "
        f"({score.low:.1%} to {score.high:.1%}).",
        "Print the constant answer and the interval beside it.", "evaluate-and-deploy",
        share=score.value,
    )  # fmt: skip
    yield from _calibration(case, said)
    yield from _money(case, said)
    yield from worst_group(case.test, case.columns, said.right, _unit(case))


def _unit(case: Case) -> Array:
    return case.unit[len(case.train) :]


def read(case: Case, columns: pd.DataFrame) -> Said:
    """Return what predictions say: classes, probabilities of the second class, or of every class.

    Numbers between 0 and 1 that are not classes are probabilities, where there are two classes.

    Raises
    ------
    DataError
        A probability is no number between 0 and 1, or those of a row do not add up to 1.
    """
    names, _, truth = case.known
    if list(columns) != [case.roles.prediction]:
        every = _chances(columns[[f"{case.roles.prediction}_{name}" for name in names]])
        if (far := np.abs(every.sum(axis=1) - 1) > 0.01).any():
            raise DataError(f"The probabilities of {far.sum()} rows do not add up to 1.")
        chance = every[:, 1] if len(names) == 2 else None
        named = every.argmax(axis=1)
        return Said((named == truth).astype(float), every.max(axis=1), chance)
    column = columns.iloc[:, 0]
    if len(names) == 2 and _is_chance(column, names):
        chance = _chances(columns)[:, 0]
        right = ((chance >= 0.5) == truth).astype(float)
        return Said(right, np.maximum(chance, 1 - chance), chance)
    _, (said, known) = classes(column, case.test[case.roles.label])
    return Said((said == known).astype(float))


def _is_chance(column: pd.Series, names: list[str]) -> bool:
    """Return whether numbers between 0 and 1 are given that are no names of classes."""
    numbers = pd.to_numeric(column, errors="coerce")
    inside = bool(numbers.between(0, 1).all()) and not pd.api.types.is_bool_dtype(column)
    return inside and not {f"{number:g}" for number in numbers.unique()[:50]} <= set(names)


def _chances(columns: pd.DataFrame) -> Array:
    found = columns.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    if wrong := int((~((found >= 0) & (found <= 1))).sum()):
        raise DataError(f"{wrong} probabilities are no numbers between 0 and 1.")
    return found


def _calibration(case: Case, said: Said) -> Iterator[Finding]:
    """Yield how sure the predictions are beside how often they are right.

    The binned error of a calibrated model is not 0: it is tossed, at the same probabilities. The
    tosses know nothing of units, so that an error alarms if the gap is sure as well, over units,
    or if it is larger than in any toss.
    """
    if said.sure is None:
        return
    gap = quick.difference(said.sure, said.right, _unit(case))
    rng = np.random.default_rng(0)
    tossed = binned_error(said.sure, rng.random((TOSSES, len(said.sure))) < said.sure)
    error, most = float(binned_error(said.sure, said.right)), float(np.quantile(tossed, 0.95))
    yield Finding(
        "calibration",
        f"The predictions are {said.sure.mean():.1%} sure and {said.right.mean():.1%} right: "
        f"{100 * gap.value:+.1f} points ({100 * gap.low:+.1f} to {100 * gap.high:+.1f}). Their "
        f"binned error is {error:.3f}; that of a calibrated model as sure as this one would be "
        f"{tossed.mean():.3f} here, in 95 of 100 cases at most {most:.3f}.",
        "Calibrate on rows of the place of use, and check on others.", "overconfidence",
        share=error, chance=float(tossed.mean()),
        weight=of_size(gap.value) if gap.sure and error > most
        else "low" if error > tossed.max() else "note",
    )  # fmt: skip


def _money(case: Case, said: Said) -> Iterator[Finding]:
    """Yield what thresholds cost, where it is known what a mistake costs."""
    if said.chance is None or case.cost_ratio is None:
        return
    _, train, truth = case.known
    ratio, unit = case.cost_ratio, _unit(case)
    always = bool(ratio * train.mean() > 1 - train.mean())
    chosen, at = _chosen(said.chance, truth, ratio, unit)
    half, constant, picked = (
        PER * _cost(answer, truth, ratio)
        for answer in (said.chance >= 0.5, np.full(len(truth), always), chosen)
    )
    told = [quick.difference(cost, np.zeros(len(cost)), unit) for cost in (half, constant, picked)]
    saved = quick.difference(constant, picked, unit)
    lost = quick.difference(half, picked, unit)
    everybody = f"calling every row '{case.known[0][int(always)]}'"
    yield Finding(
        "threshold in money",
        f"If a missed '{case.known[0][1]}' costs {ratio:g} times a false alarm, {PER:,} rows cost "
        f"{_money_of(told[0])} at a threshold of 0.5, {_money_of(told[1])} by {everybody}, and "
        f"{_money_of(told[2])} at a threshold chosen on the other half of the test ({at}); that "
        f"saves {_money_of(saved)} over the constant rule. A calibrated model's threshold would be "
        f"{1 / (1 + ratio):.2f}.",
        "Choose the threshold by cost, on rows that are not tested; print the constant rule.",
        "price-of-a-mistake", share=float(half.mean() / PER),
        weight="medium" if saved.low <= 0 or lost.low > 0 else "note",
    )  # fmt: skip


def _money_of(cost: quick.Estimate) -> str:
    return f"{cost.value:,.0f} ({cost.low:,.0f} to {cost.high:,.0f})"


def _cost(answer: Array, truth: Array, ratio: float) -> Array:
    """Return each row's cost, in false alarms."""
    return np.where(truth == 1, ratio * (answer == 0), 1.0 * (answer == 1))


def _chosen(chance: Array, truth: Array, ratio: float, unit: Array) -> tuple[Array, str]:
    """Return answers by the threshold that is cheapest on the other half, and both thresholds."""
    answer, told = np.zeros(len(truth), dtype=bool), []
    for rows, others in quick.folds(unit, np.random.default_rng(0), 2):
        least = cheapest(chance[rows], truth[rows], ratio)
        answer[others] = chance[others] >= least
        told.append(f"{least:.2g}" if np.isfinite(least) else "none is called so")
    return answer, " and ".join(told)


def cheapest(chance: Array, truth: Array, ratio: float) -> float:
    """Return the threshold at which these rows cost least; infinite where no answer should be 1."""
    order = np.argsort(-chance, kind="stable")
    alarm = np.where(truth[order] == 1, -ratio, 1.0)
    cost = np.concatenate([[0.0], np.cumsum(alarm)])
    ends = np.append(np.append(True, np.diff(chance[order]) != 0), True)  # ties go together
    best = int(np.flatnonzero(ends)[np.argmin(cost[ends])])
    return float(chance[order][best - 1]) if best else float("inf")


def worst_group(
    test: pd.DataFrame, columns: Sequence[str], right: Array, unit: Array
) -> Iterator[Finding]:
    """Yield the group that is served worst: chosen on one half of the test, scored on the other.

    ``right`` (test rows,) is 1 where the prediction is the label. A group is where one of the
    ``columns`` has one of its few values.
    """
    half = np.random.default_rng(0).random(len(right)) < 0.5
    worst, least = None, np.inf
    for name in columns:
        cells = test[name].astype("string").fillna("")
        if not 2 <= cells.nunique() <= MOST_GROUPS:
            continue
        for value in cells.unique():
            mine = (cells == value).to_numpy()
            enough = min((mine & half).sum(), (mine & ~half).sum()) >= 3 * FEWEST
            if enough and right[mine & half].mean() < least:
                worst, least = (name, value, mine), right[mine & half].mean()
    if worst is None:
        return
    name, value, mine = worst
    rows = ~half
    gap = quick.difference(right[rows], np.where(mine[rows], right[rows], np.nan), unit[rows])
    yield Finding(
        "worst group",
        f"Where '{name}' is one certain value, the predictions are right in "
        f"{right[mine & rows].mean():.1%}, over all in {right[rows].mean():.1%}. Chosen on one "
        "half of the test, scored on the other.",
        "Report every group by itself, with its interval.", "hidden-subgroup",
        share=float(mine.mean()), worth=gap if gap.value > 0 else None, values=(value,),
    )  # fmt: skip
