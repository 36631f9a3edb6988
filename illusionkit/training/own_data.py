"""A reader's own data as what `fit` reads: containers of any kind, and parts that keep units whole.

`labelled` takes a DataFrame, a `datasets.Dataset`, a list of (text, label) or a `Split`; `parted`
cuts it into training, validation and test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import duplicates, own_columns
from illusionkit.errors import DataError
from illusionkit.models.needs import require_texts
from illusionkit.training.batches import Split

PARTS = ("train", "validation", "test")
SHARES = {"test": 0.2, "validation": 0.1}
"""The share of the rows that are tested, and that a training is watched by."""
FEWEST_UNITS, FEWEST_ROWS, MOST_VALUES, MOST_TEXTS, LARGE = 50, 10, 50, 100_000, 0.1
"""The fewest units in all, and rows of a part; the most different fractions that are classes; the
most texts among which near copies are looked for; the share of the rows from which a unit is said
to be large."""


@dataclass(frozen=True)
class Labelled:
    """Texts with their classes: ``texts``, ``labels`` (rows,) from 0, ``names`` of the classes.

    ``table`` holds the same rows with all columns that were given, numbered from 0; ``notes`` say
    what was left out.
    """

    texts: list[str]
    labels: Array
    names: list[str]
    table: pd.DataFrame
    notes: tuple[str, ...] = ()

    def split(self, rows: Array | slice = slice(None)) -> Split:
        """Return all rows, or some, as what is trained or judged on."""
        places = np.arange(len(self.texts))[rows]
        return Split([self.texts[k] for k in places], self.labels[places].tolist())

    def frame(self) -> pd.DataFrame:
        """Return columns ``text`` and ``label``, the name of the class: what it was made of."""
        return pd.DataFrame({"text": self.texts, "label": [self.names[k] for k in self.labels]})


@dataclass(frozen=True)
class Parted:
    """Row numbers of the three parts, the unit (rows,) of every row, and what was left out."""

    train: Array
    validation: Array
    test: Array
    unit: Array
    notes: tuple[str, ...] = ()


def labelled(data: Any, *, text: str = "text", label: str = "label") -> Labelled:
    """Return texts and classes of a table, a `datasets.Dataset`, (text, label) pairs or a `Split`.

    Distinct labels, sorted, become the classes: see `own_columns.label_values`. Rows with a blank
    text are left out, and `Labelled.notes` says how many.

    Raises
    ------
    DataError
        No such container or column; texts that are none, labels that are missing or -1, one class
        only, or a label of more than `MOST_VALUES` fractions.
    """
    text = one_text(text)
    table = _table(data, text, label)
    column = own_columns.named(table, text, "text")
    found, there = own_columns.texts(column)
    kept = table[there].reset_index(drop=True)
    values = own_columns.label_values(own_columns.named(kept, label, "label"))
    _require_classes(values[0], label)
    names, (labels,) = own_columns.numbered(values)
    blank = int((~there).sum())
    notes = (f"{blank:,} of {len(table):,} rows have no text and are left out.",) if blank else ()
    return Labelled(require_texts(found), labels, require_texts(names), kept, notes)


def one_text(names: Any) -> str:
    """Return the one name of a column of texts, or raise `DataError`: pairs are not offered."""
    given = list(names) if pd.api.types.is_list_like(names) else [names]
    if len(given) != 1:
        raise DataError(
            f"{len(given)} columns of text are named, and a row has one text here: pairs of "
            "texts are not offered. Join the two in one column, with the tokenizer's separator "
            "between them ([SEP] for BERT)."
        )
    return str(given[0])


def _table(data: Any, text: Any, label: str) -> pd.DataFrame:
    """Return what was given as a table."""
    if isinstance(data, pd.DataFrame):
        return data
    if isinstance(data, Split):
        data = list(zip(data.texts, data.labels, strict=True))
    if hasattr(data, "to_pandas"):
        return _with_names(data, label)
    if isinstance(data, (str, bytes, Mapping)) or not pd.api.types.is_list_like(data):
        inside = f" of {', '.join(map(str, data))}: name one" if isinstance(data, Mapping) else ""
        raise DataError(
            "A table is wanted, a datasets.Dataset or a list of (text, label), not "
            f"{type(data).__name__}{inside}."
        )
    rows = list(data)
    strange = sum(not isinstance(row, (tuple, list)) or len(row) != 2 for row in rows)
    if strange or not rows:
        raise DataError(f"{strange} of {len(rows)} entries are no pair (text, label).")
    return pd.DataFrame(
        {name: _objects([row[k] for row in rows]) for k, name in enumerate((text, label))}
    )


def _objects(values: list[Any]) -> pd.Series:
    return pd.Series(values, dtype=object)


def _with_names(data: Any, label: str) -> pd.DataFrame:
    """Return a `datasets.Dataset` as a table, with the names of the classes where it has them."""
    table = pd.DataFrame(data.to_pandas())
    known = getattr((getattr(data, "features", None) or {}).get(label), "names", None)
    if known and label in table:
        names = dict(enumerate(known))
        table[label] = _objects([names.get(value, value) for value in table[label]])
    return table


def _require_classes(values: pd.Series, label: str) -> None:
    """Raise unless a column of labels has classes, and no measured amounts."""
    found = values.unique().tolist()
    if len(found) > MOST_VALUES and any(isinstance(value, float) for value in found):
        raise DataError(
            f"'{label}' holds {len(found)} different numbers, fractions among them: that is an "
            "amount, and no class. Regression is not offered: cut it into classes, at edges that "
            "were chosen before the look."
        )


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
    alike = duplicates.components(data.texts, near=duplicates.NEAR if few else 1.0)
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
    key = pd.Series([duplicates.normalise(text) for text in data.texts]).groupby(unit).min()
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
