"""Four years of a census: 277,677 persons in Massachusetts, and which of them have a job.

Every row is about a person. No row may be printed, nor a figure over fewer than five rows. A unit
is a household: the survey lists a household's members together, and draws an address at most once
in five years. Rows with equal values are therefore, as a rule, different persons, no duplicates.
"""

from __future__ import annotations

from functools import cache as memoised

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import tables
from illusionkit.data.tables import NUMBER, Columns
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
    return tables.one_part(_census(), part)


@memoised
def _census() -> pd.DataFrame:
    source, members = SOURCES["census"]
    first, later, label = (tables.parquet(source, member) for member in members)
    known: Columns = {"id": ("id", NUMBER), "employed": ("employed", range(2))}
    later = later.merge(tables.coded(label, known, "census"), on="id", how="left", sort=False)
    columns: Columns = {
        "label": ("employed", range(2)),
        "year": ("year", range(YEARS[0], YEARS[-1] + 1)),
    }
    columns |= {name: (theirs, range(top + 1)) for name, (theirs, top) in COLUMNS.items()}
    both = [tables.coded(shipped, columns, "census") for shipped in (first, later)]
    table = pd.concat(both, ignore_index=True)
    table.insert(1, "unit", _households(table))
    return tables.with_part(table, "census", table["unit"].astype(str))


def _households(table: pd.DataFrame) -> Array:
    """Return the number of each row's household, counted over all years."""
    head = table["relation"].isin(HEADS)
    new_year = table["year"].ne(table["year"].shift())
    if not head[new_year].all():
        raise DataError("census: a year does not begin with the head of a household.")
    return np.asarray(head.cumsum(), dtype=np.int64)
