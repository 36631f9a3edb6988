"""Steps before the split: what sees which rows, and scores that are what they say."""

import numpy as np
import pandas as pd
import pytest

from illusionkit.errors import DataError
from illusionkit.experiment.reading import Rows
from illusionkit.experiment.task import Task
from illusionkit.illusions import experiment
from illusionkit.illusions.evaluate import encoding_leakage as encoding
from illusionkit.illusions.evaluate import oversampling_leakage as oversampling
from illusionkit.illusions.evaluate import preprocessing_leakage as picking
from illusionkit.illusions.evaluate import scaling_leakage as scaling
from illusionkit.illusions.material import folds


class Noted:
    """A learner that says 1, and notes the rows that it was trained on and asked about."""

    def __init__(self):
        self.asked = []

    def predict(self, train, labels, test):
        self.asked.append((train, test))
        return np.ones(len(test), dtype=int)


def table(count, part="book"):
    label = np.arange(count) % 2
    return pd.DataFrame({"label": label, "unit": np.arange(count), "part": part})


def test_correlations_are_numpys_and_a_constant_has_none():
    rng = np.random.default_rng(0)
    features, label = rng.integers(2, size=(50, 4)), rng.integers(2, size=50)
    features[:, 2] = 1
    found = picking.correlations(features, label)
    expected = [np.corrcoef(features[:, k], label)[0, 1] for k in (0, 1, 3)]
    assert found[[0, 1, 3]] == pytest.approx(expected)
    assert found[2] == 0


def test_the_columns_picked_are_the_strongest_of_either_sign_in_order():
    label = np.array([0, 0, 0, 1, 1, 1])
    weak, opposite = np.array([0, 0, 1, 1, 1, 0]), 1 - label
    features = np.stack([weak, opposite, np.ones(6), label], axis=1)
    assert picking.picked(features, label, 2).tolist() == [1, 3]
    assert picking.picked(features, label, 3).tolist() == [0, 1, 3]


@pytest.mark.parametrize("inside", [True, False])
def test_a_step_sees_the_tested_rows_unless_it_is_inside_the_fold(inside):
    task, seen, learner = Task(table(40), None), [], Noted()
    rows = np.arange(10, 33)

    def prepare(looked_at):
        seen.append(looked_at)
        return learner

    rng = np.random.default_rng(0)
    tested = folds.cross_validated(task, rows, prepare, rng, inside=inside)
    assert sorted(tested.unit) == rows.tolist()
    for looked_at, (train, test) in zip(seen, learner.asked, strict=True):
        assert sorted([*train, *test]) == rows.tolist()
        assert len(test) in (4, 5)
        assert np.array_equal(looked_at, train if inside else rows)


def test_holdout_and_rows_are_apart_at_the_share_and_a_confirmation_judges_by_its_own():
    both = pd.concat([table(200), table(60, "confirm").assign(unit=np.arange(200, 260))])
    both = both.reset_index(drop=True)
    for given, last in ((both.iloc[:200], 80), (both, 40)):
        task = Task(given, None)
        holdout, rows = folds.drawn(task, 0.25, 40, 80, np.random.default_rng(1))
        assert len(rows) == 40 and len(holdout) == last
        assert not set(holdout) & set(rows) and set(rows) < set(range(200))
        assert [task.label[side].mean() for side in (holdout, rows)] == [0.25, 0.25]
        assert (last == 80) == (holdout.max() < 200)


def test_more_rows_than_there_are_is_said():
    with pytest.raises(DataError, match="Ask for"):
        folds.drawn(Task(table(50), None), 0.5, 20, 40, np.random.default_rng(0))


def test_where_labels_are_shuffled_the_share_of_each_stays():
    reading = experiment("preprocessing-leakage").read(20, seed=3, arm="control")
    assert reading.honest_rows.truth.mean() == reading.apparent_rows.truth.mean() == 0.5
    assert len(reading.apparent_rows.truth) == picking.ROWS


def test_both_scores_are_those_of_scikit_learn_with_weights_and_ties():
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score

    rng = np.random.default_rng(2)
    truth, weights = rng.integers(2, size=300), rng.integers(4, size=300).astype(float)
    chance = rng.integers(12, size=300) / 12
    ranked = Rows(truth, chance, np.arange(300))
    expected = roc_auc_score(truth, chance, sample_weight=weights)
    assert scaling.AREA.score(ranked, weights) == pytest.approx(expected)
    said = (chance > 0.4).astype(int)
    expected = balanced_accuracy_score(truth, said, sample_weight=weights)
    found = oversampling.BALANCED.score(Rows(truth, said, np.arange(300)), weights)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("metric", [scaling.AREA, oversampling.BALANCED])
def test_a_resample_without_a_class_has_no_score(metric):
    rows = Rows(np.array([0, 0, 1]), np.array([0, 1, 1]), np.arange(3))
    assert np.isnan(metric.score(rows, np.array([1.0, 2, 0])))


def test_a_category_has_the_mean_of_its_seen_rows_or_of_all_seen():
    code, label = np.array([0, 0, 1, 1, 2, 0]), np.array([1, 0, 1, 1, 1, 0])
    seen = np.array([0, 1, 2])
    found = encoding.mean_labels(code, label, seen)
    assert found == pytest.approx([1 / 2, 1 / 2, 1, 1, 2 / 3, 1 / 2])


def test_cross_fitting_keeps_a_rows_own_label_out_of_its_column():
    rng = np.random.default_rng(4)
    code, label, seen = rng.integers(6, size=60), rng.integers(2, size=60), rng.permutation(50)
    before = encoding.cross_fitted(code, label, seen)
    for row in seen[:10]:
        turned = label.copy()
        turned[row] = 1 - label[row]
        assert encoding.cross_fitted(code, turned, seen)[row] == before[row]
        whole = [encoding.mean_labels(code, labels, seen)[row] for labels in (label, turned)]
        assert whole[0] != whole[1]
    new = np.setdiff1d(np.arange(60), seen)
    assert np.array_equal(before[new], encoding.mean_labels(code, label, seen)[new])


def test_the_columns_that_may_be_missing_are_the_numbers():
    known = oversampling.holders("book")[1].features
    flags, numbers = known[:, : scaling.FLAGS], known[:, scaling.FLAGS :]
    assert set(np.unique(flags)) == {0, 1}
    assert (np.ptp(numbers, axis=0) > 1).all()
