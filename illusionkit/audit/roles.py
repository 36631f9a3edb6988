"""What the columns of a table are: named by its owner, or guessed, and then it is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import own_columns
from illusionkit.data.own_columns import moments
from illusionkit.errors import DataError

ASKED = ("label", "text", "group", "time", "prediction")
WORDS = {
    "label": ("label", "target", "class", "y", "stars", "rating", "outcome", "sentiment"),
    "group": ("user", "author", "document", "doc", "patient", "customer", "household", "group"),
    "time": ("date", "time", "timestamp", "created", "year"),
}
"""Names by which a column is guessed, the likeliest first."""
MANY_CLASSES, PROSE, LONG = 50, 3, 12
"""More distinct numbers than this are no classes; from so many words a cell is a text, or, where
words are not set apart by blanks, from so many signs."""


@dataclass(frozen=True)
class Roles:
    """The names of the columns that have a role; None where there is none."""

    label: str
    text: str | None = None
    group: str | None = None
    time: str | None = None
    prediction: str | None = None
    guessed: tuple[str, ...] = ()

    @property
    def known(self) -> list[str]:
        """Return the columns with a role."""
        return [name for name in map(self.__getattribute__, ASKED) if name]


def roles(table: pd.DataFrame, given: Mapping[str, str | None]) -> Roles:
    """Return the roles of a table's columns; those that are not ``given`` are guessed.

    Raises
    ------
    DataError
        A column that was named is not there, or no label was named and none can be guessed.
    """
    for role, name in given.items():
        there = said_in(table, name) if role == "prediction" else name is None or name in table
        if name is not None and not there:
            raise DataError(f"There is no column '{name}' ({role}). There are: {_names(table)}.")
    found = {role: given.get(role) for role in ASKED}
    taken = {name for name in found.values() if name}
    guessed = []
    for role in ("label", "text", "group", "time"):
        if found[role] is None and (name := _guess(table, role, taken)):
            found[role] = name
            taken.add(name)
            guessed.append(role)
    if found["label"] is None:
        raise DataError(f"Which column is the label? Name one of: {_names(table)}.")
    label = str(found.pop("label"))
    return Roles(label, **found, guessed=tuple(guessed))


def said_in(table: pd.DataFrame, name: str | None) -> list[str]:
    """Return the columns of predictions of that name: itself, or ``name_class`` of each class."""
    if name is None or name in table:
        return [name] if name else []
    return [str(each) for each in table if str(each).startswith(f"{name}_")]


def _names(table: pd.DataFrame) -> str:
    return ", ".join(map(str, table))


def _guess(table: pd.DataFrame, role: str, taken: set[str]) -> str | None:
    free = [name for name in table if name not in taken]
    if role == "text":
        sizes = {str(name): length(table[name]) for name in free if is_text(table[name])}
        return max(sizes, key=lambda name: sizes[name], default=None)
    for word in WORDS[role]:
        for name in free:
            parts = str(name).lower().replace("-", "_").split("_")
            if word in parts and _fits(table[name], role):
                return str(name)
    return None


def _cells(column: pd.Series) -> list[str]:
    return [value for value in column.head(300) if isinstance(value, str)]


def length(column: pd.Series) -> float:
    """Return the signs of a cell on average, over a few hundred cells; 0 for what is no text."""
    cells = _cells(column)
    return float(np.mean([len(value) for value in cells])) if cells else 0.0


def is_spaced(column: pd.Series) -> bool:
    """Return whether cells have some words, set apart by blanks."""
    return bool(np.mean([len(value.split()) for value in _cells(column)] or [0]) >= PROSE)


def is_text(column: pd.Series) -> bool:
    """Return whether a column holds texts, and no numbers, dates, names or categories."""
    cells = _cells(column)
    wide = length(column) >= LONG and any(ord(sign) > 0x2E7F for cell in cells for sign in cell)
    return (is_spaced(column) or wide) and len(set(cells)) > len(cells) / 2


def _fits(column: pd.Series, role: str) -> bool:
    distinct = column.nunique()
    if role == "label":
        return 1 < distinct <= MANY_CLASSES
    if role == "group":
        return 1 < distinct < 0.9 * len(column)
    return bool(moments(column).notna().mean() > 0.9)


def classes(*columns: pd.Series) -> tuple[list[str], list[Array]]:
    """Return the names of the classes in ascending order, and each column's labels as numbers.

    The labels are those of `own_columns.label_values`, with its errors. A column of more than
    `MANY_CLASSES` different numbers is cut at its median.
    """
    plain = own_columns.label_values(*columns)
    whole = pd.concat(plain, ignore_index=True)
    numbers = not whole.map(lambda value: isinstance(value, str)).any()
    if numbers and whole.nunique() > MANY_CLASSES:
        middle = float(whole.astype(float).median())
        names = [f"up to {middle:g}", f"above {middle:g}"]
        return names, [(column > middle).to_numpy().astype(int) for column in plain]
    return own_columns.numbered(plain)
