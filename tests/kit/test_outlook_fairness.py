"""Gaps between groups: by hand, by fairlearn, and where a rate is of too few rows."""

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as theirs

from illusionkit.experiment.reading import Rows
from illusionkit.illusions.material.fairer import balanced, by_thresholds, odds_gap
from illusionkit.illusions.material.gaps import (
    ASIDE,
    GAP,
    GROUPINGS,
    METRICS,
    compared,
    fewest,
    members,
    told,
)
from illusionkit.illusions.outlook.fairwashing import COMBINATIONS, sizes


def people(size=2000, seed=0):
    rng = np.random.default_rng(seed)
    truth, said = rng.integers(2, size=(2, size))
    return Rows(truth, said, np.arange(size)), rng.random(size) < 0.3


BY_HAND = Rows(
    truth=np.array([1, 1, 0, 0, 1, 1, 0, 0]),
    prediction=np.array([1, 1, 1, 0, 1, 0, 0, 0]),
    unit=np.arange(8),
)
FIRST_HALF = np.arange(8) < 4


@pytest.mark.parametrize(
    ("metric", "gap"),
    [
        ("demographic parity", 3 / 4 - 1 / 4),
        ("equal opportunity", 1 - 1 / 2),
        ("predictive equality", 1 / 2 - 0),
        ("average odds", 1 / 2),
        ("predictive parity", 2 / 3 - 1),
    ],
)
def test_a_gap_by_hand(metric, gap):
    assert GAP.score(compared(BY_HAND, FIRST_HALF, metric)) == pytest.approx(gap)


@pytest.mark.parametrize(
    ("metric", "function"),
    [
        ("demographic parity", theirs.demographic_parity_difference),
        ("equal opportunity", theirs.equal_opportunity_difference),
    ],
)
def test_the_size_of_a_gap_is_what_fairlearn_says(metric, function):
    rows, group = people()
    ours = abs(GAP.score(compared(rows, group, metric)))
    assert ours == pytest.approx(function(rows.truth, rows.prediction, sensitive_features=group))


@pytest.mark.parametrize(("method", "function"), [("worst_case", odds_gap), ("mean", None)])
def test_odds_are_what_fairlearn_says(method, function):
    rows, group = people(seed=3)
    said = theirs.equalized_odds_difference(
        rows.truth, rows.prediction, sensitive_features=group, agg=method
    )
    if function:
        assert function(rows, group) == pytest.approx(said)
    else:  # ours has signs: it can only be smaller
        assert abs(GAP.score(compared(rows, group, "average odds"))) <= said + 1e-12


@pytest.mark.parametrize("metric", METRICS)
def test_a_sign_below_zero_exchanges_the_sides(metric):
    rows, group = people(seed=1)
    scores = [GAP.score(told(rows, group, metric, sign)) for sign in (1, -1)]
    assert scores[0] == pytest.approx(-scores[1])
    assert scores[0] == pytest.approx(-GAP.score(compared(rows, ~group, metric)))


@pytest.mark.parametrize("metric", METRICS)
def test_weights_are_rows_that_stand_there_more_than_once(metric):
    rows, group = people(60)
    weights = np.random.default_rng(2).integers(3, size=60)
    again = np.repeat(np.arange(60), weights)
    repeated = Rows(rows.truth[again], rows.prediction[again], rows.unit[again])
    expected = GAP.score(compared(repeated, group[again], metric))
    assert GAP.score(compared(rows, group, metric), weights.astype(float)) == pytest.approx(
        expected
    )


def test_a_resample_without_a_side_has_no_gap():
    rows, group = people(50)
    assert np.isnan(GAP.score(compared(rows, group, "average odds"), group.astype(float)))
    nobody_refused = Rows(rows.truth, np.zeros(50, dtype=int), rows.unit)
    assert np.isnan(GAP.score(compared(nobody_refused, group, "predictive parity")))


def test_who_is_refused_alike_has_no_gap():
    rows, group = people(50)
    for answer in (0, 1):
        same = Rows(rows.truth, np.full(50, answer), rows.unit)
        for metric in ("demographic parity", "average odds"):
            assert GAP.score(compared(same, group, metric)) == 0
        assert balanced(same) == 0.5


def test_rates_of_fewer_than_five_are_not_looked_at():
    group = np.arange(40) < 4
    rows = Rows(np.arange(40) % 2, np.arange(40) // 2 % 2, np.arange(40))
    few = compared(rows, group, "demographic parity")
    assert fewest(few) == 4
    assert sizes([few, compared(rows, np.arange(40) < 5, "demographic parity")])[0] == np.inf
    assert np.isfinite(sizes([compared(rows, np.arange(40) < 5, "demographic parity")])[0])
    aside = Rows(rows.truth, rows.prediction, rows.unit, group=np.full(40, ASIDE))
    assert fewest(aside) == 0


def test_members_by_code_and_by_year():
    table = pd.DataFrame(
        {"sex": [1, 0, 1], "age": [24, 25, 60], "education": [1, 3, 2], "marriage": [1, 2, 3]}
    )
    found = {name: members(table, name).tolist() for name in GROUPINGS}
    assert found["women"] == [True, False, True]
    assert found["below 25"] == [True, False, False]
    assert found["below 30"] == [True, True, False]
    assert found["graduate school"] == [True, False, False]
    assert found["high school"] == [False, True, False]
    assert found["married"] == [True, False, False]
    assert len(COMBINATIONS) == len(set(COMBINATIONS)) == 35


def test_thresholds_by_group_close_a_gap_that_is_there():
    rng = np.random.default_rng(5)
    truth, group = rng.integers(2, size=(2, 4000))
    chance = np.clip(0.3 + 0.3 * truth + 0.3 * group + 0.15 * rng.standard_normal(4000), 0, 1)
    plain = Rows(truth, (chance > 0.6).astype(int), np.arange(4000))
    mended = by_thresholds(chance, truth, group, chance, group)
    fairer = Rows(truth, mended, np.arange(4000))
    assert odds_gap(plain, group == 1) > 0.3
    assert odds_gap(fairer, group == 1) < 0.05
    assert balanced(fairer) > 0.7
