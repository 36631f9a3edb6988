"""Parts of a reader's own data, training, validation and test, that keep units whole."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import duplicates, own_columns
from illusionkit.errors import DataError
from illusionkit.training.own_data import Labelled

PARTS = ("train", "validation", "test")
SHARES = {"test": 0.2, "validation": 0.1}
"""The share of the rows that are tested, and that a training is watched by."""
FEWEST_UNITS, FEWEST_ROWS, MOST_TEXTS, LARGE = 50, 10, 100_000, 0.1
"""The fewest units in all, and rows of a part; the most texts among which near copies are looked
for; the share of the rows from which a unit is said to be large."""


@dataclass(frozen=True)
class Parted:
    """Row numbers of the three parts, the unit (rows,) of every row, and what was left out."""

    train: Array
    validation: Array
    test: Array
    unit: Array
    notes: tuple[str, ...] = ()


def parted(
    data: Labelled, *, group: str | None = None, time: str | None = None, seed: int = 0
) -> Parted:
    """Return training, validation and test rows, about 70, 10 and 20 %, with units kept whole.

    A unit is all that hangs together by equal or nearly equal texts and by one ``group``. Units
    fall by a hash of their texts and the ``seed``, so that the order of rows and the number of
    calls change nothing. With ``time`` the test is the latest part, and validation the latest
    before it; a unit counts where it begins, and its later rows are left out.

    Raises
    ------
    DataError
        No such column, fewer than `FEWEST_UNITS` units, a class with one unit, or a part that has
        too few rows, or training rows of one class only.
    """
    unit, notes = _units(data, group)
    _require_units(data, unit)
    largest = int(np.bincount(unit).max())
    if largest >= LARGE * len(unit):
        notes.append(
            f"The largest unit has {largest:,} rows: one group, or texts that are nearly copies."
        )
    if time is None:
        place = _by_hash(data, unit, seed)
    else:
        place, more = _by_time(own_columns.named(data.table, time, "time"), unit)
        notes += more
    rows = {name: np.flatnonzero(place == number) for number, name in enumerate(PARTS)}
    _require_parts(data, rows)
    return Parted(**rows, unit=unit, notes=tuple(notes))


def _units(data: Labelled, group: str | None) -> tuple[Array, list[str]]:
    """Return the unit of each row, and what is to be said of it."""
    few = len(data.texts) <= MOST_TEXTS
    alike = duplicates.components(data.wholes, near=duplicates.NEAR if few else 1.0)
    notes = [] if few else [f"More than {MOST_TEXTS:,} texts: near copies were not looked for."]
    if group is None:
        return alike, notes
    cells = own_columns.named(data.table, group, "group").astype("string")
    alone = np.flatnonzero(cells.isna())
    if len(alone):
        notes.append(f"{len(alone):,} rows have no '{group}': each counts as one of its own.")
    numbers = pd.factorize(cells)[0]
    numbers[alone] = len(cells) + alone
    return duplicates.linked(numbers.tolist(), alike.tolist()), notes


def _require_units(data: Labelled, unit: Array) -> None:
    units = len(np.unique(unit))
    if units < FEWEST_UNITS:
        raise DataError(
            f"{len(unit):,} rows are {units} units: rows of one group, and texts that are copies "
            f"or nearly so, count once. {FEWEST_UNITS} are needed: collect more."
        )
    each = pd.Series(unit).groupby(data.labels).nunique()
    single = [data.names[k] for k in each.index[each < 2]]
    if single:
        some = ", ".join(f"'{name}'" for name in single[:5])
        raise DataError(
            f"{len(single)} classes have one unit only ({some}), and can't be trained on and "
            "tested: leave them out, join them with others, or collect more."
        )


def _by_hash(data: Labelled, unit: Array, seed: int) -> Array:
    """Return the part (0, 1, 2) of each row, by a hash of its unit.

    Units come in the order of their hash and are tested until there are enough; what is too large
    for a part goes to the next. The last unit of each class is trained on.
    """
    key = pd.Series([duplicates.normalise(text) for text in data.wholes]).groupby(unit).min()
    draws = key.map(lambda text: hashlib.sha256(f"{seed}:{text}".encode()).hexdigest())
    order = draws.sort_values(kind="stable").index.to_numpy()
    size = np.bincount(unit)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    last = {order[k] for k in pd.Series(rank[unit]).groupby(data.labels).max()}
    room = {name: share * len(unit) for name, share in SHARES.items()}
    place = np.zeros(len(size), dtype=np.int64)
    for one in order:
        fits = [name for name in room if size[one] <= room[name] and one not in last]
        if fits:
            room[fits[0]] -= size[one]
            place[one] = PARTS.index(fits[0])
    return place[unit]


def _by_time(column: pd.Series, unit: Array) -> tuple[Array, list[str]]:
    """Return the part (0, 1, 2) of each row by its moment, -1 where it is left out, and notes."""
    when = own_columns.moments(column)
    rank = when.rank(method="dense").to_numpy(dtype=float, na_value=np.nan)
    known = ~np.isnan(rank)
    ranks = np.sort(rank[known])
    if not len(ranks) or ranks[-1] < len(PARTS):
        raise DataError(
            f"'{column.name}' names {int(ranks[-1]) if len(ranks) else 0} moments, and a split by "
            "time needs 3: one for each part."
        )
    later = max(ranks[int(len(ranks) * (1 - SHARES["test"]))], 3)
    watch = min(max(ranks[int(len(ranks) * (1 - sum(SHARES.values())))], 2), later - 1)
    own = np.where(known, (rank >= watch).astype(int) + (rank >= later), -1)
    first = pd.Series(np.where(known, own, len(PARTS))).groupby(unit).transform("min").to_numpy()
    straddling = known & (own > first)
    notes = []
    if not known.all():
        notes.append(f"{int((~known).sum()):,} rows have no moment and are left out.")
    if straddling.any():
        units = len(np.unique(unit[straddling]))
        notes.append(
            f"{units:,} units reach over a border in time: {int(straddling.sum()):,} later rows of "
            "theirs are left out."
        )
    return np.where(straddling, -1, own), notes


def _require_parts(data: Labelled, rows: Mapping[str, Array]) -> None:
    for name in PARTS:
        if len(rows[name]) < (FEWEST_ROWS if name != "validation" else 2):
            raise DataError(
                f"The {name} part has {len(rows[name])} rows, too few: a few units hold nearly all "
                "rows, or reach over most of the time. Name another group or time, or collect more."
            )
    if len(np.unique(data.labels[rows["train"]])) < 2:
        raise DataError("The training part has one class only: the others come later.")
