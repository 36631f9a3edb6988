"""What every experiment needs of its data, said in words where a library would only stop.

An experiment names what is particular to it. This module names the rest: labels to tell apart,
more than one unit, no group of one, and columns that are there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from illusionkit.errors import DataError, DesignError

if TYPE_CHECKING:
    import pandas as pd

STOPS = (ValueError, KeyError, IndexError, ZeroDivisionError, DesignError)
"""What stops a run where rows, classes or columns are missing."""


@contextmanager
def explained(experiment_id: str) -> Iterator[None]:
    """Turn a stop inside an experiment's run into a `DataError` that names it and its need.

    Used in chapter 3.
    """
    try:
        yield
    except DataError as error:
        raise DataError(f"'{experiment_id}' can't be run on these data. {error}") from error
    except STOPS as error:
        raise DataError(
            f"'{experiment_id}' can't be run on these data ({type(error).__name__}: {error}). It "
            "needs rows of at least two labels and of several units on every side, and every "
            "column that it reads, with more than one value."
        ) from error


def check_whole(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table as it is, or raise `DataError` where a value is missing."""
    missing = table.isna().sum()
    if missing.any():
        column = missing.idxmax()
        raise DataError(
            f"The column '{column}' has {missing[column]} rows without a value: fill them in, or "
            "leave those rows out."
        )
    return table


def check_judged(experiment_id: str, reading: Any, *, rate: bool) -> None:
    """Raise `DataError` unless the judged rows can tell anything.

    ``reading`` is an `experiment.reading.Reading`; ``rate`` says that one label is meant.
    Used in chapter 3.
    """
    honest = reading.honest_rows
    for rows in (reading.apparent_rows, honest):
        group = None if rows is None else rows.group
        if group is not None and (np.unique(group[group >= 0], return_counts=True)[1] == 1).any():
            raise DataError(
                f"'{experiment_id}' has a group of one row, which has no rate: join groups, or "
                "collect more rows."
            )
    judged = reading.apparent_rows if honest is None else honest  # None: the truth is known
    if not rate and len(np.unique(judged.truth)) < 2:
        raise DataError(
            f"'{experiment_id}' is judged by rows of one label: there is nothing to tell apart. "
            "It needs rows of at least two."
        )
    if len(np.unique(judged.unit)) < 2:
        raise DataError(
            f"'{experiment_id}' is judged by one unit, of which no interval can be had. It needs "
            "rows of several: split what belongs together less coarsely, or collect more."
        )
