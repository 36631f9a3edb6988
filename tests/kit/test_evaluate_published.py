"""Published numbers, made again: verdicts at the edge, and each paper's procedure by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from illusionkit.errors import DataError, ResultsError
from illusionkit.experiment.published import Published, interval
from illusionkit.experiment.reading import Rows
from illusionkit.experiment.results import Results
from illusionkit.illusions.evaluate import reusable_holdout as reusable
from illusionkit.illusions.evaluate import scaling_published as scaling
from illusionkit.illusions.evaluate import wrong_cross_validation as wrong
from illusionkit.illusions.material import attributes


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.621, 0.639, "reproduced"),
        (0.619, 0.631, "inconclusive"),
        (0.625, 0.645, "inconclusive"),
        (0.60, 0.66, "inconclusive"),
        (0.641, 0.645, "not reproduced"),
        (0.50, 0.619, "not reproduced"),
    ],
)
def test_a_verdict_needs_the_whole_interval(low, high, said):
    assert Published(0.63, 0.01).verdict(low, high) == said


@pytest.mark.parametrize("ends", [(0.7, 0.6), (np.nan, 0.6)])
def test_an_interval_the_wrong_way_round_has_no_verdict(ends):
    with pytest.raises(DataError, match="from low to high"):
        Published(0.63, 0.01).verdict(*ends)


def test_an_interval_of_executions_is_the_one_by_hand():
    low, high = interval([1.0, 2.0, 3.0])
    half = 4.30265 / np.sqrt(3)  # t with 2 degrees of freedom at 97.5 %; the spread is 1
    assert (low, high) == pytest.approx((2 - half, 2 + half), abs=1e-4)
    narrower = interval([1.0, 2.0, 3.0], level=0.9)
    assert low < narrower[0] and narrower[1] < high
    with pytest.raises(DataError, match="at least 2"):
        interval([1.0])


def test_executions_are_scores_or_extras_of_one_cell():
    table = pd.DataFrame(
        {
            "arm": ["flawed", "flawed", "cured"],
            "dose": [5.0, 5.0, 5.0],
            "apparent": [0.6, 0.7, 0.5],
            "extras": ['{"reported": 1}', '{"reported": 2}', '{"reported": 3}'],
        }
    )
    kept = Results(table, table, {})
    assert kept.each("apparent", dose=5).tolist() == [0.6, 0.7]
    assert kept.each("reported", "cured", 5).tolist() == [3]
    with pytest.raises(ResultsError, match="no executions of arm 'control' at dose 5"):
        kept.each("apparent", "control", 5)


def test_attributes_are_kept_when_large_on_both_sides_with_one_sign():
    train = np.array([0.3, -0.2, 0.4, 0.2, 0.09, -0.5])
    told = np.array([0.2, -0.3, -0.4, 0.09, 0.3, -0.11])
    columns, signs = reusable.chosen(train, told, 10, rows=100)  # large: above a tenth
    assert columns.tolist() == [5, 0, 1] and signs.tolist() == [-1, 1, -1]
    assert reusable.chosen(train, told, 1, rows=100)[0].tolist() == [5]


def test_thresholdout_repeats_training_where_the_holdout_agrees():
    rng = np.random.default_rng(0)
    train, holdout = np.zeros(20_000), np.full(20_000, 0.02)
    said = reusable.thresholdout(train, holdout, 0.2, rng)
    assert np.mean(said == 0) > 0.99
    far = reusable.thresholdout(train, holdout + 0.5, 0.2, rng)
    assert np.mean(far == 0) < 0.01
    assert far.mean() == pytest.approx(0.52, abs=0.002)
    assert far.std() == pytest.approx(0.05, abs=0.002)


def test_an_attribute_is_the_same_alone_and_among_others():
    several = attributes.attributes(3, attributes.TRAIN, [4, 7], 50)
    assert np.array_equal(several[1], attributes.attributes(3, attributes.TRAIN, [7], 50)[0])
    assert not np.array_equal(several[1], attributes.attributes(3, attributes.HOLDOUT, [7], 50)[0])
    assert not np.array_equal(several[1], attributes.attributes(4, attributes.TRAIN, [7], 50)[0])


def test_correlations_are_scipys_and_a_constant_has_none():
    rng = np.random.default_rng(1)
    x, label = rng.normal(size=(20, 3)), rng.integers(2, size=20)
    x[:, 2] = 5.0
    by_hand = [stats.pearsonr(x[:, k], label).statistic for k in (0, 1)]
    assert wrong.correlations(x, label) == pytest.approx([*by_hand, 0.0])
    assert not wrong.correlations(x, np.ones(20)).any()


def test_the_highest_correlation_is_signed_and_the_largest_is_not(monkeypatch):
    monkeypatch.setattr(wrong, "KEPT", 1)
    label = np.array([0, 0, 1, 1])
    x = np.array([[0.0, 1.0], [0.1, 1.0], [0.2, 0.0], [0.9, 0.0]])
    assert wrong.kept(x, label).tolist() == [0]
    assert wrong.kept(x, label, absolute=True).tolist() == [1]


def test_inside_the_fold_no_tested_row_decides_what_is_kept():
    rng = np.random.default_rng(2)
    x, label, fold = rng.normal(size=(50, 400)), np.arange(50) % 2, rng.permutation(50) % 5
    other = np.where(fold == 0, 1 - label, label)  # the tested rows of fold 0 change their class
    for inside, same in ((True, True), (False, False)):
        before, after = (
            wrong.cross_validated(x, label, fold, guide, inside=inside, absolute=False)
            for guide in (label, other)
        )
        assert np.array_equal(before[fold == 0], after[fold == 0]) == same


def test_the_area_is_scikit_learns_with_ties_and_weights():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(3)
    truth, chance = rng.integers(2, size=80), rng.integers(11, size=80) / 10
    rows = Rows(truth, (chance > 0.5) * 1, np.arange(80), np.maximum(chance, 1 - chance))
    weights = rng.integers(4, size=80).astype(float)
    assert scaling.AREA.score(rows) == pytest.approx(roc_auc_score(truth, chance))
    weighted = roc_auc_score(truth, chance, sample_weight=weights)
    assert scaling.AREA.score(rows, weights) == pytest.approx(weighted)
    assert np.isnan(scaling.AREA.score(rows, (truth == 1) * 1.0))
