"""Rank correlations over experiments, their intervals, and what they say of an arrow.

An experiment is the unit: it is drawn whole. Where the rows are *readings* of `measured.relations`,
`points` makes one of each experiment and dose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata, t

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


def interval(
    table: pd.DataFrame, says: Callable[..., float], *columns: str
) -> tuple[float, float, float]:
    """Return what ``says`` tells of some columns, and its 95 % interval: experiments are drawn."""
    values = [table[name].to_numpy() for name in columns]
    places = [np.flatnonzero(table["id"] == name) for name in table["id"].unique()]
    rng, drawn = np.random.default_rng(0), []
    for _ in range(DRAWS):
        rows = np.concatenate([places[k] for k in rng.integers(0, len(places), len(places))])
        drawn.append(says(*(column[rows] for column in values)))
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return says(*values), float(low), float(high)


def asked(arrow: Arrow, table: pd.DataFrame) -> pd.DataFrame:
    """Return an arrow's correlations with intervals, from all `points`.

    Rows: "one heap", all points as if they were of one kind; "between" experiments, at their
    highest doses; "within" them, over doses; "given the rival", between. Columns: ``is``,
    ``from``, ``to``, ``experiments``, ``points``.
    """
    pair = (arrow.cause, arrow.effect)
    usable = table.dropna(subset=list(pair))
    tops = highest(usable)
    ways = {"one heap": usable, "between": tops, "within": centred(usable, *pair)}
    told = {way: interval(part, correlation, *pair) for way, part in ways.items()}
    if arrow.rival:
        ways["given the rival"] = tops
        told["given the rival"] = interval(tops, given, *pair, arrow.rival)
    rows = {way: [*told[way], part["id"].nunique(), len(part)] for way, part in ways.items()}
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


def width(correlation: float, experiments: float) -> float:
    """Return the standard error of a rank correlation on Fisher's scale, atanh.

    Source: Bonett and Wright 2000, doi:10.1007/BF02294183.
    """
    return float(np.sqrt((1 + correlation**2 / 2) / (experiments - 3)))


def visible(experiments: float, tries: float = 0.8) -> float:
    """Return the smallest true rank correlation whose interval leaves out 0 in so many tries."""
    reach, found = norm.ppf((1 + LEVEL) / 2) + norm.ppf(tries), 0.0
    for _ in range(100):
        found = float(np.tanh(reach * width(found, experiments)))
    return found
