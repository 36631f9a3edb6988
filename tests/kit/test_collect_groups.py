"""Sentences of one document on both sides: as many as the dose says, and nothing else leaks."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from illusionkit.data import corpora
from illusionkit.illusions import experiment
from illusionkit.illusions.collect.duplicate_leakage import group_leakage
from illusionkit.models import encoding

ARMS = ("flawed", "control", "cured")
DOSES = (0.0, 0.25, 0.5, 1.0)


@dataclass
class Fits:
    """What each model of a reading was trained and tested on; the last one is the vault's."""

    train: list = field(default_factory=list)
    test: list = field(default_factory=list)
    labels: list = field(default_factory=list)

    def folds(self):
        return list(zip(self.train, self.test, strict=True))[: group_leakage.FOLDS]


@pytest.fixture
def plain(monkeypatch):
    """Leave out the encoder: what is trained on what does not depend on it."""
    monkeypatch.setattr(encoding, "features", lambda texts: np.zeros((len(texts), 2)))
    group_leakage._sentences.cache_clear()
    yield
    group_leakage._sentences.cache_clear()


@pytest.fixture
def fits(plain, monkeypatch):
    """Note what is fitted, and fit nothing: half the predictions are 1."""
    noted = Fits()

    def predict(self, train, test):
        noted.train.append(train)
        noted.test.append(test)
        noted.labels.append(self.labels)
        return np.arange(len(test)) % 2

    monkeypatch.setattr(group_leakage._Task, "predict", predict)
    return noted


def table():
    return group_leakage._sentences("book")[0]


def units(rows):
    return set(table()["unit"].to_numpy()[rows])


def read(dose, seed=0, arm="flawed"):
    return experiment("group-leakage").read(dose, seed, arm)


def companions(train, test):
    """Return the share of the other half of the tested documents that is trained on."""
    unit = table()["unit"].to_numpy()
    others = np.setdiff1d(np.flatnonzero(np.isin(unit, unit[test])), test)
    return np.isin(others, train).mean()


@pytest.mark.parametrize("seed", [0, 1])
def test_without_sharing_no_document_is_on_both_sides(fits, seed):
    read(0.0, seed)
    for train, test in fits.folds():
        assert not units(train) & units(test)


@pytest.mark.parametrize("arm", ["flawed", "control"])
@pytest.mark.parametrize("dose", DOSES)
def test_the_share_of_companions_is_the_dose(fits, dose, arm):
    for seed in (0, 1):
        read(dose, seed, arm)
    found = [companions(train, test) for train, test in fits.folds()]
    assert np.mean(found) == pytest.approx(dose, abs=0.05 if 0 < dose < 1 else 0)


@pytest.mark.parametrize("arm", ARMS)
def test_no_tested_sentence_is_trained_on_and_none_twice(fits, arm):
    read(1.0, 0, arm)
    for train, test in fits.folds():
        assert not set(train) & set(test)
        assert len(set(train)) == len(train)


def test_the_training_size_does_not_depend_on_the_dose(fits):
    for dose in DOSES:
        read(dose)
    sizes = [len(train) for train in fits.train]
    per_reading = group_leakage.FOLDS + 1
    first = sizes[:per_reading]
    assert sizes == first * len(DOSES)


def test_every_dose_and_arm_is_tested_on_the_same_rows(fits):
    for dose in DOSES:
        read(dose)
    for arm in ARMS:
        read(1.0, 0, arm)
    per_reading = group_leakage.FOLDS + 1
    for number, test in enumerate(fits.test):
        assert np.array_equal(test, fits.test[number % per_reading])
    read(1.0, 1)
    assert len(np.intersect1d(fits.test[-1], fits.test[0])) < 0.6 * len(fits.test[0])


