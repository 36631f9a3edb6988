"""Two cures on one task: the same reviews, groups by length alone, each way answers all of them."""

import numpy as np
import pytest

from illusionkit.data import corpora
from illusionkit.illusions.material import sturdy_and_fair as both


@pytest.fixture(scope="module")
def said():
    return both.said(0)


def test_the_judging_reviews_stand_twice_and_were_not_trained_on():
    (clean, slipped), label, long = both.judges()
    table = both.reviews("book")[0]
    assert (table["role"].to_numpy()[clean] == "judge").all()
    assert (table["original"].to_numpy()[slipped] == clean).all() and set(label) == {0, 1}
    words = corpora.movie_reviews()["text"].str.split().str.len().to_numpy()[clean]
    assert words[long].min() >= words[~long].max() and 0.3 < long.mean() < 0.7


def test_each_way_answers_each_review_twice(said):
    size = len(both.judges()[1])
    assert set(said) == set(both.WAYS)
    for answers in said.values():
        assert answers.shape == (2, size) and set(np.unique(answers)) == {0, 1}


def test_training_with_slips_and_thresholds_each_change_answers(said):
    assert (said["plain"] != said["sturdy"]).mean() > 0.02
    assert (said["plain"] != said["fair"]).mean() > 0.02


def test_a_seed_decides_everything(said):
    again = both.said(0)
    assert all((said[way] == again[way]).all() for way in both.WAYS)
    assert (both.said(1)["plain"] != said["plain"]).any()


def test_right_answers_are_means_over_seeds(said):
    right, liked, long = both.right(range(1))
    label = both.judges()[1]
    expected = (said["fair"][1] == label).astype(float)
    assert (right["fair", "misspelled"].to_numpy() == expected).all()
    assert (liked[both.WAYS.index("fair"), 1] == said["fair"][1]).all() and len(long) == len(right)
