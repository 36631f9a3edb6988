"""The table behind `explore`: two scores over the doses of a knob, checked before it is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, float]


@dataclass(frozen=True)
class Columns:
    """The names of the columns to show: the knob, the two scores, the group or None."""

    knob: str
    scores: tuple[str, str]
    by: str | None

    @property
    def keys(self) -> list[str]:
        """Return the columns whose values name one row."""
        return [*([self.by] if self.by else []), self.knob]

    def numeric(self, table: pd.DataFrame) -> list[str]:
        """Return the columns of numbers to show: knob, scores, optimism, and their intervals."""
        found = [self.knob]
        for name in (*self.scores, "optimism"):
            if name in table.columns:
                pair = [f"{name}_lo", f"{name}_hi"]
                found += [name, *(pair if set(pair) <= set(table.columns) else [])]
        return found


def arms(table: pd.DataFrame, columns: Columns) -> dict[str, list[Row]]:
    """Return ``{group: rows}``: groups in order of first appearance, doses ascending.

    Without a group column there is one group, named "". Raises ValueError for a missing column,
    an empty table, a repeated (group, knob), a value that is not finite, or an interval that
    does not hold its score.
    """
    checked = _checked(table, columns)
    if not columns.by:
        return {"": _rows(checked, columns)}
    named = checked[columns.by].astype(str)
    return {arm: _rows(checked[named == arm], columns) for arm in dict.fromkeys(named)}


def _checked(table: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    missing = [name for name in (*columns.keys, *columns.scores) if name not in table.columns]
    if missing:
        has = ", ".join(map(str, table.columns))
        raise ValueError(f"the table has no column {', '.join(missing)}; it has: {has}")
    if not len(table):
        raise ValueError("the table is empty: explore needs at least one row")
    checked = table.reset_index(drop=True)
    for name in columns.numeric(checked):
        _check_finite(checked, name)
    _check_once(checked, columns)
    _check_intervals(checked, columns)
    return checked


def _check_finite(table: pd.DataFrame, name: str) -> None:
    for row, value in enumerate(table[name]):
        try:
            good = math.isfinite(float(value))
        except (TypeError, ValueError):
            good = False
        if not good:
            raise ValueError(
                f"column {name!r} holds {value!r} in row {row}: every value shown must be a "
                "finite number; drop such rows, or measure them again"
            )


def _check_once(table: pd.DataFrame, columns: Columns) -> None:
    repeated = table[table.duplicated(columns.keys)]
    if len(repeated):
        where = ", ".join(f"{key} = {repeated.iloc[0][key]}" for key in columns.keys)
        other = "" if columns.by else ", or name the column that tells them apart with by="
        raise ValueError(f"several rows for {where}: one row each is needed; average them{other}")


def _check_intervals(table: pd.DataFrame, columns: Columns) -> None:
    shown = columns.numeric(table)
    for name in (name for name in shown if f"{name}_lo" in shown):
        outside = ~table[name].astype(float).between(table[f"{name}_lo"], table[f"{name}_hi"])
        if outside.any():
            row = int(outside.to_numpy().argmax())
            raise ValueError(
                f"the interval {name}_lo to {name}_hi does not hold {name} in row {row}: "
                "check the order of the two ends"
            )


def _rows(table: pd.DataFrame, columns: Columns) -> list[Row]:
    names: Sequence[str] = columns.numeric(table)
    values = table[list(names)].astype(float).sort_values(columns.knob, kind="stable")
    return [dict(zip(names, row, strict=True)) for row in values.itertuples(index=False, name=None)]
