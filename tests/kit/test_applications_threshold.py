"""A threshold chosen on the test: what a decision costs, which is cheapest, and who judges it."""

import numpy as np
import pytest

from illusionkit.experiment.reading import Rows
from illusionkit.illusions import experiment
from illusionkit.illusions.applications import chosen_threshold
from illusionkit.illusions.applications.chosen_threshold import cheapest, cost
from illusionkit.illusions.collect.class_imbalance import holders

SPEC = experiment("chosen-threshold")
SIZE = 100


def readings(seed=3):
    return {arm: SPEC.read(SIZE, seed=seed, arm=arm) for arm in SPEC.arms}


def test_a_refused_payer_costs_one_a_default_that_was_lent_to_five():
    truth, refused = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    assert cost(truth, refused).tolist() == [0, 1000, 5000, 0]
    rows = Rows(truth, refused, np.arange(4))
    assert chosen_threshold.COST.score(rows) == 1500


@pytest.mark.parametrize(
    ("truth", "chance", "limit"),
    [
        ([0, 0, 1], [0.1, 0.2, 0.3], 0.3),  # the default alone is refused
        ([1, 0, 0, 0], [0.1, 0.2, 0.3, 0.4], 0.1),  # three payers cost less than one default
        ([1] + 6 * [0], [0.1] + 6 * [0.4], np.inf),  # six payers cost more
        ([1] + 5 * [0], [0.1] + 5 * [0.4], 0.1),  # five cost the same: the lowest
        ([0, 0], [0.1, 0.2], np.inf),
        ([1, 1], [0.2, 0.1], 0.1),
        ([0, 1, 0, 1], [0.2, 0.2, 0.2, 0.1], 0.1),  # of one chance all or none are refused
    ],
)
def test_the_cheapest_threshold_by_hand(truth, chance, limit):
    assert cheapest(np.array(truth), np.array(chance)) == limit


def test_no_threshold_is_cheaper_than_the_cheapest():
    rng = np.random.default_rng(0)
    for _ in range(50):
        truth, chance = rng.integers(0, 2, 30), rng.integers(1, 12, 30) / 12
        limits = np.append(np.unique(chance), np.inf)
        costs = [cost(truth, chance >= each).sum() for each in limits]
        assert cheapest(truth, chance) == limits[np.argmin(costs)]


def test_all_arms_report_on_one_test_and_are_judged_by_the_same_others():
    each = readings()
    for name in ("apparent_rows", "honest_rows"):
        rows = [getattr(reading, name) for reading in each.values()]
        assert all((rows[0].unit == other.unit).all() for other in rows[1:])
        assert all((rows[0].truth == other.truth).all() for other in rows[1:])
    assert len(each["flawed"].apparent_rows.unit) == SIZE
    assert len({reading.extras["threshold"] for reading in each.values()}) == len(each)


def test_on_its_own_test_nothing_is_cheaper_than_what_was_chosen_there():
    for seed in range(3, 6):
        each = readings(seed)
        assert each["flawed"].apparent <= min(each[arm].apparent for arm in ("control", "cured"))


def test_those_learnt_from_or_chosen_by_or_tested_never_judge():
    reading = SPEC.read(SIZE, seed=3, arm="control")
    assert np.intersect1d(reading.used_units, reading.honest_rows.unit).size == 0
    used = chosen_threshold.TRAIN + 2 * SIZE
    assert len(reading.used_units) == used
    assert len(np.unique(reading.honest_rows.unit)) == chosen_threshold.JUDGED


def test_the_rivals_choose_nothing_so_every_arm_and_size_has_the_same():
    rivals = ("rule", "lend_to_all", "refuse_all")
    read = [*readings().values(), SPEC.read(3000, seed=3)]
    assert len({tuple(reading.extras[name] for name in rivals) for reading in read}) == 1
    truth, extras = read[0].honest_rows.truth, read[0].extras
    assert extras["refuse_all"] == pytest.approx(1000 * np.mean(truth == 0))
    assert extras["lend_to_all"] == pytest.approx(5000 * np.mean(truth == 1))


def test_chances_inside_are_said_by_scorecards_that_did_not_learn_the_row():
    rows, chances = chosen_threshold.scored(3, "book")
    table, probe = holders("book")
    label = table["label"].to_numpy()
    known = probe.chances(rows[0], label[rows[0]], rows[0][:50])[:, 1]
    assert np.abs(known - chances[0][:50]).max() > 1e-4
    out = np.arange(len(rows[0])) % chosen_threshold.FOLDS == 2
    again = probe.chances(rows[0][~out], label[rows[0][~out]], rows[0][out])[:, 1]
    assert chances[0][out] == pytest.approx(again, abs=1e-6)


def test_a_confirmation_judges_by_the_confirm_part_and_tests_on_the_book():
    reading = SPEC.read(SIZE, seed=3, part="confirm")
    confirm = set(holders("confirm")[0].query("part == 'confirm'")["unit"])
    assert set(reading.honest_rows.unit) <= confirm
    assert not set(reading.apparent_rows.unit) & confirm
