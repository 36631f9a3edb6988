"""A test that many look at: coins, their best, the Ladder, and a vote."""

import numpy as np
import pytest

from illusionkit.illusions import experiment
from illusionkit.illusions.evaluate import test_reuse as reuse
from illusionkit.illusions.evaluate.test_reuse_vote import ladder


def test_the_best_of_few_coins_by_hand():
    assert reuse.expected_best(1, 1000) == pytest.approx(0.5)
    assert reuse.expected_best(2, 1) == pytest.approx(0.75)  # both are wrong once in four times
    assert reuse.expected_best(2, 2) == pytest.approx(11 / 16)  # 1 in 7 of 16, 1/2 in 8 of 16


def test_the_expected_best_is_what_coins_show():
    thrown = reuse.coins(200 * 50, 100, np.random.default_rng(0)).mean(axis=1).reshape(200, 50)
    spread = thrown.max(axis=1).std() / 200**0.5
    assert abs(thrown.max(axis=1).mean() - reuse.expected_best(50, 100)) < 4 * spread


def test_a_ladder_tells_only_what_is_better_by_a_step():
    assert ladder(np.array([0.54, 0.56, 0.6, 0.64, 0.9]), 100).tolist() == [
        0.5,
        0.56,
        0.56,
        0.64,
        0.9,
    ]


def test_both_sets_of_reviews_are_apart_and_predicted_without_a_fault():
    test, other = reuse.tests(3, 200, "book")
    assert len(set(test.unit)) == len(set(other.unit)) == 200 and not set(test.unit) & set(
        other.unit
    )
    assert (test.truth == test.prediction).all() and set(test.truth) == {0, 1}


def test_who_is_not_chosen_is_not_the_winner():
    spec = experiment("test-reuse")
    flawed, control, cured = (spec.read(50, seed=4, arm=arm) for arm in spec.arms)
    assert flawed.apparent > max(control.apparent, cured.apparent)
    assert flawed.extras["expected_of_the_best"] == reuse.expected_best(50, 1000)


def test_a_vote_of_one_is_that_coin_and_more_vote_better_on_the_test_that_let_them():
    spec = experiment("test-reuse-vote")
    assert spec.read(1, seed=4).extras["voters"] == 1
    assert spec.read(200, seed=4).apparent > spec.read(200, seed=4, arm="control").apparent + 0.05
