"""The win by a point: who is named the winner, by what rows, and how many rows a gap takes."""

import numpy as np
import pytest
from scipy.stats import binomtest

from illusionkit.errors import DataError
from illusionkit.experiment import power
from illusionkit.experiment.task import Task
from illusionkit.illusions import experiment
from illusionkit.illusions.evaluate import underpowered_win as contest
from illusionkit.illusions.tune import small_sample


@pytest.fixture
def tasks(made_up_features, monkeypatch):
    """Reviews with made-up features, which no other test sees; and the tasks that were read."""
    from illusionkit.experiment import task

    memories = (small_sample.reviews, task.read_encoded)
    for memory in memories:
        memory.cache_clear()
    noted, reading = [], Task.reading
    monkeypatch.setattr(Task, "reading", lambda s, *a, **k: noted.append(s) or reading(s, *a, **k))
    yield noted
    for memory in memories:
        memory.cache_clear()


def read(arm="flawed", seed=0, **dose):
    return experiment("underpowered-win").read(dose, seed, arm)


def leads(won, lost, level=3):
    return np.array([1] * won + [-1] * lost + [0] * level, dtype=np.int8)


@pytest.mark.parametrize(("won", "lost"), [(3, 1), (1, 3), (10, 2), (7, 7), (40, 60), (300, 200)])
def test_mcnemar_is_a_binomial_test_of_the_rows_that_differ(won, lost):
    assert power.mcnemar(leads(won, lost)) == pytest.approx(binomtest(won, won + lost).pvalue)
    assert power.mcnemar(leads(won, lost, 900)) == power.mcnemar(leads(won, lost, 0))


def test_mcnemar_of_five_to_none_by_hand_and_of_no_difference():
    assert power.mcnemar(leads(5, 0)) == pytest.approx(2 / 2**5)
    assert power.mcnemar(leads(0, 0)) == 1


def test_rows_needed_by_hand():
    both = (1.959964 + 0.841621) ** 2
    assert power.rows_needed(0.01, 0.05) == pytest.approx(both * 0.0499 / 0.0001, rel=1e-5)
    assert power.rows_needed(0.02, 0.1) < power.rows_needed(0.02, 0.3)
    assert power.rows_needed(0.02, 0.1, 0.9) > power.rows_needed(0.02, 0.1)
    assert power.rows_needed(0.1, 0.1) == pytest.approx(both * 9)  # all differences on one side


def test_the_formula_is_met_by_simulated_tests():
    from scipy.stats import binom

    gap, differ = 0.03, 0.12
    rows = round(power.rows_needed(gap, differ))
    shares = [(differ + gap) / 2, (differ - gap) / 2, 1 - differ]
    won, lost, _ = np.random.default_rng(0).multinomial(rows, shares, size=20_000).T
    p = 2 * binom.cdf(np.minimum(won, lost), won + lost, 0.5)
    assert (p < power.LEVEL).mean() == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize("rows", [277, 872, 10_000])
@pytest.mark.parametrize("differ", [0.05, 0.5])
def test_the_smallest_gap_is_the_other_way_round(rows, differ):
    assert power.rows_needed(power.smallest_gap(rows, differ), differ) == pytest.approx(rows)


@pytest.mark.parametrize(
    "bad", [(0, 0.1), (-0.01, 0.1), (0.2, 0.1), (0.01, 1.1), (np.nan, 0.1), (0.01, 0.1, 1.0),
            (0.01, 0.1, 0.05)],
)  # fmt: skip
def test_a_gap_that_can_not_be_is_refused(bad):
    with pytest.raises(DataError, match="can't be: 0 < gap <= disagreement <= 1"):
        power.rows_needed(*bad)


@pytest.mark.parametrize(("rows", "differ"), [(0, 0.1), (-5, 0.1), (60, 0.1), (500, 0.0)])
def test_rows_that_show_no_gap_are_refused(rows, differ):
    with pytest.raises(DataError, match="can't be"):
        power.smallest_gap(rows, differ)


def right(task):
    """Return which rows each of the two rivals gets right, by fitting them once more."""
    return [task.learner.predict(fit.train, task.label[fit.train], np.arange(len(task.table)))
            == task.label for fit in task.fits]  # fmt: skip


def accuracies(task, rows):
    judged = np.isin(task.unit, rows.unit)
    return [hits[judged].mean() for hits in right(task)]


@pytest.mark.parametrize("seed", [0, 1])
def test_the_test_names_the_winner_and_the_holdout_judges_it(tasks, seed):
    flawed, control = (read(arm, seed, rows=200) for arm in ("flawed", "control"))
    one, two = accuracies(tasks[0], flawed.honest_rows)
    assert control.honest == pytest.approx(one - two)
    assert flawed.apparent == abs(control.apparent)
    assert flawed.honest == pytest.approx(np.sign(control.apparent) * (one - two))
    assert len(flawed.apparent_rows.truth) == 200 < len(flawed.honest_rows.truth)


def test_the_cure_names_nobody_unless_the_test_does(tasks, monkeypatch):
    monkeypatch.setattr(contest, "LEVEL", 0.5)  # so that a dozen contests see both
    told = set()
    for seed in range(12):
        flawed, cured = (read(arm, seed, rows=200) for arm in ("flawed", "cured"))
        named = flawed.extras["p"] < 0.5
        wanted = (flawed.apparent, flawed.honest) if named else (0, 0)
        assert (cured.apparent, cured.honest) == wanted
        told.add(named)
    assert told == {True, False}


def test_a_small_test_is_part_of_a_large_one_under_the_same_models(tasks):
    small, large = read("control", rows=50), read("control", rows=1000)
    assert small.honest == large.honest
    assert np.array_equal(small.apparent_rows.prediction, large.apparent_rows.prediction[:50])


@pytest.mark.parametrize(("share", "common"), [(0.0, 0), (0.5, 500), (0.9, 900), (1.0, 1000)])
def test_two_trainings_share_as_many_rows_as_are_asked_for(tasks, share, common):
    reading = read("control", rows=100, shared=share)
    one, two = (fit.train for fit in tasks[0].fits)
    assert len(one) == len(two) == len(set(two)) == contest.TRAIN_ROWS
    assert len(np.intersect1d(one, two)) == common
    assert (reading.extras["disagreement"] == 0) == (share == 1)


def test_too_few_reviews_are_named(tasks, monkeypatch):
    monkeypatch.setattr(contest, "TESTED", 5000)
    with pytest.raises(DataError, match="2000 training reviews are needed"):
        read(rows=50)
