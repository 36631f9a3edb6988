"""Flaws put in on purpose: which of them does the audit find in this very table?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.audit.case import Case
from illusionkit.audit.report import CHECKS, made
from illusionkit.audit.roles import Roles
from illusionkit.audit.sketches import mistyped

DOSES = (0.02, 0.1, 0.3)

Tables = tuple[pd.DataFrame, pd.DataFrame]
Plant = Callable[[pd.DataFrame, pd.DataFrame, Roles, Array, np.random.Generator], Tables]
"""From a training and a test table, and which rows of the test, to both with a flaw in them."""


@dataclass(frozen=True)
class Planted:
    """A flaw: the check that should find it, what puts it in, and the role that it needs.

    ``also`` names findings that mark such a row as well: a text between two short ones is a near
    copy of the whole.
    """

    check: str
    plant: Plant
    needs: str = "label"
    also: tuple[str, ...] = ()


def _replaced(train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the training table with rows in place of as many others, drawn by lot."""
    kept = train.iloc[np.sort(rng.permutation(len(train))[len(rows) :])]
    return pd.concat([kept, rows], ignore_index=True)


def copied(
    train: pd.DataFrame, test: pd.DataFrame, of: Roles, rows: Array, rng: np.random.Generator
) -> Tables:
    """Plant test rows in training, as they are."""
    return _replaced(train, test.iloc[rows], rng), test


def slipped(
    train: pd.DataFrame, test: pd.DataFrame, of: Roles, rows: Array, rng: np.random.Generator
) -> Tables:
    """Plant test rows in training, each text with two letters that were mistyped."""
    near = test.iloc[rows].copy()
    near[of.text] = [mistyped(str(cell), rng) for cell in near[of.text]]
    return _replaced(train, near, rng), test


def embedded(
    train: pd.DataFrame, test: pd.DataFrame, of: Roles, rows: Array, rng: np.random.Generator
) -> Tables:
    """Plant test texts in training, each between two texts of training."""
    whole = test.iloc[rows].copy()
    before, after = (
        train[of.text].astype(str).to_numpy()[rng.integers(len(train), size=(2, len(rows)))]
    )
    whole[of.text] = [
        " ".join(map(str, each)) for each in zip(before, whole[of.text], after, strict=True)
    ]
    return _replaced(train, whole, rng), test


def relabelled(
    train: pd.DataFrame, test: pd.DataFrame, of: Roles, rows: Array, rng: np.random.Generator
) -> Tables:
    """Plant test rows in training, each with another label."""
    other = test.iloc[rows].copy()
    names = test[of.label].unique()
    place = pd.Categorical(other[of.label], names).codes
    other[of.label] = names[(place + 1) % len(names)]
    return _replaced(train, other, rng), test


def sisters(
    train: pd.DataFrame, test: pd.DataFrame, of: Roles, rows: Array, rng: np.random.Generator
) -> Tables:
    """Give test rows the group of a training row."""
    changed = test.copy()
    groups = train[of.group].to_numpy()[rng.integers(len(train), size=len(rows))]
    changed.iloc[rows, changed.columns.get_loc(of.group)] = groups
    return train, changed


FLAWS = {
    "copies": Planted("copies", copied),
    "near copies": Planted("copies", slipped, needs="text"),
    "embedded copies": Planted("copies", embedded, needs="text", also=("near copies",)),
    "conflicting labels": Planted("conflicts", relabelled),
    "units on both sides": Planted("groups", sisters, needs="group"),
}
"""The flaws that can be put into a table, row by row, called as the check calls what it finds."""


def inject(
    train: pd.DataFrame, test: pd.DataFrame | None = None, *, seed: int = 0,
    doses: tuple[float, ...] = DOSES, **given: str | None,
) -> pd.DataFrame:  # fmt: skip
    """Return which planted rows the audit finds in this table, and how many others it marks.

    Columns: ``flaw``; ``dose``, the share of the test rows; ``recall``, of the planted rows;
    ``others``, the share marked of the rows that were not planted, and ``before``, of all rows
    before anything was planted. Errors as in `audit`.
    """
    case = made(train, test, given)
    found = []
    for name, flaw in FLAWS.items():
        if getattr(case.roles, flaw.needs) is None:
            continue
        before = _marked(case, name)
        for dose in doses:
            rng = np.random.default_rng([seed, len(name), round(1000 * dose)])
            planted = np.zeros(len(case.test), dtype=bool)
            planted[rng.permutation(len(planted))[: max(1, round(dose * len(planted)))]] = True
            sides = flaw.plant(case.train, case.test, case.roles, np.flatnonzero(planted), rng)
            marked = _marked(Case(*sides, case.roles, case.split), name)
            found.append({
                "flaw": name, "dose": dose, "recall": float(marked[planted].mean()),
                "others": float(marked[~planted].mean()), "before": float(before.mean()),
            })  # fmt: skip
    return pd.DataFrame(found)


def _marked(case: Case, name: str) -> Array:
    """Return which test rows a flaw's check marks with it."""
    marked = np.zeros(len(case.test), dtype=bool)
    for found in CHECKS[FLAWS[name].check](case):
        if found.check in (name, *FLAWS[name].also) and found.rows is not None:
            marked |= found.rows
    return marked
