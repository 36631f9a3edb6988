"""What every check works on: two tables, the roles of their columns, a quick learner's score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.audit import quick
from illusionkit.audit.roles import Roles, classes, said_in
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
    worth: bool = True
    cost_ratio: float | None = None

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
    def keys(self) -> Array:
        """Return a number for each row of `both`, equal for rows of one text, or of equal columns.

        Empty where there is no column.
        """
        if self.roles.text is not None:
            return np.asarray(self.texts[0])
        return _together([self.both[name] for name in self.columns])

    @cached_property
    def texts(self) -> tuple[Array, list[str]]:
        """Return the number of the text of each row of `both`, and the texts, normalised."""
        cells = self.both[self.roles.text].astype("string").fillna("")
        number, known = pd.factorize(cells)
        plain, names = pd.factorize(
            np.array([duplicates.normalise(cell) for cell in known], dtype=object)
        )
        return plain[number], list(names)

    @property
    def labels(self) -> Array:
        """Return the labels of `both`."""
        return np.concatenate(self.known[1:])

    @property
    def predicted(self) -> list[str]:
        """Return the columns of the predictions: one, or one of each class."""
        return said_in(self.test, self.roles.prediction)

    @cached_property
    def columns(self) -> list[str]:
        """Return the columns that a model may learn from."""
        aside = {self.roles.label, self.roles.group, self.roles.time, *self.predicted}
        return [str(name) for name in self.train if name not in aside]

    @cached_property
    def pool(self) -> Array:
        """Return the rows of `both` that the quick learner may meet, in ascending order."""
        return np.concatenate(self.drawn)

    @cached_property
    def parts(self) -> dict[str, Any]:
        """Return the quick learner's features of each column, of the rows of the pool."""
        rows = self.both.iloc[self.pool].reset_index(drop=True)
        return {name: quick.of_column(rows[name]) for name in self.columns}

    @cached_property
    def matrix(self) -> Any:
        """Return the quick learner's features of the rows of the pool."""
        from scipy.sparse import csr_matrix, hstack

        parts = list(self.parts.values())
        return hstack(parts).tocsr() if parts else csr_matrix((len(self.pool), 1))

    def features(self, rows: Array, *, only: str | None = None, without: str | None = None) -> Any:
        """Return the quick learner's features of some rows of the pool.

        Of all columns, of one, or of all but one.
        """
        from scipy.sparse import hstack

        place = np.searchsorted(self.pool, rows)
        if only is not None:
            return self.parts[only][place]
        others = [part for name, part in self.parts.items() if name != without]
        return self.matrix[place] if without is None else hstack(others).tocsr()[place]

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
        said = quick.predict(self.features(train), self.labels[train], self.features(test))
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

        ``leaked`` (test rows,) says which. None where fewer than `FEWEST` are left on a side, or
        where no worth is asked for.
        """
        if not self.worth:
            return None
        rows = self.drawn[1]
        marked = leaked[rows - len(self.train)]
        if min(marked.sum(), (~marked).sum()) < FEWEST:
            return None
        return quick.difference(self.right, np.where(marked, np.nan, self.right), self.unit[rows])

    def some(self, size: int) -> Array:
        """Return so many rows of the pool, drawn by lot."""
        return self.pool[np.sort(np.random.default_rng(0).permutation(len(self.pool))[:size])]


def _together(columns: Sequence[pd.Series]) -> Array:
    """Return a number for each row, equal for rows that are equal in every column."""
    found = np.empty(0, dtype=np.int64)
    for column in columns:
        number = pd.factorize(column)[0].astype(np.int64) + 1
        both = number if not len(found) else found * (number.max() + 1) + number
        found = pd.factorize(both)[0]
        if len(found) and found.max() + 1 == len(found):
            break  # no two rows are equal any more
    return found
