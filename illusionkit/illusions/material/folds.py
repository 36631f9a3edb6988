"""Rows drawn for a cross-validation and for a holdout, and the cross-validation itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from illusionkit.arrays import Array
from illusionkit.experiment.draws import largest, thinned
from illusionkit.experiment.reading import Rows
from illusionkit.experiment.task import Task, joined

FOLDS = 5


def drawn(task: Task, ones: float, rows: int, held: int, rng: np.random.Generator) -> list[Array]:
    """Return a holdout, and other rows of the book, a share ``ones`` of both with label 1."""
    book, confirm = np.flatnonzero(task.book), np.flatnonzero(~task.book)
    pool = confirm if len(confirm) else book
    size = min(held, largest(task.label[pool], ones)) if len(confirm) else held
    holdout = pool[thinned(task.label[pool], ones, size, rng)]
    free = np.setdiff1d(book, holdout)
    return [holdout, free[thinned(task.label[free], ones, rows, rng)]]


def cross_validated(
    task: Task, rows: Array, prepare: Callable[[Array], Any], rng: np.random.Generator,
    *, inside: bool, judge: Callable[[Task, Array, Array], list[Rows]] = Task.judge,
) -> Rows:  # fmt: skip
    """Return what is tested in five folds of ``rows``, which are not stratified.

    ``prepare(seen)`` returns a learner that has seen the rows of the fold's training, if
    ``inside``; else all rows, the tested ones too. That is the whole difference.
    """
    fold, tested = rng.permutation(len(rows)) % FOLDS, []
    for number in range(FOLDS):
        train, test = rows[fold != number], rows[fold == number]
        tested += judge(replace(task, learner=prepare(train if inside else rows)), train, test)
    return joined(tested)
