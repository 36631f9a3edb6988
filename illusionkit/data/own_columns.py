"""Columns of a reader's own table: what their labels, texts and moments are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.errors import DataError

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
UNLABELLED = -1


def named(table: pd.DataFrame, name: Any, role: str) -> pd.Series:
    """Return the column of a table that is called ``name``; ``role`` says in an error what it is.

    Raises
    ------
    DataError
        There is no such column, there are two, or more than one name is given.
    """
    if not isinstance(name, str) and pd.api.types.is_list_like(name):
        raise DataError(f"One column is wanted as {role}, please, not {len(list(name))}.")
    if name not in table:
        there = ", ".join(map(str, table))
        raise DataError(f"There is no column '{name}' ({role}). There are: {there}.")
    return one_column(table[name])


def one_column(given: Any) -> pd.Series:
    """Return a column (Series, array, list) as a Series.

    Raises
    ------
    DataError
        It is a table, one text, or has more than one dimension.
    """
    if isinstance(given, (pd.DataFrame, str, bytes)) or getattr(given, "ndim", 1) != 1:
        what = "a table" if isinstance(given, pd.DataFrame) else "one text, or no column"
        raise DataError(f"One column, please: this is {what}.")
    return given if isinstance(given, pd.Series) else pd.Series(list(given), dtype=object)


def classes(*columns: pd.Series) -> tuple[list[str], list[Array]]:
    """Return the names of the classes in ascending order, and each column's labels as numbers.

    What `label_values` takes for one value is one class. Errors as there.
    """
    return numbered(label_values(*columns))


def label_values(*columns: pd.Series) -> list[pd.Series]:
    """Return columns of labels as whole or other numbers where all of them are, else as texts.

    A number that is written as a text is that number, so that "1", "1.0" and 1 are one class; True
    and False are classes of that name.

    Raises
    ------
    DataError
        A label is missing or -1 (how many is said) or a list, or there is one class only.
    """
    plain = [_plain(one_column(column)) for column in columns]
    whole = pd.concat(plain, ignore_index=True)
    blank = int((whole.isna() | whole.eq(UNLABELLED)).sum())
    if blank:
        raise DataError(
            f"{blank} of {len(whole)} labels are missing or -1, which means unlabelled: leave "
            "those rows out. A class that is called -1 needs another name."
        )
    found = whole.unique().tolist()
    if len(found) < 2:
        raise DataError("All rows have one label: there is nothing to tell apart.")
    if any(isinstance(value, str) for value in found):
        texts = ([written(value) for value in column] for column in plain)
        return [pd.Series(cells, dtype=object) for cells in texts]
    return plain


def numbered(plain: Sequence[pd.Series]) -> tuple[list[str], list[Array]]:
    """Return the names of the classes in ascending order, and each column as their numbers.

    ``plain`` is what `label_values` gives.
    """
    found = sorted(pd.concat(plain, ignore_index=True).unique().tolist())
    place = {value: number for number, value in enumerate(found)}
    codes = [np.array([place[value] for value in column], dtype=np.int64) for column in plain]
    return [written(value) for value in found], codes


def written(value: Any) -> str:
    """Return a label as the name of its class: 1 as "1", 0.5 as "0.5", "good" as it is."""
    return str(value)


def _plain(column: pd.Series) -> pd.Series:
    """Return each label as a number or a text, None where it is missing, as an object."""
    if any(isinstance(cell, (list, dict, set, tuple, np.ndarray)) for cell in column):
        raise DataError("A label is a list: a row has one label here.")
    plain = column if column.dtype == object else column.astype("string")
    text = [None if _is_missing(cell) else str(cell).strip() for cell in plain]
    meant = {cell: None if cell is None else _value(cell) for cell in set(text)}
    return pd.Series([meant[cell] for cell in text], column.index, dtype=object)


def _value(cell: str) -> int | float | str | None:
    """Return the number that a cell is written as, every digit of it, or the cell; None: blank."""
    if not NUMBER.fullmatch(cell):
        return cell or None
    if WHOLE.fullmatch(cell):
        return int(cell)
    number = float(cell)
    return int(number) if number.is_integer() else number


def texts(column: pd.Series) -> tuple[list[str], Array]:
    """Return the texts of a column that are not blank, and a mask (rows,) of where they stand.

    Raises
    ------
    DataError
        An entry is no text and not missing (how many is said), or all are blank.
    """
    cells = one_column(column)
    strange = [not isinstance(cell, str) and not _is_missing(cell) for cell in cells]
    if any(strange):
        raise DataError(
            f"{sum(strange)} of {len(cells)} entries of the column '{cells.name}' are no text "
            "(numbers, lists or such): name another column, or write them as texts."
        )
    there = np.array([isinstance(cell, str) and bool(cell.strip()) for cell in cells], dtype=bool)
    if not there.any():
        raise DataError(f"The column '{cells.name}' has no text: all {len(cells)} are blank.")
    return [cell for cell, kept in zip(cells, there, strict=True) if kept], there


def _is_missing(cell: Any) -> bool:
    return pd.api.types.is_scalar(cell) and bool(pd.isna(cell))


def moments(column: pd.Series) -> pd.Series:
    """Return the moments that a column names; NaT where it names none. Numbers are themselves."""
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return column
    return pd.to_datetime(column.astype("string"), errors="coerce", utc=True, format="mixed")
