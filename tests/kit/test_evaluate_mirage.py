"""The leap that the metric makes: curves, strings, the reader, and what each arm grades."""

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier

from illusionkit.data import digits
from illusionkit.errors import DataError
from illusionkit.experiment.draws import deal
from illusionkit.experiment.reading import Rows
from illusionkit.experiment.task import read
from illusionkit.illusions import experiment
from illusionkit.illusions.evaluate import metric_mirage
from illusionkit.illusions.evaluate.metric_mirage import (
    HALFWAY,
    SHEET,
    SIZES,
    TEST,
    TRAIN,
    cut,
    halfway,
    reader,
    sheets,
)
from illusionkit.models.learners import nearest

SPEC = experiment("metric-mirage")


@pytest.mark.parametrize(
    ("curve", "doublings"),
    [
        ([0, 0.25, 0.5, 1], 2.0),
        ([0, 0, 0, 1], 2.5),
        ([0.2, 0.6], 0.5),
        ([0.4, 0.7, 0.8], 2 / 3),
        ([0, 0.8, 0.2, 1], 0.625),  # the first time counts
        ([0, 0, 0, 0], 3.0),
        ([0.5, 0.9, 0.5], 2.0),
        ([0.5, 0.4], 1.0),
    ],
)
def test_where_half_of_the_gain_is_made(curve, doublings):
    assert halfway(np.array(curve)) == pytest.approx(doublings)


def test_a_power_of_a_steady_curve_comes_later():
    steady = np.linspace(0.3, 0.9, 8)
    late = [halfway(steady**length) for length in (1, 2, 4, 8, 16)]
    assert late[0] == pytest.approx(3.5) and (np.diff(late) > 0.2).all()


def test_the_score_weighs_the_strings():
    early, late = [0, 1, 1], [0, 0, 1]
    rows = Rows(np.zeros(2), np.zeros(2), np.arange(2), np.array([early, late], float))
    assert HALFWAY.score(rows, np.array([1.0, 0.0])) == 0.5
    assert HALFWAY.score(rows, np.array([0.0, 3.0])) == 1.5
    assert HALFWAY.score(rows) == 1.0


def test_strings_are_cut_out_of_one_sheet():
    whole = np.arange(2 * SHEET).reshape(2, SHEET)
    assert cut(whole, SHEET).tolist() == whole.tolist()
    assert cut(whole, 1).shape == (2 * SHEET, 1)
    fives = cut(whole, 5)
    assert fives.shape == (6, 5) and fives[2].tolist() == [10, 11, 12, 13, 14]
    assert fives[3, 0] == SHEET and 15 not in fives
    assert cut(whole[..., None], 4).shape == (8, 4, 1)


def test_every_row_lies_on_at_most_one_sheet_of_its_own_part():
    table = pd.DataFrame({"part": ["book"] * 50 + ["confirm"] * 20})
    dealt, book = sheets(table)
    assert dealt.shape == (4, SHEET) and book.tolist() == [True, True, True, False]
    assert len(set(dealt.ravel())) == dealt.size
    assert (dealt[book] < 50).all() and (dealt[~book] >= 50).all()
    alone, _ = sheets(table.head(50))
    assert alone.tolist() == dealt[book].tolist(), "a confirmation deals the book as before"


def test_the_nearest_of_each_kind():
    known = np.array([[0, 0], [3, 4], [1, 0]], np.uint8)
    asked = np.array([[0, 1], [3, 3]], np.uint8)
    far = nearest(known, np.array([2, 7, 2]), asked) + (asked.astype(float) ** 2).sum(1)[:, None]
    assert far[:, 2].tolist() == [1, 13] and far[:, 7].tolist() == [18, 1]
    assert np.isinf(np.delete(far, [2, 7], axis=1)).all()


def test_the_reader_is_a_nearest_neighbour():
    """It agrees with scikit-learn's at every size; a digit of rank one is a digit read right."""
    table = read(digits.digits, "book")
    grey, label = digits.pixels(table).astype(float), table["label"].to_numpy()
    dealt, book = sheets(table)
    train, test = deal(book, np.random.default_rng([3, 61]), TRAIN, TEST)
    known, asked = dealt[train].ravel(), dealt[test].ravel()
    unit, truth, said, rank = reader(3, "book")
    assert len(known) == SIZES[-1] and not set(known) & set(asked)
    assert truth.ravel().tolist() == label[asked].tolist()
    assert unit.tolist() == table["unit"].to_numpy()[dealt[test][:, 0]].tolist()
    for k, size in enumerate(SIZES):
        other = KNeighborsClassifier(1).fit(grey[known[:size]], label[known[:size]])
        agree = other.predict(grey[asked]) == said[..., k].ravel()
        assert agree.mean() > 0.999, "but for images equally far"
    assert ((rank == 1) == (said == truth[..., None])).mean() > 0.999
    assert rank.min() == 1 and rank.max() <= 10


@pytest.fixture
def told(monkeypatch):
    """Two sheets read by hand: right at first in one digit only, at last in all but one."""
    truth = np.tile(np.arange(SHEET) % 10, (2, 1))
    said = np.repeat((truth + 1)[..., None] % 10, 3, axis=-1)
    said[:, 1:2, 0] = truth[:, 1:2]
    said[:, :8, 1], said[..., 2] = truth[:, :8], truth
    said[1, 0, 2] = 9
    monkeypatch.setattr(metric_mirage, "SIZES", SIZES[:3])
    rank = np.where(said == truth[..., None], 1, 4)
    monkeypatch.setattr(
        metric_mirage, "reader", lambda seed, part: (np.arange(2), truth, said, rank)
    )


@pytest.mark.parametrize(
    ("arm", "length", "scores"),
    [
        ("flawed", 16, [0, 0, 0.5]),
        ("flawed", 8, [0, 0.5, 0.75]),
        ("flawed", 1, [1 / 16, 0.5, 31 / 32]),
        ("control", 16, [0, 1, 0.5]),
        ("control", 8, [0, 0.5, 0.75]),
        ("cured", 16, [(1 + 15 / 4) / 16, (8 + 8 / 4) / 16, (31 + 1 / 4) / 32]),
    ],
)
def test_what_each_arm_grades(told, arm, length, scores):
    reading = SPEC.read(length, 0, arm)
    assert reading.apparent_rows.probability.mean(axis=0) == pytest.approx(scores)
    assert reading.honest_rows.probability.mean(axis=0) == pytest.approx([1 / 16, 0.5, 31 / 32])
    assert len(reading.apparent_rows.unit) == 2 * SHEET // length


def test_strings_of_one_are_digits(told):
    flawed, control = (SPEC.read(1, 0, arm) for arm in ("flawed", "control"))
    assert flawed.apparent == flawed.honest == control.apparent


def test_too_few_digits_are_named(monkeypatch):
    few = digits.digits().head(TRAIN * SHEET - 1)
    monkeypatch.setattr(digits, "digits", lambda part="book": few)
    reader.cache_clear()
    try:
        with pytest.raises(DataError, match="80 sheets of sixteen digits to train on are needed"):
            SPEC.read(16, 0)
    finally:
        reader.cache_clear()
