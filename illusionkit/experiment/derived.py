"""More about a reading than its two scores, from the rows that it kept: no `run` is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from illusionkit.errors import DataError
from illusionkit.experiment.reading import Metric, Reading, Rows
from illusionkit.experiment.sweep import Cell


def derive(readings: Mapping[Cell, Reading], **columns: Callable[[Reading], float]) -> pd.DataFrame:
    """Return a table beside the readings of `experiment.sweep.sweep`, one row a reading.

    Columns: arm, dose, seed; then one for each of ``columns``, by its name: what the function
    says of the reading. Order as in ``readings``.
    """
    rows = [
        {**vars(cell), **{name: float(says(reading)) for name, says in columns.items()}}
        for cell, reading in readings.items()
    ]
    return pd.DataFrame(rows, columns=["arm", "dose", "seed", *columns])


def group_gap(metric: Metric, rows: Rows | None) -> float:
    """Return how much better the best group of rows scores than the worst one.

    Groups below 0 are set aside. Scores keep the unit of ``metric``; the gap is never below 0.

    Raises
    ------
    DataError
        The rows have no groups, or fewer than two.
    """
    groups = None if rows is None else rows.group
    names = [] if groups is None else [name for name in np.unique(groups) if name >= 0]
    if rows is None or groups is None or len(names) < 2:
        raise DataError("A gap between groups needs rows of at least two groups.")
    scores = [metric.score(rows, (groups == name).astype(float)) for name in names]
    return max(scores) - min(scores)
