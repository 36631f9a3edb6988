"""Ordered classes by two losses: the measures are right, and both heads see the same rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from illusionkit.data import corpora
from illusionkit.training import ordinal
from illusionkit.training.book_model import tables


@pytest.fixture
def made_up(monkeypatch):
    """Features that tell a little of the rating, so that no test waits for the encoder."""
    table = tables()["train"].drop_duplicates("unit").reset_index(drop=True)
    noise = np.random.default_rng(0).normal(size=(len(table), 20))
    noise[:, 0] = table["mean"] + noise[:, 0]
    monkeypatch.setattr(ordinal, "reviews", lambda: (table, noise))
    return table


def test_kappa_is_that_of_scikit_learn():
    rng = np.random.default_rng(1)
    true, said = rng.integers(0, 5, (2, 300))
    said = np.where(rng.random(300) < 0.5, true, said)
    weights = rng.integers(0, 4, 300)
    counts = np.zeros((5, 5))
    np.add.at(counts, (true, said), weights)
    wanted = cohen_kappa_score(true, said, weights="quadratic", sample_weight=weights)
    assert ordinal.kappa(counts) == pytest.approx(wanted)
    assert ordinal.kappa(np.stack([counts, np.eye(5)])) == pytest.approx([wanted, 1])


def test_the_scores_by_hand():
    truth = pd.DataFrame({"label": [0, 4, 2], "mean": [-3.0, 3.0, 0.5]})
    answer = ordinal.Told(np.array([0, 3, 2]), np.array([-2.0, 1.0, 0.5]))
    accuracy, error, kappa = ordinal.scores(answer, truth)
    assert (accuracy, error) == pytest.approx((2 / 3, 1))
    wanted = cohen_kappa_score([0, 4, 2], [0, 3, 2], weights="quadratic", labels=range(5))
    assert kappa == pytest.approx(wanted)
    weighed = ordinal.scores(answer, truth, np.array([[1.0, 1, 1], [0, 2, 1]]))
    assert weighed[0] == pytest.approx((accuracy, error, kappa))
    assert weighed[1][:2] == pytest.approx((1 / 3, 4 / 3))


def test_the_parts_share_no_unit_and_leave_the_other_splits_alone():
    table = tables()["train"].drop_duplicates("unit")
    rows = ordinal.draw(7)
    assert {name: len(places) for name, places in rows.items()} == ordinal.SIZES
    assert len(np.unique(np.concatenate(list(rows.values())))) == sum(ordinal.SIZES.values())
    assert len(table) >= sum(ordinal.SIZES.values())
    assert not np.array_equal(ordinal.draw(8)["test"], rows["test"])


def test_a_class_is_the_cut_of_its_rating(made_up):
    answers = ordinal.told(0)
    assert tuple(answers) == ordinal.HEADS
    for name in ordinal.HEADS[1:]:
        cut = np.digitize(answers[name].rating, corpora.CLASS_EDGES)
        assert np.array_equal(answers[name].label, cut)
        assert np.abs(answers[name].rating).max() <= 4
    likeliest = answers[ordinal.HEADS[0]]
    assert len(np.unique(likeliest.rating)) == len(np.unique(likeliest.label))


def test_the_comparison_is_paired_and_holds_its_intervals(made_up):
    found = ordinal.compare((0, 1))
    assert len(found) == 9
    first = found[found["head"] == ordinal.HEADS[0]]
    assert (first[["gain", "gain_lo", "gain_hi"]] == 0).all(axis=None)
    others = found[found["head"] != ordinal.HEADS[0]]
    assert (others["gain_lo"] <= others["gain"]).all()
    assert (others["gain"] <= others["gain_hi"]).all()


def test_a_smaller_error_is_a_gain():
    means = np.array([[0.5, 1.0, 0.4], [0.4, 0.8, 0.5], [0.5, 1.0, 0.4]])
    table = ordinal._table(means, np.repeat(means[:, None], 4, axis=1))
    assert list(table["gain"][3:6]) == pytest.approx([-0.1, 0.2, 0.1])
