"""The leaks that are planted are as large as the dose says, and nothing else leaks."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from illusionkit.data import duplicates
from illusionkit.errors import DataError
from illusionkit.illusions import experiment
from illusionkit.illusions.collect.duplicate_leakage import duplicate_leakage

ARMS = ("flawed", "control", "cured")


@dataclass
class Fits:
    """What each model of a reading was trained and tested on."""

    train: list = field(default_factory=list)
    labels: list = field(default_factory=list)
    test: list = field(default_factory=list)
    extra: list = field(default_factory=list)


@pytest.fixture
def fits(monkeypatch):
    """Note what is fitted, and fit nothing: half the predictions are praise."""
    noted = Fits()

    def predict(self, train, labels, test, extra=()):
        noted.train.append(np.asarray(train))
        noted.labels.append(np.asarray(labels))
        noted.test.append(np.asarray(test))
        noted.extra.append(list(extra))
        return np.arange(len(test)) % 2

    monkeypatch.setattr(duplicate_leakage.CountedTexts, "predict", predict)
    return noted


def texts():
    return duplicate_leakage._texts()[0]


def normalised(rows):
    return {duplicates.normalise(text) for text in rows}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("dose", [0.0, 0.3, 1.0])
def test_the_planted_share_is_the_dose(fits, dose, seed):
    experiment("duplicate-leakage").read(dose, seed)
    flawed, clean = fits.train
    test = fits.test[0]
    assert np.array_equal(test, fits.test[1])
    assert np.isin(test, flawed).mean() == pytest.approx(dose, abs=1e-9)
    assert not np.isin(test, clean).any()
    assert len(flawed) == len(clean) == duplicate_leakage.TRAIN_TEXTS
    assert len(test) == duplicate_leakage.TEST_TEXTS
    labels = texts()["label"].to_numpy()
    assert np.array_equal(fits.labels[0], labels[flawed])


def test_at_dose_0_nothing_is_planted(fits):
    for arm in ARMS:
        reading = experiment("duplicate-leakage").read(0, 3, arm)
        assert reading.apparent == reading.honest
    assert all(np.array_equal(train, fits.train[0]) for train in fits.train)


def test_the_leak_is_of_labels_that_are_true(fits):
    """A copy carries the label of its text: only units of one label are drawn."""
    lines, _ = duplicate_leakage._lines()
    assert (
        lines[lines["unit"].isin(texts()["unit"])].groupby("unit")["label"].nunique() == 1
    ).all()


def test_the_control_repeats_as_many_texts_and_none_of_them_is_tested(fits):
    experiment("duplicate-leakage").read(0.5, 1, "control")
    train, test = fits.train[0], fits.test[0]
    assert not np.isin(train, test).any()
    assert len(train) - len(np.unique(train)) == duplicate_leakage.TEST_TEXTS // 2
    assert len(train) == duplicate_leakage.TRAIN_TEXTS


def test_the_cure_leaves_no_copy_of_a_tested_text(fits):
    table = texts()
    experiment("duplicate-leakage").read(1.0, 1, "cured")
    train, test = fits.train[0], fits.test[0]
    assert not np.isin(train, test).any()
    assert not normalised(table["text"][train]) & normalised(table["text"][test])
    assert len(train) == len(np.unique(train)) == duplicate_leakage.TRAIN_TEXTS


@pytest.mark.parametrize("name", ["duplicate-leakage", "near-duplicate-leakage"])
def test_a_seed_draws_the_same_test_for_every_arm_and_another_for_another(fits, name):
    for arm in ARMS:
        experiment(name).read(None, 2, arm)
    assert all(np.array_equal(test, fits.test[0]) for test in fits.test)
    experiment(name).read(None, 3)
    assert np.isin(fits.test[-1], fits.test[0]).mean() < 0.5


@pytest.mark.parametrize("name", ["duplicate-leakage", "near-duplicate-leakage"])
@pytest.mark.parametrize("arm", ARMS)
def test_sizes_are_equal_and_only_book_texts_come_in(fits, name, arm):
    table = texts()
    reading = experiment(name).read(None, 0, arm)
    total = len(fits.train[0]) + len(fits.extra[0])
    assert reading.train_sizes == (total, len(fits.train[1]))
    assert total == len(fits.labels[0]) == duplicate_leakage.TRAIN_TEXTS
    used = np.concatenate([*fits.train, *fits.test])
    assert (table["part"].to_numpy()[used] == "book").all()
    assert not table["unit"].duplicated().any()


@pytest.mark.parametrize("kept", [0.1, 0.5, 1.0])
def test_a_shortened_copy_is_a_run_of_its_text_at_the_documented_length(fits, kept):
    table = texts()
    experiment("near-duplicate-leakage").read(kept, 1)
    whole = list(table["text"][fits.test[0]])
    assert len(fits.extra[0]) == len(whole) == duplicate_leakage.TEST_TEXTS
    for text, short in zip(whole, fits.extra[0], strict=True):
        assert short in text
        assert len(short) == max(1, round(kept * len(text)))
    assert np.array_equal(fits.labels[0][-1500:], table["label"].to_numpy()[fits.test[0]])
    if kept < 1:
        starts = [text.startswith(short) for text, short in zip(whole, fits.extra[0], strict=True)]
        assert np.mean(starts) < 0.5  # not always the beginning


def test_the_near_control_shortens_texts_that_are_not_tested(fits):
    table = texts()
    experiment("near-duplicate-leakage").read(0.75, 1, "control")
    test = list(table["text"][fits.test[0]])
    assert not duplicates.overlap(test, fits.extra[0]).any()
    origin = table["text"][fits.train[1][: len(test)]]
    assert all(short in text for text, short in zip(origin, fits.extra[0], strict=True))


def test_the_near_cure_drops_what_the_audit_finds_and_keeps_the_labels_right(fits):
    table = texts()
    experiment("near-duplicate-leakage").read(0.5, 1)
    experiment("near-duplicate-leakage").read(0.5, 1, "cured")
    planted, left = fits.extra[0], fits.extra[2]
    test = list(table["text"][fits.test[0]])
    assert 0 < len(left) < len(planted)
    assert not duplicates.overlap(test, left).any()
    label = dict(zip(planted, fits.labels[0][-len(planted) :], strict=True))
    ends = zip(left, fits.labels[2][-len(left) :], strict=True)
    wrong = [text for text, given in ends if label[text] != given]
    assert wrong == []


@pytest.mark.parametrize("arm", ARMS)
def test_the_vault_is_touched_by_nobody(fits, arm):
    table, _ = duplicate_leakage._lines()
    unit = table["unit"].to_numpy()
    reading = experiment("duplicates-as-shipped").read(1.0, 1, arm)
    vault = set(reading.honest_rows.unit)
    assert not vault & set(unit[fits.train[0]])
    assert not vault & set(reading.apparent_rows.unit)
    assert set(unit[fits.train[0]]) <= set(reading.touched)
    books = table.loc[table["part"] == "book", "unit"].nunique()
    assert len(vault) == pytest.approx(duplicate_leakage.VAULT_SHARE * books, abs=1)
    assert (table["part"].to_numpy()[np.concatenate([fits.train[0], fits.test[0]])] == "book").all()


def test_all_arms_are_judged_by_one_vault_and_train_on_as_much(fits):
    readings = [experiment("duplicates-as-shipped").read(0.5, 1, arm) for arm in ARMS]
    first = readings[0].honest_rows
    for reading in readings:
        assert np.array_equal(reading.honest_rows.unit, first.unit)
        assert np.array_equal(reading.honest_rows.truth, first.truth)
    assert len(fits.train[0]) == len(fits.train[1])
    assert len(fits.train[2]) == pytest.approx(len(fits.train[0]), rel=0.02)


def test_as_shipped_four_fifths_of_the_tested_lines_have_a_copy_and_cured_none(fits):
    shares = {
        arm: experiment("duplicates-as-shipped").read(1.0, 0, arm).extras["share_with_copy"]
        for arm in ARMS
    }
    assert shares["flawed"] > 0.75
    assert shares["control"] == shares["cured"] == 0
    none = experiment("duplicates-as-shipped").read(0.0, 0)
    assert none.extras["share_with_copy"] == 0
    assert "accuracy_with_copy" not in none.extras


@pytest.mark.parametrize("kept", [0.0, 0.5, 1.0])
def test_thinning_keeps_every_unit_and_the_share_of_the_rest(kept):
    table, _ = duplicate_leakage._lines()
    lines = duplicate_leakage._thinned(table, kept, np.random.default_rng(0))
    units = table["unit"].nunique()
    assert len(np.unique(lines)) == len(lines)
    assert table["unit"].iloc[lines].nunique() == units
    assert len(lines) - units == pytest.approx(kept * (len(table) - units), rel=0.02, abs=0)


@pytest.mark.parametrize(
    ("name", "dose"),
    [
        ("duplicate-leakage", 1.0),
        ("near-duplicate-leakage", 1.0),
        ("duplicates-as-shipped", 1.0),
    ],
)
def test_the_leak_makes_the_model_look_better_than_it_is(name, dose):
    trial = experiment(name)
    assert trial.optimism(trial.read(dose, 101)) > 0.05
    assert abs(trial.optimism(trial.read(dose, 101, "control"))) < 0.05


@pytest.fixture
def small(monkeypatch):
    """Made-up texts in place of the real ones, so that the confirm part is not looked at."""
    names = [f"text {i} {'good' if i % 2 else 'bad'} {i * 7919}" for i in range(600)]
    part = np.where(np.arange(600) // 2 % 4 == 0, "confirm", "book")  # both labels in both
    table = pd.DataFrame({"text": names, "label": np.arange(600) % 2, "unit": range(600)})
    table["part"] = part
    counted = duplicate_leakage.CountedTexts(names)
    for loader in ("_texts", "_lines"):
        monkeypatch.setattr(duplicate_leakage, loader, lambda: (table, counted))
    sizes(monkeypatch, 60, 200)
    return part


def sizes(monkeypatch, tests, trains):
    """Set how many texts are tested and trained on: `draw` has both as its defaults."""
    monkeypatch.setattr(duplicate_leakage.draw, "__defaults__", (tests, trains))
    monkeypatch.setattr(duplicate_leakage, "TEST_TEXTS", tests)
    monkeypatch.setattr(duplicate_leakage, "TRAIN_TEXTS", trains)


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("name", ["duplicate-leakage", "near-duplicate-leakage"])
def test_a_confirmation_tests_on_the_confirm_part_and_trains_on_the_book(small, fits, name, arm):
    experiment(name).read(None, 1, arm, "confirm")
    assert (small[fits.test[0]] == "confirm").all()
    assert (small[fits.train[1]] == "book").all()
    planted = fits.train[0][small[fits.train[0]] == "confirm"]
    assert np.isin(planted, fits.test[0]).all()
    assert bool(len(planted)) is (name == "duplicate-leakage" and arm == "flawed")


@pytest.mark.parametrize("arm", ARMS)
def test_a_confirmation_as_shipped_has_the_confirm_part_as_its_vault(small, fits, arm):
    reading = experiment("duplicates-as-shipped").read(1.0, 1, arm, "confirm")
    assert set(reading.honest_rows.unit) == set(np.flatnonzero(small == "confirm"))
    assert (small[fits.train[0]] == "book").all()


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize(
    "name", ["duplicate-leakage", "near-duplicate-leakage", "duplicates-as-shipped"]
)
def test_the_book_neither_trains_nor_tests_on_the_confirm_part(small, fits, name, arm):
    experiment(name).read(None, 1, arm)
    assert fits.train, "nothing was trained"
    for rows in (*fits.train, *fits.test):
        assert (small[rows] == "book").all()


def test_too_few_texts_are_named(small, monkeypatch):
    sizes(monkeypatch, 60, 400)
    with pytest.raises(DataError, match="needs 460 texts to train on: 390"):
        experiment("duplicate-leakage").read(1.0, 0)
