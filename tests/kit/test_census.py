"""The census: the documented rows and columns, whole households, two parts, clear refusals.

Of the confirm part only units, marks and the documented total are looked at, no score.
"""

import hashlib

import numpy as np
import pandas as pd
import pytest

from illusionkit.data import archives, census, tables
from illusionkit.errors import DataError

PART = "3d8ca292597d5300"
"""The first digits of a hash of which households are in the confirm part: it never moves."""


@pytest.fixture(scope="module")
def whole():
    """The table with both parts, before it is cut."""
    return census._census()


def test_the_documented_rows_are_there_without_a_gap(whole):
    assert len(whole) == 277_677
    assert f"{len(whole):,}" in str(census.census.__doc__)
    assert f"{len(whole):,}" in str(census.__doc__)
    assert len(census.census()) == (whole["part"] == "book").sum()
    assert not whole.isna().any().any()


def test_the_columns_are_the_documented_ones():
    table = census.census()
    assert list(table.columns) == ["label", "unit", "year", *census.COLUMNS]
    assert all(kind == np.int64 for kind in table.dtypes)
    assert set(table["label"]) == {0, 1}
    assert set(table["year"]) == set(census.YEARS)
    assert len(census.COLUMNS) == 16
    for name, (_, top) in census.COLUMNS.items():
        assert table[name].between(0, top).all(), name


def test_every_year_has_people_of_both_classes(whole):
    counts = whole.groupby(["year", "label"]).size()
    assert len(counts) == 8
    assert counts.min() > 30_000


def test_a_household_has_one_head_one_year_and_one_part(whole):
    by_unit = whole.groupby("unit")
    assert (by_unit["year"].nunique() == 1).all()
    assert (by_unit["part"].nunique() == 1).all()
    heads = whole["relation"].isin(census.HEADS).groupby(whole["unit"]).sum()
    assert (heads == 1).all()
    married = (whole["relation"] == 1).groupby(whole["unit"]).sum()
    assert married.max() == 1  # the order is the survey's own, or households would be mixed
    share = (whole.drop_duplicates("unit")["part"] == "confirm").mean()
    assert abs(share - 0.1) < 3 * (0.09 / whole["unit"].nunique()) ** 0.5


def test_the_confirm_part_never_moves(whole):
    confirm = (whole.drop_duplicates("unit")["part"] == "confirm").to_numpy()
    assert hashlib.sha256(np.packbits(confirm).tobytes()).hexdigest()[:16] == PART


def test_the_table_may_be_changed_without_harm():
    first = census.census()
    before = int(first["label"].sum())
    first["label"] = 9
    assert int(census.census()["label"].sum()) == before


def shipped(monkeypatch, member, change):
    """Let one of the three tables come changed; return what the loader makes of it."""
    source, members = census.SOURCES["census"]
    small = {name: tables.parquet(source, name).head(200) for name in members}
    small[member] = change(small[member].copy())
    monkeypatch.setattr(tables, "parquet", lambda source, name: small[name])
    return census._census.__wrapped__()


def put(column, value):
    """Return a change of the first row's value in a column."""

    def change(table):
        table[column] = table[column].astype(object)
        table.loc[table.index[0], column] = value
        return table

    return change


def test_a_few_rows_are_read_like_all(monkeypatch):
    table = shipped(monkeypatch, "reference", lambda table: table)
    assert len(table) == 400


@pytest.mark.parametrize(
    ("member", "column"),
    [
        ("reference", "employed"),
        ("reference", "DREM"),
        ("analysis", "year"),
        ("analysis_target", "id"),
        ("analysis_target", "employed"),
    ],
)
def test_a_missing_column_is_named(monkeypatch, member, column):
    with pytest.raises(DataError, match=f"no column '{column}'"):
        shipped(monkeypatch, member, lambda table: table.drop(columns=column))


@pytest.mark.parametrize(
    ("member", "change", "message"),
    [
        ("reference", put("SCHL", "25"), r"1 values of 'schooling' .* from 0 to 24"),
        ("reference", put("SEX", "f"), r"1 values of 'sex' are no whole number"),
        ("reference", put("AGEP", 3.5), r"1 values of 'age' are no whole number"),
        ("reference", put("year", 2014), r"'year' are no whole number from 2015 to 2018"),
        ("analysis", put("MAR", None), r"1 values of 'marriage'"),
        ("analysis_target", put("id", -1), r"1 values of 'label'"),
        ("reference", put("RELP", "2"), r"does not begin with the head of a household"),
    ],
)
def test_a_value_that_is_no_known_code_is_named(monkeypatch, member, change, message):
    with pytest.raises(DataError, match=message):
        shipped(monkeypatch, member, change)


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more"])
def test_a_file_that_is_no_table_is_named(monkeypatch, content):
    monkeypatch.setattr(archives, "read", lambda source, member: content)
    with pytest.raises(DataError, match="'reference' in nannyml is no Parquet table"):
        tables.parquet("nannyml", "reference")


def test_no_shipped_prediction_is_passed_on():
    """The package ships a model's answers beside the rows: a learner that saw them would leak."""
    assert not [name for name in census.census() if "predict" in name]
    assert isinstance(census.census(), pd.DataFrame)
