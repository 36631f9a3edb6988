"""Copies with slips, a filter that cleans the test too, and the same money in three ways."""

import numpy as np
import pandas as pd
import pytest

from illusionkit.data.slips import words_of
from illusionkit.experiment.task import Task
from illusionkit.illusions.material import slipped_reviews
from illusionkit.illusions.material.slipped_reviews import SLIPS, copies_of, spelled
from illusionkit.illusions.outlook.data_quality import kept, probable
from illusionkit.illusions.outlook.data_quality_money import bought

TEXTS = ["a beautiful and interesting comedy, definitely worth seeing", "zzz qqq"]


def test_a_copy_has_so_many_slips_and_a_text_without_known_words_has_none():
    copy, unknown = spelled(TEXTS, seed=1)
    before, after = words_of(TEXTS[0]), words_of(copy)
    assert sum(a != b for a, b in zip(before, after, strict=True)) == SLIPS
    assert unknown == TEXTS[1]


def test_copies_differ_by_seed_and_repeat_themselves():
    assert spelled(TEXTS, seed=1) == spelled(TEXTS, seed=1)
    assert len({spelled(TEXTS, seed=seed)[0] for seed in range(5)}) > 1


def test_the_copies_of_a_review_are_found_in_the_order_asked_for():
    table = pd.DataFrame({"copy": [0, 0, 0, 2, 1, 1, 2], "original": [0, 1, 2, 0, 2, 0, 2]})
    assert copies_of(table, np.array([2, 0])).tolist() == [[4, 6], [5, 3]]


def test_no_review_has_two_roles():
    table = pd.DataFrame({"unit": np.repeat(np.arange(3000), 2)})
    writers, judges = slipped_reviews._roles(table)
    units = [table["unit"].to_numpy()[rows] for rows in (writers, judges)]
    assert not set(units[0]) & set(units[1])
    assert all(len(set(each)) == len(each) for each in units)


@pytest.mark.parametrize(("share", "left"), [(0.0, [0, 1, 2, 3]), (0.5, [1, 3]), (0.25, [1, 2, 3])])
def test_the_least_worthy_rows_are_thrown_away(share, left):
    worth = np.array([0.1, 0.9, 0.2, 0.8])
    assert np.flatnonzero(kept(worth, share)).tolist() == left


class Sure:
    """A learner that has learned nothing but the commonest label, and is sure of it."""

    features = np.zeros((40, 1))

    def fit(self, train, labels):
        self.classes_ = np.unique(labels)
        self.chances = np.bincount(np.searchsorted(self.classes_, labels)) / len(labels)
        return self

    def predict_proba(self, features):
        return np.tile(self.chances, (len(features), 1))


def test_a_label_is_as_probable_as_the_model_holds_it_and_a_strange_one_not_at_all():
    labels = np.array([1] * 39 + [4])
    table = pd.DataFrame({"label": labels, "unit": np.arange(40), "part": "book"})
    found = probable(Task(table, Sure()), np.arange(40), labels, np.random.default_rng(0))
    assert found[39] == 0
    assert (found[:39] > 0.9).all()


@pytest.mark.parametrize(
    ("price", "arm", "texts", "times"),
    [
        (1, "flawed", 400, 2),
        (1, "labels", 400, 2),
        (1, "more", 400 + 400, 2),  # 1,600 ratings buy 800 rows, half of them copies
        (1, "copies", 400 + 760, 1),  # 80 for the look, 1,520 for new rows
        (0, "more", 400 + 800, 2),
        (3, "copies", 400 + 380, 1),
    ],
)
def test_what_the_money_buys(price, arm, texts, times):
    assert bought(800, price, arm) == (texts, times)
