"""The help desk: what is collected, what is misrouted, and what a mere gate would score."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from illusionkit.data.questions import CHATTER
from illusionkit.errors import DataError
from illusionkit.experiment.reading import Rows
from illusionkit.illusions.applications import customer_service as service
from illusionkit.illusions.applications import customer_service_copies as copies
from illusionkit.illusions.material import help_desk

ASKED, TALK = np.arange(2000), np.arange(5000, 7000)


def test_a_thousand_lines_count_each_error_once():
    rows = Rows(np.array([0, 1, CHATTER, 3]), np.array([0, 2, CHATTER, CHATTER]), np.arange(4))
    assert help_desk.MISROUTED.score(rows) == 500 and help_desk.MISROUTED.sign == -1


@pytest.mark.parametrize(
    ("arm", "questions", "talk", "tested"),
    [("flawed", 300, 900, 200), ("control", 300, 0, 800), ("cured", 1200, 900, 800)],
)
def test_an_arm_collects_what_it_says(arm, questions, talk, tested):
    train, ours = service.collected(arm, 0.75, ASKED, TALK)
    assert ((train < 5000).sum(), (train >= 5000).sum()) == (questions, talk)
    assert len(ours) == 800 and (ours < 5000).sum() == tested
    assert not set(train) & set(ours) and len(set(train)) == len(train)


def test_without_small_talk_all_arms_are_one():
    first, *others = (
        service.collected(arm, 0.0, ASKED, TALK) for arm in ("flawed", "control", "cured")
    )
    assert all(np.array_equal(a, b) for other in others for a, b in zip(first, other, strict=True))


def test_too_few_lines_are_named():
    with pytest.raises(DataError, match="1200 questions to train on are needed and 1199"):
        service.collected("cured", 0.5, ASKED[:1999], TALK)
    with pytest.raises(DataError, match="lines of small talk to test on"):
        service.collected("flawed", 0.75, ASKED, TALK[:1499])


def test_the_rivals_by_hand():
    learned = np.array([2, 2, 1, CHATTER, CHATTER, CHATTER])
    told = Rows(
        np.array([1, 2, CHATTER, CHATTER]), np.array([1, CHATTER, CHATTER, 0]), np.arange(4)
    )
    honest = Rows(np.array([2, 1, 1, 1]), np.array([CHATTER, 1, 1, 2]), np.arange(4, 8))
    assert service.rivals(learned, told, honest) == {
        "questions_of_the_test": 500, "chatter_of_the_test": 500, "taken_for_chatter": 250,
        "commonest_desk": 750, "gate": 750,
    }  # fmt: skip


def test_neither_capitals_nor_marks_tell():
    counts = help_desk.words_and_pairs(["Who is it ?", "who is it", "is it who"]).toarray()
    assert (counts[0] == counts[1]).all() and counts[0].sum() == 5
    assert (counts[0] != counts[2]).any()


def test_a_desk_has_kinds_of_its_own():
    table = pd.DataFrame({"fine": ["LOC:city", "NUM:date", "LOC:city"], "label": [4, 5, 4]})
    assert list(copies.kinds(table)) == [0, 1, 0]
    with pytest.raises(DataError, match="another desk's kind"):
        copies.kinds(table.assign(label=[4, 4, 4]))


@pytest.mark.parametrize("whole_units", [False, True])
def test_a_fifth_is_dealt_out_by_lines_or_by_units(whole_units):
    unit = np.repeat(np.arange(10), 5)
    task = SimpleNamespace(unit=unit)
    rows = np.arange(5, 50)
    train, test = copies.dealt(task, rows, np.random.default_rng(0), whole_units=whole_units)
    assert sorted([*train, *test]) == list(rows)
    shared = set(unit[train]) & set(unit[test])
    assert (len(test), bool(shared)) == ((10, False) if whole_units else (9, True))
