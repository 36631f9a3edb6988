"""A rare class: rows are thinned as asked, scores are what they say, costs add up."""

import numpy as np
import pytest

from illusionkit.data import credit
from illusionkit.errors import DataError
from illusionkit.experiment import draws
from illusionkit.experiment.reading import Rows
from illusionkit.experiment.task import Task
from illusionkit.illusions import experiment
from illusionkit.illusions.collect import class_imbalance as balance
from illusionkit.models.learners import Probe

TRIAL = "class-imbalance"


@pytest.fixture
def coin(monkeypatch):
    """A learner that knows nothing, so that no test waits."""

    def chances(self, train, labels, test):
        chance = np.random.default_rng(len(test)).random(len(test))
        return np.stack([1 - chance, chance], axis=1)

    monkeypatch.setattr(Probe, "chances", chances)


def rows_of(truth, said, group):
    return Rows(np.array(truth), np.array(said), np.arange(len(truth)), group=np.array(group))


def test_one_group_is_accuracy_and_classes_are_balanced_accuracy():
    from sklearn.metrics import accuracy_score, balanced_accuracy_score

    rng = np.random.default_rng(0)
    truth, said = (rng.random(500) < 0.1).astype(int), (rng.random(500) < 0.2).astype(int)
    score = balance.HIT_RATE.score
    assert score(rows_of(truth, said, 0 * truth)) == pytest.approx(accuracy_score(truth, said))
    balanced = score(rows_of(truth, said, truth))
    assert balanced == pytest.approx(balanced_accuracy_score(truth, said))


def test_weights_count_rows_and_an_empty_group_is_no_score():
    rows = rows_of([1, 0, 0, 0], [1, 0, 1, 0], [1, 0, 0, 0])
    assert balance.HIT_RATE.score(rows, np.array([2.0, 1, 3, 0])) == pytest.approx((1 + 1 / 4) / 2)
    assert np.isnan(balance.HIT_RATE.score(rows, np.array([0.0, 1, 1, 1])))


@pytest.mark.parametrize(("prevalence", "size"), [(0.5, 200), (0.1, 500), (0.01, 800)])
def test_rows_are_thinned_as_asked(prevalence, size):
    label = (np.arange(1000) < 200).astype(int)
    rows = draws.thinned(label, prevalence, size, np.random.default_rng(0))
    assert len(rows) == len(set(rows)) == size
    assert label[rows].sum() == round(prevalence * size)
    assert (np.diff(label[rows]) != 0).sum() >= min(8, label[rows].sum())  # in random order


def test_the_most_rows_at_a_prevalence_can_be_had_and_one_more_can_not():
    label = (np.arange(1000) < 200).astype(int)
    for prevalence in (0.5, 0.2, 0.04):
        most = draws.largest(label, prevalence)
        assert len(draws.thinned(label, prevalence, most, np.random.default_rng(0))) == most
    with pytest.raises(DataError, match=r"take 210 rows with label 1, and there are 200"):
        draws.thinned(label, 0.5, 420, np.random.default_rng(0))
    with pytest.raises(DataError, match=r"take 855 rows with label 0, and there are 800.*842 rows"):
        draws.thinned(label, 0.05, 900, np.random.default_rng(0))
    with pytest.raises(DataError, match=r"take 0 rows with label 1"):
        draws.thinned(label, 0.01, 20, np.random.default_rng(0))


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_a_prevalence_out_of_reach_is_refused(prevalence):
    with pytest.raises(DataError, match=r"between 0 and 1"):
        draws.thinned(np.array([0, 1]), prevalence, 2, np.random.default_rng(0))


def test_one_class_is_refused():
    with pytest.raises(DataError, match=r"one label: there is nothing to tell apart"):
        draws.thinned(np.zeros(10), 0.5, 4, np.random.default_rng(0))


def test_a_model_knows_no_sex_age_or_marriage():
    table = credit.credit_default().head(50)
    plain = balance.described(table)
    assert plain.shape == (50, 55)
    assert np.isfinite(plain).all()
    other = table.assign(sex=1 - table["sex"], age=99, marriage=0, education=0)
    assert np.array_equal(balance.described(other), plain)
    assert not np.array_equal(balance.described(table.assign(late_1=8)), plain)
    late = balance.described(table.assign(late_1=3))
    assert np.array_equal(balance.described(table.assign(late_1=8)), late)


