"""Four years of a census: 277,677 persons in Massachusetts, and which of them have a job.

Every row is about a person. No row may be printed, nor a figure over fewer than five rows. Like
the corpora, the table has ``label``, ``unit`` and a confirm part. A unit is a household: the
survey lists a household's members together, and draws an address at most once in five years.
Rows with equal values are therefore, as a rule, different persons, and no duplicates.
"""

from __future__ import annotations

import io
from functools import cache as memoised

import numpy as np
import pandas as pd

from illusionkit.data import archives
from illusionkit.data.corpora import _part, _with_part
from illusionkit.errors import DataError

SOURCES = {"census": ("nannyml", ("reference", "analysis", "analysis_target"))}
"""The archive and the members behind the table."""

YEARS = (2015, 2016, 2017, 2018)

COLUMNS = {
    "age": ("AGEP", 120),
    "schooling": ("SCHL", 24),
    "marriage": ("MAR", 5),
    "relation": ("RELP", 17),
    "disability": ("DIS", 2),
    "parents": ("ESP", 8),
    "citizenship": ("CIT", 5),
    "moved": ("MIG", 3),
    "service": ("MIL", 4),
    "ancestry": ("ANC", 4),
    "native": ("NATIVITY", 2),
    "hearing": ("DEAR", 2),
    "sight": ("DEYE", 2),
    "memory": ("DREM", 2),
    "sex": ("SEX", 2),
    "race": ("RAC1P", 9),
}
"""What is known of a person: the survey's own name of each column, and its highest code."""

HEADS = (0, 16, 17)
"""Codes of ``relation`` that begin a unit: who heads a household, or lives in an institution."""


def census(part: str = "book") -> pd.DataFrame:
    """Return 277,677 persons of Massachusetts in the years 2015 to 2018, as the survey codes them.

    Columns: ``label``, 1 for a person with a job; ``unit``, the household; ``year``; and
    `COLUMNS`, whole numbers: ``age`` in years, the others codes, where 0 means not asked. The
    predictions that the package ships beside them are left out.
    Source: American Community Survey; task of Ding et al. 2021, arXiv:2108.04884. Used in
    chapter 3.
    """
    return _part(_census(), part)


TABLES = {"census": census}
"""Every table by name."""


@memoised
def _census() -> pd.DataFrame:
    first, later, label = (_shipped(member) for member in SOURCES["census"][1])
    theirs = [name for name, _ in COLUMNS.values()]
    later = later.merge(_named(label, ["id", "employed"]), on="id", how="left", sort=False)
    wanted = ["employed", "year", *theirs]
    table = pd.concat([_named(each, wanted) for each in (first, later)], ignore_index=True)
    table = _coded(table.set_axis(["label", "year", *COLUMNS], axis=1))
    table.insert(1, "unit", _households(table))
    return _with_part(table, "census", table["unit"].astype(str))


def _shipped(member: str) -> pd.DataFrame:
    """Return a table as it is shipped."""
    source = SOURCES["census"][0]
    content = archives.read(source, member)
    try:
        return pd.read_parquet(io.BytesIO(content))
    except (OSError, ValueError) as error:
        raise DataError(f"census: '{member}' in {source} is no Parquet table: {error}.") from error


def _named(table: pd.DataFrame, wanted: list[str]) -> pd.DataFrame:
    if missing := [name for name in wanted if name not in table]:
        raise DataError(f"census: the file has no column '{missing[0]}'.")
    return table[wanted]


def _coded(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as whole numbers, each of them a known code."""
    highest = {"label": 1, "year": max(YEARS)} | {name: top for name, (_, top) in COLUMNS.items()}
    lowest = {"year": min(YEARS)}
    for name, top in highest.items():
        found = pd.to_numeric(table[name].astype(object), errors="coerce")
        known = found.between(lowest.get(name, 0), top) & (found % 1 == 0)
        if not known.all():
            raise DataError(
                f"census: {(~known).sum()} values of '{name}' are no whole number from "
                f"{lowest.get(name, 0)} to {top}. Has the survey changed its codes?"
            )
        table[name] = found.astype("int64")
    return table


def _households(table: pd.DataFrame) -> np.typing.NDArray[np.int64]:
    """Return the number of each row's household, counted over all years."""
    head = table["relation"].isin(HEADS)
    new_year = table["year"].ne(table["year"].shift())
    if not head[new_year].all():
        raise DataError("census: a year does not begin with the head of a household.")
    return np.asarray(head.cumsum(), dtype=np.int64)
