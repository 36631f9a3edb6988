"""The questions and the small talk: the documented lines, five blocks, a fixed draw, two parts."""

import hashlib
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from illusionkit.data import questions, tables
from illusionkit.errors import DataError

PARTS = {"_question_lines": "2823e1ebb4649fe7", "_small_talk": "e77212f0e34bee33"}
"""The first digits of a hash of which units are in the confirm part: it never moves."""


def test_the_documented_lines_are_there():
    whole = questions._question_lines()
    assert len(whole) == 15_452 and whole["fine"].nunique() == 50
    assert len(whole.drop_duplicates(["text", "fine"])) == 5382
    codes = whole["fine"].str.partition(":")[0]
    assert (codes == np.array(questions.CODES)[whole["label"]]).all()
    assert (whole.groupby("copy_of")["unit"].nunique() == 1).all()
    assert (whole.groupby("unit")["part"].nunique() == 1).all()


def test_the_file_is_five_nested_blocks():
    text = questions._question_lines()["text"]
    starts = [0, 1000, 3000, 6000, 10000, len(text)]
    blocks = [text.iloc[a:b] for a, b in pairwise(starts)]
    for early, late in pairwise(blocks):
        assert list(late[: len(early)]) == list(early)


def test_the_small_talk_is_a_fixed_draw_without_copies():
    talk = questions._small_talk()
    assert len(talk) == questions.TALK == talk["text"].nunique()
    assert set(talk["label"]) == {questions.CHATTER}
    assert talk["text"].str.split().map(len).between(3, 25).all()


@pytest.mark.parametrize("name", PARTS)
def test_the_confirm_part_never_moves(name):
    each = getattr(questions, name)().drop_duplicates("unit").sort_values("unit")
    confirm = (each["part"] == "confirm").to_numpy()
    assert abs(confirm.mean() - 0.1) < 3 * (0.09 / len(each)) ** 0.5
    assert hashlib.sha256(np.packbits(confirm).tobytes()).hexdigest()[:16] == PARTS[name]


def test_a_line_is_code_kind_and_text():
    row = questions.parse("\nLOC:city  Where is it ?  \n").iloc[0]
    assert row.to_list() == ["Where is it ?", 4, "LOC:city"]


@pytest.mark.parametrize(
    "text", ["", "LOC:city", "Where is it ?", "LOC Where ?", "LAND:city Where ?"]
)
def test_a_file_of_other_lines_is_refused(text):
    with pytest.raises(DataError, match="a line is not 'CODE:kind text'"):
        questions.parse(f"NUM:date When was it ?\n{text}\n" if text else text)


def test_what_is_drawn_does_not_depend_on_the_order_and_is_neither_short_nor_long():
    lines = [f"these are {n} words" for n in range(20)] + ["too short", "too long " * 13]
    one, other = (questions.drawn(pd.Series(each), 5) for each in (lines, [*lines[::-1], lines[0]]))
    assert one == other and len(set(one)) == 5 and all(len(each.split()) == 4 for each in one)
    with pytest.raises(DataError, match="21 lines are needed and 20 are there"):
        questions.drawn(pd.Series(lines), 21)


def test_another_table_of_dialogue_is_named(monkeypatch):
    monkeypatch.setattr(tables, "csv", lambda source, member: pd.DataFrame({"line": ["a b c"]}))
    with pytest.raises(DataError, match="no column 'statement'"):
        questions._small_talk.__wrapped__()
