"""What most experiments do with their data, once: read, cut by units, fit, judge, remember.

A `Task` holds the rows of one reading and a learner. It remembers what the learner was fitted to
and asked about, so that a reading can say by itself which units were used and on how many rows two
models were trained: nobody has to keep count, and nobody can forget to. Used in chapter 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.experiment import needs
from illusionkit.experiment.spec import Metric, Reading, Rows

Loader = Callable[[str], pd.DataFrame]
"""From a part of a corpus, "book" or "confirm", to its table with ``label`` and ``unit``."""


def read(load: Loader, part: str) -> pd.DataFrame:
    """Return a corpus's book part, its rows marked in column ``part``.

    With ``part="confirm"``, and only then, the confirm part is read as well and stands below it.
    """
    parts = [load(name).assign(part=name) for name in dict.fromkeys(("book", part))]
    return needs.check_whole(pd.concat(parts, ignore_index=True))


@cache
def read_encoded(load: Loader, part: str) -> tuple[pd.DataFrame, Array]:
    """Return what `read` returns, and the texts' frozen features (rows, 384); do not change them.

    The parts are encoded apart, so that the book's features are the same in a confirmation.
    """
    from illusionkit.models.encoding import features

    table = read(load, part)
    parts = (rows["text"] for _, rows in table.groupby("part", sort=False))
    return table, np.concatenate([features(list(texts)) for texts in parts])


@dataclass(frozen=True)
class Fit:
    """One training: the rows it was given, how many with texts of no row, and what it judged."""

    train: Array
    size: int
    judged: list[Rows] = field(default_factory=list)


@dataclass(frozen=True)
class Task:
    """The rows of one reading, a learner, and the memory of what was used.

    ``table`` has the columns ``label``, ``unit`` and ``part`` (see `read`). ``learner`` is
    prepared for its rows, and is asked by row numbers: ``predict(train, labels, test)``, and
    ``chances`` likewise where it has probabilities, as `models.learners.Probe` has.
    """

    table: pd.DataFrame
    learner: Any
    fits: list[Fit] = field(default_factory=list)

    def __post_init__(self) -> None:
        needs.check_whole(self.table)

    @property
    def label(self) -> Array:
        """Return the label of each row."""
        return self.table["label"].to_numpy()

    @property
    def unit(self) -> Array:
        """Return the unit of each row: what is independent of the rest."""
        return self.table["unit"].to_numpy()

    @property
    def book(self) -> Array:
        """Return which rows are the book's; the others are the confirm part."""
        return (self.table["part"] == "book").to_numpy()

    def cut(
        self, rng: np.random.Generator, *sizes: float, rows: Array | None = None
    ) -> list[Array]:
        """Cut the book's rows (or those of ``rows``) by whole units; the first is the holdout.

        A size below 1 is a share of the units, one from 1 up their number; what is left comes last.
        In a confirmation the confirm part is the holdout, and the others are what they were.
        """
        rows = np.arange(len(self.table)) if rows is None else rows
        book, confirm = rows[self.book[rows]], rows[~self.book[rows]]
        names = rng.permutation(np.unique(self.unit[book]))
        counts = [round(size * len(names)) if size < 1 else int(size) for size in sizes]
        units = np.split(names, np.cumsum(counts))
        sides = [book[np.isin(self.unit[book], each)] for each in units]
        return [confirm, *sides[1:]] if len(confirm) else sides

    def predict(
        self, train: Array, test: Array, labels: Array | None = None, **extra: Any
    ) -> Array:
        """Return predictions for rows ``test`` after training on rows ``train``.

        ``labels`` are those of the training rows, where they are not the table's.
        """
        labels = self._noted(train, labels)
        return np.asarray(self.learner.predict(train, labels, test, **extra))

    def chances(self, train: Array, *tests: Array, labels: Array | None = None) -> list[Array]:
        """Return the probability of each class, an array (rows, classes) for each of ``tests``."""
        labels = self._noted(train, labels)
        return _apart(self.learner.chances(train, labels, np.concatenate(tests)), tests)

    def judge(
        self, train: Array, *tests: Array, labels: Array | None = None, **extra: Any
    ) -> list[Rows]:
        """Return what a score of each of ``tests`` is computed from, after one training."""
        predicted = _apart(self.predict(train, np.concatenate(tests), labels, **extra), tests)
        return [self.rows(*pair) for pair in zip(tests, predicted, strict=True)]

    def rows(self, where: Array, predicted: Array, truth: Array | None = None) -> Rows:
        """Return what a score of rows ``where`` is computed from; ``truth`` has a label a row."""
        judged = Rows((self.label if truth is None else truth)[where], predicted, self.unit[where])
        self.fits[-1].judged.append(judged)
        return judged

    def reading(self, metric: Metric, apparent: Rows, honest: Rows, **extras: float) -> Reading:
        """Return the reading, with the units that were used and the sizes of two trainings."""
        return Reading.scored(
            metric, apparent, honest, extras=extras,
            train_sizes=self._sizes(apparent, honest), used_units=self._used(honest),
        )  # fmt: skip

    def _noted(self, train: Array, labels: Array | None) -> Array:
        """Remember a training, and return the labels it is given."""
        labels = self.label[train] if labels is None else labels
        self.fits.append(Fit(train, len(labels)))
        return labels

    def _sizes(self, *sides: Rows) -> tuple[int, int] | None:
        """Return the sizes of the trainings behind two sets of rows, or None if they share one."""
        found = [fit for side in sides for fit in self.fits if any(side is r for r in fit.judged)]
        two = len(found) == 2 and found[0] is not found[1]
        return (found[0].size, found[1].size) if two else None

    def _used(self, honest: Rows) -> Array:
        """Return the units of all rows trained on, and of all judged but those judged honestly."""
        judged = [rows.unit for fit in self.fits for rows in fit.judged]
        others = [unit[~np.isin(unit, honest.unit)] for unit in judged]
        return np.unique(np.concatenate([*(self.unit[fit.train] for fit in self.fits), *others]))


def _apart(values: Array, tests: Sequence[Array]) -> list[Array]:
    """Return what belongs to each of the tests that were asked as one."""
    return np.split(values, np.cumsum([len(test) for test in tests])[:-1])


def joined(rows: Sequence[Rows]) -> Rows:
    """Return the rows of several folds as one set."""
    names = ("truth", "prediction", "unit")
    return Rows(*(np.concatenate([getattr(each, name) for each in rows]) for name in names))