def test_half_of_every_document_outside_the_vault_is_tested_once(fits):
    reading = read(1.0)
    tested = np.concatenate([test for _, test in fits.folds()])
    assert len(np.unique(tested)) == len(tested) == len(reading.apparent_rows.truth)
    unit = table()["unit"]
    assert units(tested) == set(unit) - units(fits.test[-1])
    size, seen = unit.value_counts(), unit.iloc[tested].value_counts()
    assert (seen == (size[seen.index] + 1) // 2).all()


@pytest.mark.parametrize("arm", ARMS)
def test_the_vault_is_touched_by_nobody(fits, arm):
    reading = read(1.0, 2, arm)
    vault = units(fits.test[-1])
    assert vault == set(reading.honest_rows.unit)
    assert not vault & units(np.concatenate(fits.train))
    assert not vault & set(reading.apparent_rows.unit)
    assert units(np.concatenate(fits.train)) <= set(reading.touched)
    assert not vault & set(reading.touched)
    share = len(vault) / table()["unit"].nunique()
    assert share == pytest.approx(group_leakage.VAULT_SHARE, abs=0.01)
    assert set(fits.train[-1]) == set(range(len(table()))) - set(fits.test[-1])


def test_cured_is_what_no_sharing_gives(fits):
    for dose in DOSES:
        cured = read(dose, 3, "cured")
        none = read(0.0, 3)
        assert (cured.apparent, cured.honest) == (none.apparent, none.honest)
    per_reading = group_leakage.FOLDS + 1
    for number, train in enumerate(fits.train):
        assert np.array_equal(train, fits.train[number % per_reading])


def test_a_document_has_one_label_and_a_sentence_of_the_control_its_own(fits):
    for arm in ARMS:
        read(1.0, 0, arm)
    flawed, control, cured = (fits.labels[k * (group_leakage.FOLDS + 1)] for k in range(3))
    unit = table()["unit"]
    assert (pd.Series(flawed).groupby(unit).nunique() == 1).all()
    assert np.array_equal(flawed, cured)
    assert (pd.Series(control).groupby(unit).nunique() == 2).mean() > 0.8
    first = ~unit.duplicated()
    assert flawed[first].mean() == pytest.approx(0.5, abs=0.01)
    assert control.mean() == pytest.approx(0.5, abs=0.03)  # some lie at the median


def test_high_is_a_document_above_the_median_document(plain):
    rows = table()
    mean = rows.groupby("unit")["mean"].mean()
    high = rows.groupby("unit")["high"].first()
    assert (high == (mean > mean.median()).astype(int)).all()


def test_the_confirm_part_is_not_read_for_the_book(plain, monkeypatch):
    read_parts = []
    load = corpora.editorials
    monkeypatch.setattr(
        corpora, "editorials", lambda part="book": read_parts.append(part) or load(part)
    )
    rows = table()
    assert read_parts == ["book"]
    assert len(rows) == len(load("book"))


def test_confirming_trains_on_the_book_and_judges_on_what_nobody_read():
    rows = pd.DataFrame(
        {"part": ["book"] * 6 + ["confirm"] * 3, "unit": [0, 0, 1, 1, 2, 2, 3, 3, 4]}
    )
    vault, work = group_leakage._vault(rows, "confirm", np.random.default_rng(0))
    assert vault.tolist() == [6, 7, 8]
    assert work.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.fixture
def documents(monkeypatch):
    """A corpus whose truth is known: features name the document, labels are drawn at random."""
    rng = np.random.default_rng(0)
    unit = np.repeat(np.arange(150), 8)
    label = rng.integers(2, size=150)[unit]
    own = rng.integers(2, size=len(unit))
    rows = pd.DataFrame({"unit": unit, "high": label, "own": own, "part": "book"})
    found = rng.normal(size=(150, 60))[unit] + 0.3 * rng.normal(size=(len(unit), 60))
    monkeypatch.setattr(group_leakage, "_sentences", lambda part: (rows, found))


def test_a_model_that_only_knows_the_document_looks_skilled_and_is_not(documents):
    trial = experiment("group-leakage")
    optimism = {
        (arm, dose): np.mean([trial.optimism(read(dose, seed, arm)) for seed in range(3)])
        for arm, dose in (("flawed", 0.0), ("flawed", 1.0), ("control", 1.0), ("cured", 1.0))
    }
    assert optimism["flawed", 1.0] > 0.2
    assert abs(optimism["flawed", 0.0]) < 0.08
    assert abs(optimism["control", 1.0]) < 0.08
    assert optimism["cured", 1.0] == optimism["flawed", 0.0]
