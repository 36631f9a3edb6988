"""What every check works on: two tables, the roles of their columns, a quick learner's score."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.audit import quick
from illusionkit.audit.roles import Roles, classes
from illusionkit.data import duplicates
from illusionkit.errors import DataError

MOST_TRAIN, MOST_TEST, TEST_SHARE, FEWEST = 20_000, 10_000, 0.2, 10
"""Rows that the quick learner trains on and is judged by; the share that is tested where no test
table is given; the fewest rows of a side."""


@dataclass(frozen=True)
class Case:
    """A training and a test table with the same columns."""

    train: pd.DataFrame
    test: pd.DataFrame
    roles: Roles
    split: str

    def __post_init__(self) -> None:
        for name, side in (("training", self.train), ("test", self.test)):
            if len(side) < FEWEST:
                raise DataError(f"The {name} table has {len(side)} rows: {FEWEST} are needed.")

    @cached_property
    def both(self) -> pd.DataFrame:
        """Return the two tables, one below the other."""
        return pd.concat([self.train, self.test], ignore_index=True)

    @cached_property
    def known(self) -> tuple[list[str], Array, Array]:
        """Return the classes, and the training and test labels as their numbers."""
        names, (train, test) = classes(self.train[self.roles.label], self.test[self.roles.label])
        return names, train, test

    @cached_property
    def keys(self) -> list[str]:
        """Return what makes two rows of `both` equal: their text, or all their columns."""
        if self.roles.text is not None:
            cells = self.both[self.roles.text].astype("string").fillna("")
            return [duplicates.normalise(cell) for cell in cells]
        rows = self.both[self.columns].astype("string").fillna("")
        return ["\x1f".join(row) for row in rows.itertuples(index=False)] if self.columns else []

    @property
    def labels(self) -> Array:
        """Return the labels of `both`."""
        return np.concatenate(self.known[1:])

    @property
    def columns(self) -> list[str]:
        """Return the columns that a model may learn from."""
        aside = {self.roles.label, self.roles.group, self.roles.time, self.roles.prediction}
        return [str(name) for name in self.train if name not in aside]

    @cached_property
    def matrix(self) -> Any:
        """Return the quick learner's features of `both`."""
        return quick.features(self.both, self.columns)

    @cached_property
    def drawn(self) -> tuple[Array, Array]:
        """Return the rows of `both` that the quick learner trains on and is judged by."""
        rng, size = np.random.default_rng(0), len(self.train)
        train = np.sort(rng.permutation(size)[:MOST_TRAIN])
        return train, size + np.sort(rng.permutation(len(self.test))[:MOST_TEST])

    @cached_property
    def right(self) -> Array:
        """Return for each judged test row whether the quick learner is right, 1 or 0."""
        train, test = self.drawn
        said = quick.predict(self.matrix[train], self.labels[train], self.matrix[test])
        return (said == self.labels[test]).astype(float)

    @cached_property
    def unit(self) -> Array:
        """Return the unit of each row of `both`: its group, or itself; a missing group as well."""
        if self.roles.group is None:
            return np.arange(len(self.both))
        found = pd.factorize(self.both[self.roles.group].astype("string"))[0]
        return np.where(found < 0, found.max() + 1 + np.arange(len(found)), found)

    def worth_of(self, leaked: Array) -> quick.Estimate | None:
        """Return the score of all judged test rows less that of those that are not ``leaked``.

        ``leaked`` (test rows,) says which. None where fewer than `FEWEST` are left on a side.
        """
        rows = self.drawn[1]
        marked = leaked[rows - len(self.train)]
        if min(marked.sum(), (~marked).sum()) < FEWEST:
            return None
        return quick.difference(self.right, np.where(marked, np.nan, self.right), self.unit[rows])

    def some(self, size: int) -> Array:
        """Return so many rows of `both`, drawn by lot."""
        return np.sort(np.random.default_rng(0).permutation(len(self.both))[:size])
