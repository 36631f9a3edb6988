"""Labelled until the win was significant: looks, p-values, bets, and who is named when."""

from itertools import pairwise, product

import numpy as np
import pytest
from scipy.stats import binomtest

from illusionkit.experiment.power import mcnemar
from illusionkit.illusions import experiment
from illusionkit.illusions.evaluate import optional_stopping as stopping
from illusionkit.illusions.tune import small_sample


@pytest.fixture
def rivals(made_up_features):
    """Contests on made-up features, which no other test sees."""
    from illusionkit.experiment import task

    memories = (small_sample.reviews, task.read_encoded, stopping.contest)
    for memory in memories:
        memory.cache_clear()
    yield
    for memory in memories:
        memory.cache_clear()


def read(looks, arm="flawed", seed=0, **dose):
    return experiment("optional-stopping").read({"looks": looks, **dose}, seed, arm)


def test_looks_lie_at_equal_distances_and_the_last_sees_all():
    leads = np.array([1, -1, 0, 1, 1, 0, -1], dtype=np.int8)
    rows, won, lost = stopping.looked(leads, 3)
    assert (list(rows), list(won), list(lost)) == ([3, 5, 7], [1, 3, 3], [1, 1, 2])


def test_more_looks_than_rows_are_one_after_each_row():
    assert list(stopping.looked(np.ones(3, dtype=np.int8), 50)[0]) == [1, 2, 3]


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (5, 0), (3, 9), (40, 60)])
def test_a_p_value_is_that_of_mcnemar_s_test(won, lost):
    (p,) = stopping.p_values(np.array([won]), np.array([lost]))
    assert p == pytest.approx(mcnemar(np.array([1] * won + [-1] * lost)))
    assert p == pytest.approx(binomtest(won, won + lost).pvalue if won + lost else 1)


def test_a_bet_by_hand():
    assert stopping.bets(np.array([0, 1, 2, 1]), np.array([0, 0, 0, 1])) == pytest.approx(
        [1, 1, 4 / 3, 2 / 3]
    )


def test_a_bet_on_equal_rivals_stays_at_one_on_average():
    paths = np.array(list(product((0, 1), repeat=8))).sum(axis=1)
    assert stopping.bets(paths, 8 - paths).mean() == pytest.approx(1)


def test_of_equal_rivals_a_bet_seldom_reaches_twenty_and_a_p_value_often_five_in_a_hundred():
    steps = np.random.default_rng(3).integers(2, size=(4000, 300))
    won = steps.cumsum(axis=1)
    lost = np.arange(1, 301) - won
    assert (stopping.bets(won, lost) >= 20).any(axis=1).mean() < 0.05
    assert (stopping.p_values(won, lost) < 0.05).any(axis=1).mean() > 0.2


def test_labelling_ends_at_the_first_look_that_is_significant(rivals):
    found = [read(20, seed=seed) for seed in range(12)]
    named = [reading for reading in found if reading.extras["named"]]
    assert named and len(named) < len(found)
    for reading in named:
        leads = reading.apparent_rows.prediction
        assert len(leads) == reading.extras["stop"] and reading.apparent > 0
        assert mcnemar(leads) < 0.05 <= min(mcnemar(leads[:k]) for k in range(50, len(leads), 50))


def test_where_nobody_is_named_nothing_is_reported_or_owed(rivals):
    silent = [r for r in (read(1, seed=seed) for seed in range(8)) if not r.extras["named"]]
    assert silent
    assert all((r.apparent, r.honest, r.extras["stop"]) == (0, 0, 1000) for r in silent)


def test_the_control_looks_once_whatever_the_dose(rivals):
    one, fifty = read(1, "control"), read(50, "control")
    assert one.extras == fifty.extras and one.extras["stop"] == 1000


def test_more_looks_that_hold_the_fewer_name_no_fewer(rivals):
    named = [sum(read(k, seed=s).extras["named"] for s in range(12)) for k in (1, 2, 10, 50)]
    assert all(fewer <= more for fewer, more in pairwise(named))
