"""Sentences of one document on both sides: as many as the dose says, and nothing else leaks."""

import numpy as np
import pandas as pd
import pytest

from illusionkit.data import corpora
from illusionkit.experiment.reading import ACCURACY
from illusionkit.experiment.task import Task, joined
from illusionkit.illusions.collect import group_leakage as group
from illusionkit.models.learners import Probe, linear_probe

DOSES = (0.0, 0.25, 0.5, 1.0)


class Guess:
    """A learner that says 0 and 1 in turn."""

    def predict(self, train, labels, test):
        return np.arange(len(test)) % 2


@pytest.fixture(scope="module")
def table():
    return corpora.editorials().assign(part="book")


@pytest.fixture
def folds(table):
    """Return a function from a dose to the task, and (train, tested units) of each fold."""

    def cut(dose, seed=0):
        task = Task(table, Guess())
        group.cross_validated(task, np.arange(len(table)), dose, np.random.default_rng(seed))
        return task, [(fit.train, fit.judged[0].unit) for fit in task.fits]

    return cut


@pytest.mark.parametrize("seed", [0, 1])
def test_without_sharing_no_document_is_on_both_sides(folds, seed):
    task, cut = folds(0.0, seed)
    assert all(not set(task.unit[train]) & set(tested) for train, tested in cut)


@pytest.mark.parametrize("dose", DOSES)
def test_the_share_of_companions_is_the_dose(folds, dose):
    task, cut = folds(dose)
    shares = []
    for train, tested in cut:
        inside = np.isin(task.unit[train], tested).sum()
        shares.append(inside / (np.isin(task.unit, tested).sum() - len(tested)))
        assert len(set(train)) == len(train)
    assert np.mean(shares) == pytest.approx(dose, abs=0.05 if 0 < dose < 1 else 0)


def test_the_training_size_and_the_tested_sentences_do_not_depend_on_the_dose(folds):
    first, *others = ([(len(train), list(t)) for train, t in folds(dose)[1]] for dose in DOSES)
    assert all(other == first for other in others)


def test_half_of_every_document_is_tested_once(folds, table):
    _, cut = folds(1.0)
    size = table["unit"].value_counts()
    seen = pd.Series(np.concatenate([tested for _, tested in cut])).value_counts()
    assert (seen == (size[seen.index] + 1) // 2).all() and len(seen) == len(size)


def test_a_document_has_one_label_and_a_sentence_of_the_control_its_own(table):
    document, own = (group.above_median(table, of_document=way) for way in (True, False))
    unit, mean = table["unit"], table.groupby("unit")["mean"].mean()
    assert (pd.Series(document).groupby(unit).first() == (mean > mean.median())).all()
    assert (pd.Series(document).groupby(unit).nunique() == 1).all()
    assert (pd.Series(own).groupby(unit).nunique() == 2).mean() > 0.8
    assert document[~unit.duplicated()].mean() == pytest.approx(0.5, abs=0.01)
    assert own.mean() == pytest.approx(0.5, abs=0.03)  # some lie at the median


def optimism(shared, own, seed):
    """Return the optimism where features name the document and labels are drawn at random."""
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(150), 8)
    label = rng.integers(2, size=len(unit) if own else 150)
    rows = pd.DataFrame({"unit": unit, "label": label if own else label[unit], "part": "book"})
    features = rng.normal(size=(150, 60))[unit] + 0.3 * rng.normal(size=(len(unit), 60))
    task = Task(rows, Probe(features, linear_probe))
    holdout, work = task.cut(rng, group.HOLDOUT)
    tested = joined(group.cross_validated(task, work, shared, rng))
    return ACCURACY.score(tested) - ACCURACY.score(task.judge(work, holdout)[0])


def test_a_model_that_only_knows_the_document_looks_skilled_and_is_not():
    cases = {"flawed": (1.0, False), "cured": (0.0, False), "control": (1.0, True)}
    found = {n: np.mean([optimism(*case, seed) for seed in range(5)]) for n, case in cases.items()}
    assert found["flawed"] > 0.2
    assert abs(found["cured"]) < 0.08 and abs(found["control"]) < 0.08
