"""The table with four flaws: each flaw is there when it is in, and gone when it is taken out."""

import numpy as np
import pytest

from illusionkit.audit import audit, four_flaws
from illusionkit.audit.four_flaws import COLUMN, COPIES, DOCUMENTS, READER, given


@pytest.fixture(scope="module")
def found():
    tables = given()
    report = audit(tables.train, tables.test, label="label", text="text", group="document")
    return tables, {finding.check: finding for finding in report.findings}


def agreement(rows):
    """Return the share of answered rows whose answer goes with the label, of each reader."""
    told = rows[rows["answer"] != "none"]
    goes = told["answer"].map({"thanks": "praise", "sorry": "complaint"}) == told["label"]
    return goes.groupby(told["reader"]).mean()


def test_the_place_of_use_shares_no_document_and_has_no_answer():
    tables = given(1)
    table = set(tables.train["document"]) | set(tables.test["document"])
    assert not table & set(tables.use["document"])
    assert set(tables.use["answer"]) == {"none"}


def test_the_same_seed_gives_the_same_tables_and_another_seed_gives_others():
    for one, two in zip(given(3), given(3), strict=True):
        assert one.equals(two)
    assert not given(3).test.equals(given(4).test)


def test_only_the_hasty_reader_turned_labels():
    share = 1 - agreement(given().train)
    assert share.drop("C").max() == 0
    assert 0.12 < share["C"] < 0.28  # a fifth of some 330 labels
    assert agreement(given(without=[READER]).train).min() == 1


def test_without_the_column_the_answers_are_dealt_by_lot():
    rows = given(without=[COLUMN, READER]).train
    assert abs(agreement(rows).mean() - 0.53) < 0.06  # .62 squared and .38 squared
    assert abs((rows["answer"] == "none").mean() - 0.05) < 0.02


def test_documents_part_only_where_rows_are_split_by_lot():
    for without, shared in ((), True), ((DOCUMENTS,), False):
        tables = given(without=[COPIES, *without])
        assert bool(set(tables.train["document"]) & set(tables.test["document"])) == shared


def test_copies_replace_rows_and_are_near_to_test_rows(found):
    tables, known = found
    assert len(tables.train) == len(given(without=[COPIES]).train)
    planted = round(0.2 * len(tables.test))
    near = known["near copies"].rows.sum() + known["copies"].rows.sum()
    assert 0.75 * planted <= near <= planted + 3


def test_the_audit_names_three_and_not_whose_labels_are_wrong(found):
    tables, known = found
    assert {"gives the label away", "near copies", "units on both sides"} <= set(known)
    assert "reader" not in " ".join(each.seen for each in known.values())
    case = four_flaws.case(tables.train, tables.test)
    right = tables.test.assign(right=case.right).groupby("reader")["right"].mean()
    assert right.idxmin() == "C" and right["C"] < right.drop("C").min() - 0.1


def test_a_flaw_that_is_not_of_the_four_is_refused():
    with pytest.raises(ValueError, match="no such flaw: typos"):
        given(without=["typos"])


def test_scores_are_shares_and_the_table_says_more_than_the_place_of_use():
    said, used = four_flaws.scores(given(5))
    assert 0.85 < said <= 1 and 0.4 < used < 0.75 and np.isfinite([said, used]).all()
