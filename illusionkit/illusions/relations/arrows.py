"""Rank correlations over experiments, their intervals, and what they say of an arrow.

An experiment is the unit: it is drawn whole. Where the rows are *readings* of `measured.relations`,
`points` makes one of each experiment and dose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata, t

from illusionkit.arrays import Array

DRAWS, LEVEL = 2000, 0.95


@dataclass(frozen=True)
class Arrow:
    """What an arrow of the source document predicts: the sign of the relation of two columns.

    ``rival`` is the column that may be behind both; empty where it is part of the question.
    """

    name: str
    cause: str
    effect: str
    sign: int
    rival: str = "skill"


ARROWS = (
    Arrow("illusion → fairness", "optimism", "gap", 1),
    Arrow("illusion → robustness", "optimism", "drop", 1),
    Arrow("fairness → robustness", "gap", "drop", 1),
    Arrow("robustness → use", "drop", "honest", -1, rival=""),
)
"""The arrows that can be asked; signs were fixed before anything was measured."""


def points(readings: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over seeds of each experiment and dose.

    Columns: id, dose, optimism, honest, rows, drop; ``skill``, the honest score less the share of
    the commonest class; ``gap``, read across: its sign on one half of the units, its size on the
    other, both ways, so that it may be below 0.
    """
    means = readings.groupby(["id", "dose"], as_index=False, sort=False).mean(numeric_only=True)
    one, other = means["gap_one"], means["gap_other"]
    gap = (np.sign(one) * other + np.sign(other) * one) / 2
    means = means.assign(gap=gap, skill=means["honest"] - means["commonest"])
    return means[["id", "dose", "optimism", "gap", "drop", "honest", "skill", "rows"]]


def highest(table: pd.DataFrame) -> pd.DataFrame:
    """Return each experiment's point at its highest dose."""
    return table.sort_values("dose").drop_duplicates("id", keep="last").sort_index()


def correlation(one: Array, other: Array) -> float:
    """Return Spearman's rank correlation; NaN where a side is constant."""
    ranks = [rankdata(side) - (len(side) + 1) / 2 for side in (one, other)]
    size = np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum())
    return float(ranks[0] @ ranks[1] / size) if size > 0 else float("nan")


def given(one: Array, other: Array, rival: Array) -> float:
    """Return the partial rank correlation of two columns, given a third one."""
    ab, ac, bc = correlation(one, other), correlation(one, rival), correlation(other, rival)
    size = np.sqrt(max(0.0, (1 - ac**2) * (1 - bc**2)))
    return float((ab - ac * bc) / size) if size > 1e-9 else float("nan")


def centred(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return the columns less the mean of each experiment: what is left are its doses."""
    return table.assign(
        **{name: table[name] - table.groupby("id")[name].transform("mean") for name in columns}
    )


Says = Callable[[pd.DataFrame], float]


def interval(table: pd.DataFrame, says: Says, draws: int = DRAWS) -> tuple[float, float, float]:
    """Return what ``says`` tells of a table, and the 95 % interval of it: experiments are drawn."""
    rng, parts = np.random.default_rng(0), [rows for _, rows in table.groupby("id", sort=False)]
    drawn = [
        says(pd.concat([parts[k] for k in rng.integers(0, len(parts), len(parts))]))
        for _ in range(draws)
    ]
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return says(table), float(low), float(high)


def between(arrow: Arrow) -> Says:
    """Return what tells the correlation of an arrow's two columns."""
    return lambda t: correlation(t[arrow.cause].to_numpy(), t[arrow.effect].to_numpy())


def beyond(arrow: Arrow) -> Says:
    """Return what tells the same, given the arrow's rival."""
    names = (arrow.cause, arrow.effect, arrow.rival)
    return lambda t: given(*(t[name].to_numpy() for name in names))


def asked(arrow: Arrow, table: pd.DataFrame) -> pd.DataFrame:
    """Return an arrow's correlations with intervals, from all `points`.

    Rows: "one heap", all points as if they were of one kind; "between" experiments, at their
    highest doses; "within" them, over doses; "given the rival", between. Columns: ``is``,
    ``from``, ``to``, ``experiments``, ``points``.
    """
    usable = table.dropna(subset=[arrow.cause, arrow.effect])
    tops, apart = highest(usable), centred(usable, arrow.cause, arrow.effect)
    ways = {"one heap": (usable, between(arrow)), "between": (tops, between(arrow))}
    ways["within"] = (apart, between(arrow))
    if arrow.rival:
        ways["given the rival"] = (tops, beyond(arrow))
    rows = {
        way: [*interval(part, says), part["id"].nunique(), len(part)]
        for way, (part, says) in ways.items()
    }
    names = ["is", "from", "to", "experiments", "points"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=names)


def verdict(arrow: Arrow, found: pd.DataFrame) -> str:
    """Return supported, refuted or open, by the rule that `measured` fixed beforehand."""
    low, high = sorted(arrow.sign * found.loc["between", ["from", "to"]].to_numpy(dtype=float))
    if high < 0:
        return "refuted"
    if low <= 0:
        return "open"
    if "given the rival" not in found.index:
        return "supported"
    ends = arrow.sign * found.loc["given the rival", ["from", "to"]].to_numpy(dtype=float)
    return "supported" if ends.min() > 0 else "open"


def by_chance(experiments: int) -> float:
    """Return the rank correlation that unrelated columns stay below in 95 of 100 draws, by size.

    By Student's t, as the usual test of a rank correlation takes it.
    """
    at = t.ppf((1 + LEVEL) / 2, experiments - 2)
    return float(at / np.sqrt(experiments - 2 + at**2))
