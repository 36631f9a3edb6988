"""Flaws put in on purpose: which of them does the audit find in this very table?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.audit.report import CHECKS, made
from illusionkit.audit.roles import ASKED, Roles

DOSES = (0.02, 0.1, 0.3)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SLIPS = 2


@dataclass(frozen=True)
class Planted:
    """A flaw: the check that should find it, what puts it in, and what the table must have."""

    check: str
    finding: str
    plant: Callable[[pd.DataFrame, pd.DataFrame, Roles, float, np.random.Generator],
                    tuple[pd.DataFrame, pd.DataFrame, Array]]  # fmt: skip
    needs: str = ""


def _chosen(test: pd.DataFrame, dose: float, rng: np.random.Generator) -> Array:
    return np.sort(rng.permutation(len(test))[: max(1, round(dose * len(test)))])


def _replaced(train: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the training table with rows in place of as many others, drawn by lot."""
    kept = train.iloc[np.sort(rng.permutation(len(train))[len(rows) :])]
    return pd.concat([kept, rows], ignore_index=True)


def copied(
    train: pd.DataFrame, test: pd.DataFrame, of: Roles, dose: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, Array]:
    """Plant test rows in training, as they are."""
    rows = _chosen(test, dose, rng)
    return _replaced(train, test.iloc[rows], rng), test, rows


def slipped(
    train: pd.DataFrame, test: pd.DataFrame, of: Roles, dose: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, Array]:
    """Plant test rows in training, each text with two letters that were mistyped."""
    rows = _chosen(test, dose, rng)
    near = test.iloc[rows].copy()
    near[of.text] = [mistyped(str(cell), rng) for cell in near[of.text]]
    return _replaced(train, near, rng), test, rows


def mistyped(text: str, rng: np.random.Generator) -> str:
    """Return a text of which two signs are others."""
    signs = list(text)
    for place in rng.permutation(len(signs))[:SLIPS]:
        signs[place] = LETTERS[rng.integers(26)]
    return "".join(signs)


def embedded(
    train: pd.DataFrame, test: pd.DataFrame, of: Roles, dose: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, Array]:
    """Plant test texts in training, each between two texts of training."""
    rows = _chosen(test, dose, rng)
    whole = test.iloc[rows].copy()
    others = train[of.text].astype(str).to_numpy()[rng.integers(len(train), size=(2, len(rows)))]
    whole[of.text] = [
        f"{a} {cell} {b}" for a, cell, b in zip(others[0], whole[of.text], others[1], strict=True)
    ]
    return _replaced(train, whole, rng), test, rows


def relabelled(
    train: pd.DataFrame, test: pd.DataFrame, of: Roles, dose: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, Array]:
    """Plant test rows in training, each with another label."""
    rows = _chosen(test, dose, rng)
    other = test.iloc[rows].copy()
    names = test[of.label].unique()
    place = pd.Categorical(other[of.label], names).codes
    other[of.label] = names[(place + 1) % len(names)]
    return _replaced(train, other, rng), test, rows


def sisters(
    train: pd.DataFrame, test: pd.DataFrame, of: Roles, dose: float, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, Array]:
    """Give test rows the group of a training row."""
    rows = _chosen(test, dose, rng)
    changed = test.copy()
    groups = train[of.group].to_numpy()[rng.integers(len(train), size=len(rows))]
    changed.iloc[rows, changed.columns.get_loc(of.group)] = groups
    return train, changed, rows


FLAWS = {
    "copies": Planted("copies", "copies", copied),
    "near copies": Planted("copies", "near copies", slipped, needs="text"),
    "embedded copies": Planted("copies", "embedded copies", embedded, needs="text"),
    "conflicting labels": Planted("conflicts", "conflicting labels", relabelled),
    "units on both sides": Planted("groups", "units on both sides", sisters, needs="group"),
}
"""The flaws that can be put into a table, row by row."""


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
        if flaw.needs and getattr(case.roles, flaw.needs) is None:
            continue
        before = _marked(case.train, case.test, case.roles, flaw)
        for dose in doses:
            rng = np.random.default_rng([seed, len(name), round(1000 * dose)])
            left, right, rows = flaw.plant(case.train, case.test, case.roles, dose, rng)
            marked = _marked(left, right, case.roles, flaw)
            planted = np.isin(np.arange(len(right)), rows)
            found.append({
                "flaw": name, "dose": dose, "recall": float(marked[planted].mean()),
                "others": float(marked[~planted].mean()), "before": float(before.mean()),
            })  # fmt: skip
    return pd.DataFrame(found)


def _marked(train: pd.DataFrame, test: pd.DataFrame, of: Roles, flaw: Planted) -> Array:
    """Return which test rows the flaw's check marks."""
    asked = {role: getattr(of, role) for role in ASKED}
    case = made(train, test, asked)
    rows = [
        f.rows for f in CHECKS[flaw.check](case) if f.check == flaw.finding and f.rows is not None
    ]
    return rows[0] if rows else np.zeros(len(test), dtype=bool)