@pytest.mark.parametrize("dose", [0.5, 0.78, 0.99])
def test_rows_to_train_on_and_to_judge_by_are_thinned_alike(coin, monkeypatch, dose):
    noted, reading = [], Task.reading
    monkeypatch.setattr(Task, "reading", lambda s, *a, **k: noted.append(s) or reading(s, *a, **k))
    truth = experiment(TRIAL).read(dose, 2, "cured").honest_rows.truth
    train = noted[0].fits[0].train
    assert (len(train), len(truth)) == (balance.TRAIN_ROWS, balance.TEST_ROWS)
    for label in (noted[0].label[train], truth):
        assert label.mean() == pytest.approx(1 - dose, abs=0.5 / len(label))


def test_no_card_holder_stands_twice():
    table, _ = balance.holders("book")
    assert table["unit"].is_unique


def test_the_arms_differ_as_documented(coin):
    flawed, control, cured = (
        experiment(TRIAL).read(0.9, 1, arm) for arm in ("flawed", "control", "cured")
    )
    truth = flawed.honest_rows.truth
    assert np.array_equal(flawed.apparent_rows.prediction, control.apparent_rows.prediction)
    assert np.array_equal(flawed.honest_rows.group, truth)
    groups = control.honest_rows.group
    assert sorted(groups) == sorted(truth)
    assert abs(np.corrcoef(groups, truth)[0, 1]) < 0.1
    chance = np.random.default_rng(len(truth)).random(len(truth))
    assert np.array_equal(cured.apparent_rows.prediction, chance > 0.1)
    assert np.array_equal(flawed.apparent_rows.prediction, chance > 0.5)


def test_oversampling_draws_the_rarer_class_again_until_the_classes_are_even():
    label = (np.arange(100) < 10).astype(int)
    train = np.arange(0, 100, 2)
    for labels in (label, 1 - label):
        rows = balance.oversampled(labels, train, np.random.default_rng(0))
        assert labels[rows].mean() == 0.5
        assert set(rows) == set(train)
    even = np.tile([0, 1], 5)
    same = balance.oversampled(even, np.arange(10), np.random.default_rng(0))
    assert len(same) == 10


def test_costs_by_hand():
    truth, chance = np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.3, 0.9])
    found = balance._lost(truth, chance, np.array([10.0, 20, 30, 40]))
    assert found["bill_good"] == 30 / 4
    assert found["bill_bad"] == 70 / 4
    assert found["lost_half_5"] == (20 + 5 * 30) / 4
    assert found["lost_costs_5"] == 20 / 4  # above one sixth both defaults are refused
    assert found["lost_half_1"] == found["lost_costs_1"]


def test_corrected_odds_undo_the_oversampling():
    rng = np.random.default_rng(0)
    truth = (rng.random(4000) < 0.05).astype(int)
    plain = np.clip(0.05 + 0.3 * truth * rng.random(4000), 0.01, 0.99)
    prior = truth.mean()
    odds = plain / (1 - plain) * (1 - prior) / prior
    found = balance._compared(truth, plain, odds / (1 + odds))
    for name in ("auc", "average_precision", "log_loss", "recall", "mcc"):
        assert found[f"{name}_corrected"] == pytest.approx(found[f"{name}_plain"])
    assert found["auc_oversampled"] == pytest.approx(found["auc_plain"])
    assert found["log_loss_oversampled"] > found["log_loss_plain"]


def test_units_with_both_labels_are_left_out(monkeypatch):
    table = credit.credit_default().head(4).assign(unit=[1, 1, 2, 2], label=[0, 1, 1, 1])
    monkeypatch.setattr(credit, "credit_default", lambda part: table)
    balance.holders.cache_clear()
    try:
        kept, probe = balance.holders("book")
        assert kept["unit"].tolist() == [2]
        assert len(probe.features) == 1
    finally:
        balance.holders.cache_clear()
