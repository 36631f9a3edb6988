"""Rows drawn by chance: units kept whole, classes at the shares that are asked for.

Rows are given and returned as row numbers. Where a table has too few, a `DataError` says of what.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from illusionkit.arrays import Array
from illusionkit.errors import DataError


def turns(unit: Array, rng: np.random.Generator) -> Array:
    """Return for each row the place, from 0, of its unit in a random order of the units.

    Modulo k it is the number of a fold; folds keep units whole.
    """
    names, place = np.unique(unit, return_inverse=True)
    return rng.permutation(len(names))[place]


def pools(
    unit: Array, rows: Array, rng: np.random.Generator, *, held: float, judged: float
) -> list[Array]:
    """Return the rows, shuffled, in three pools: to train on, to hold out, to judge by.

    ``held`` and ``judged`` are shares of the units; a unit's rows share a pool.
    """
    rows = rng.permutation(rows)
    return [rows[side] for side in sides(unit[rows], rng, held=held, judged=judged)]


def sides(
    unit: Array, rng: np.random.Generator, *, held: float, judged: float
) -> tuple[Array, Array, Array]:
    """Return three masks, cut by whole units: to train on, to hold out, to judge by."""
    turn = turns(unit, rng)
    rank = turn / (turn.max(initial=0) + 1)
    return rank >= judged + held, (rank >= judged) & (rank < judged + held), rank < judged


def deal(book: Array, rng: np.random.Generator, *sizes: int) -> list[Array]:
    """Return so many rows of the book in random order; the last are those to judge by.

    ``book`` says which rows are the book's. Where there are others, a confirmation is asked for,
    and those to judge by come from there.
    """
    order, confirm = rng.permutation(np.flatnonzero(book)), np.flatnonzero(~book)
    dealt = np.split(order[: sum(sizes)], np.cumsum(sizes)[:-1])
    return [*dealt[:-1], rng.permutation(confirm)[: sizes[-1]]] if len(confirm) else dealt


def first(rows: Array, size: int, what: str) -> Array:
    """Return the first ``size`` rows.

    Raises
    ------
    DataError
        There are fewer; ``what`` says of what.
    """
    if len(rows) < size:
        raise DataError(
            f"{size} {what} are needed and {len(rows)} are there: ask for fewer, or collect more."
        )
    return rows[:size]


def mixed(
    label: Array, own: Array, foreign: Array, names: Sequence[str], *, share: float, size: int
) -> Array:
    """Return ``size`` rows of each class, a share of them foreign; the first ones of each.

    ``names`` say in an error what the classes are called.
    """
    count = round(share * size)
    return np.concatenate(
        [
            first(rows[label[rows] == k], wanted, name)
            for k, name in enumerate(names)
            for rows, wanted in ((foreign, count), (own, size - count))
        ]
    )


def thinned(label: Array, prevalence: float, size: int, rng: np.random.Generator) -> Array:
    """Return ``size`` row numbers in random order, a share ``prevalence`` of them with label 1.

    Used in chapter 3.

    Raises
    ------
    DataError
        There is one class only, the prevalence is not between 0 and 1, or a class has too few rows.
    """
    if not 0 < prevalence < 1:
        raise DataError(f"A prevalence lies between 0 and 1, and is neither: {prevalence:g}.")
    rows = [rng.permutation(np.flatnonzero(label == k)) for k in (0, 1)]
    if not all(map(len, rows)):
        raise DataError("All rows have one label: there is nothing to tell apart.")
    wanted = round(prevalence * size)
    for name, of_class, needed in (("0", rows[0], size - wanted), ("1", rows[1], wanted)):
        if not 0 < needed <= len(of_class):
            raise DataError(
                f"{size} rows at a prevalence of {prevalence:g} take {needed} rows with label "
                f"{name}, and there are {len(of_class)}. Ask for at least 1 and at most "
                f"{largest(label, prevalence)} rows in all, or for another prevalence."
            )
    return rng.permutation(np.concatenate([rows[0][: size - wanted], rows[1][:wanted]]))


def largest(label: Array, prevalence: float) -> int:
    """Return how many rows can be had at a prevalence, none of them twice."""
    ones = int((label == 1).sum())
    zeros = int((label == 0).sum())
    return int(min(ones / prevalence, zeros / (1 - prevalence)) + 1e-9)
