"""Loans to card holders: how a scorecard learns, who gets one, who is refused, what is lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.models.learners import Probe

LARGEST = 10_000_000
"""More than any limit, in New Taiwan dollars."""


def old_points(table: pd.DataFrame) -> Array:
    """Return what an old scorecard gives: a month behind costs more than any limit brings.

    Used in chapter 6.
    """
    return (table["limit"] / LARGEST - table["late_1"].clip(lower=0)).to_numpy()


def best(points: Array, share: float) -> Array:
    """Return which rows are the best ``share`` by their points; of equals the first.

    Used in chapter 6.
    """
    chosen = np.zeros(len(points), dtype=bool)
    chosen[np.argsort(-points, kind="stable")[: round(share * len(points))]] = True
    return chosen


def outcomes(people: pd.DataFrame, chance: Array, loans: Mapping[str, Array]) -> dict[str, float]:
    """Return what becomes of loans of several kinds, each a mask of the people; by name.

    ``real`` and ``promised``: the default rate and the mean chance. ``lost`` and ``to_lose``: the
    same in thousands of a million lent, where everybody is lent the limit, and who defaults pays
    nothing back. ``lent``: the share of the money that all asked for. Used in chapter 6.
    """
    limit, default = people["limit"].to_numpy(float), people["label"].to_numpy()
    told: dict[str, float] = {}
    for name, mask in loans.items():
        money = limit * mask
        told |= {
            f"real_{name}": default[mask].mean(),
            f"promised_{name}": chance[mask].mean(),
            f"lost_{name}": 1000 * np.average(default, weights=money),
            f"to_lose_{name}": 1000 * np.average(chance, weights=money),
            f"lent_{name}": money.sum() / limit.sum(),
        }
    return {name: float(value) for name, value in told.items()}


def refusals(people: pd.DataFrame, refused: Array) -> dict[str, float]:
    """Return the share refused, and that of payers, among women and men, below 30 and above.

    Used in chapter 6.
    """
    women, young = (people["sex"] == 1).to_numpy(), (people["age"] < 30).to_numpy()
    pays = people["label"].to_numpy() == 0
    groups = {"women": women, "men": ~women, "young": young, "older": ~young}
    told = {f"refused_{name}": refused[group].mean() for name, group in groups.items()}
    told |= {f"payers_refused_{name}": refused[g & pays].mean() for name, g in groups.items()}
    return {name: float(value) for name, value in told.items()}


def taught(probe: Probe, rows: Array, labels: Array, weights: Array) -> Any:
    """Return the scorecard that learns from weighted rows. Used in chapter 6."""
    return probe.model().fit(
        probe.features[rows], labels, logisticregression__sample_weight=weights
    )


def inferred(probe: Probe, rows: Array, label: Array, left: Array) -> Any:
    """Return what is learnt from ``rows``, and from each refused one as payer and as defaulter.

    The weights of the two are the chances that a first scorecard gives. Used in chapter 6.
    """
    first = taught(probe, rows, label[rows], np.ones(len(rows)))
    chance = first.predict_proba(probe.features[left])
    labels = np.concatenate([label[rows], np.repeat([0, 1], len(left))])
    weights = np.concatenate([np.ones(len(rows)), chance[:, 0], chance[:, 1]])
    return taught(probe, np.concatenate([rows, left, left]), labels, weights)
