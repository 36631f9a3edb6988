"""The leaks that are planted are as large as the dose says, and nothing else leaks."""

import numpy as np
import pandas as pd
import pytest

from illusionkit.data import unit_copies
from illusionkit.errors import DataError, DesignError
from illusionkit.illusions import experiment
from illusionkit.illusions.collect import duplicate_leakage as leak
from illusionkit.illusions.collect import duplicate_leakage_english as english
from illusionkit.training.batches import Settings
from illusionkit.training.runs import TrainingRun

BOTH = ("duplicate-leakage-finetuned", "duplicate-leakage-english")


@pytest.fixture(scope="module")
def table():
    return leak.texts("book")[0]


@pytest.fixture(scope="module")
def drawn(table):
    return leak.draw(table, 1, "book")


def normalised(texts):
    return {unit_copies.normalise(text) for text in texts}


@pytest.mark.parametrize("dose", [0.0, 0.3, 1.0])
def test_the_planted_share_is_the_dose(table, drawn, dose):
    train = leak.planted(table, drawn, dose, "flawed")
    assert np.isin(drawn.test, train).mean() == pytest.approx(dose, abs=1e-9)
    assert not np.isin(drawn.test, drawn.train).any()
    assert len(train) == len(drawn.train) == leak.TRAIN_TEXTS
    assert len(drawn.test) == leak.TEST_TEXTS


def test_the_leak_is_of_labels_that_are_true(table):
    """A copy carries the label of its text: only units of one label are drawn, each once."""
    lines, _ = leak.lines()
    labels = lines[lines["unit"].isin(table["unit"])].groupby("unit")["label"].nunique()
    assert (labels == 1).all() and not table["unit"].duplicated().any()


def test_the_control_repeats_as_many_texts_and_none_of_them_is_tested(table, drawn):
    train = leak.planted(table, drawn, 0.5, "control")
    assert not np.isin(train, drawn.test).any()
    assert len(train) - len(np.unique(train)) == leak.TEST_TEXTS // 2
    assert len(train) == leak.TRAIN_TEXTS


def test_the_cure_leaves_no_copy_of_a_tested_text(table, drawn):
    train = leak.planted(table, drawn, 1.0, "cured")
    assert not normalised(table["text"][train]) & normalised(table["text"][drawn.test])
    assert len(train) == len(np.unique(train)) == leak.TRAIN_TEXTS


@pytest.mark.parametrize("kept", [0.1, 0.5, 1.0])
def test_a_shortened_copy_is_a_run_of_its_text_at_the_documented_length(table, drawn, kept):
    whole = list(table["text"][drawn.test])
    shortened = leak.excerpts(whole, kept, 1)
    for text, short in zip(whole, shortened, strict=True):
        assert short in text
        assert len(short) == max(1, round(kept * len(text)))
    if kept < 1:
        starts = [text.startswith(short) for text, short in zip(whole, shortened, strict=True)]
        assert np.mean(starts) < 0.5  # not always the beginning


@pytest.fixture
def fits(monkeypatch):
    """Note what the learner is given, and fit nothing: half the predictions are praise."""
    noted = []

    def predict(self, train, labels, test, extra=()):
        noted.append((train, labels, test, list(extra)))
        return np.arange(len(test)) % 2

    monkeypatch.setattr(leak.CountedTexts, "predict", predict)
    return noted


def test_the_near_control_shortens_texts_that_are_not_tested(table, fits):
    experiment("near-duplicate-leakage").read(0.75, 1, "control")
    (_, _, test, short), (clean, *_) = fits
    assert not unit_copies.overlap(list(table["text"][test]), short).any()
    origin = table["text"][clean[: len(test)]]
    assert all(part in text for text, part in zip(origin, short, strict=True))


@pytest.mark.parametrize("arm", ["flawed", "control", "cured"])
def test_the_near_sizes_are_equal(fits, arm):
    reading = experiment("near-duplicate-leakage").read(0.5, 0, arm)
    train, labels, _, short = fits[0]
    assert len(train) + len(short) == len(labels) == leak.TRAIN_TEXTS
    assert reading.train_sizes == (leak.TRAIN_TEXTS, leak.TRAIN_TEXTS)


def test_the_near_cure_drops_what_the_audit_finds_and_keeps_the_labels_right(table, fits):
    experiment("near-duplicate-leakage").read(0.5, 1)
    experiment("near-duplicate-leakage").read(0.5, 1, "cured")
    (_, labels, test, planted), _, (_, left_labels, _, left), _ = fits
    assert 0 < len(left) < len(planted)
    assert not unit_copies.overlap(list(table["text"][test]), left).any()
    label = dict(zip(planted, labels[-len(planted) :], strict=True))
    assert np.array_equal(labels[-len(test) :], table["label"].to_numpy()[test])
    ends = zip(left, left_labels[-len(left) :], strict=True)
    assert [text for text, given in ends if label[text] != given] == []


def test_as_shipped_four_fifths_of_the_tested_lines_have_a_copy_and_cured_none(fits):
    trial = experiment("duplicates-as-shipped")
    shares = {arm: trial.read(1.0, 0, arm).extras["share_with_copy"] for arm in trial.arms}
    assert shares["flawed"] > 0.75
    assert shares["control"] == shares["cured"] == 0
    sizes = [len(train) for train, *_ in fits]
    assert sizes[0] == sizes[1] and sizes[2] == pytest.approx(sizes[0], rel=0.02)
    none = trial.read(0.0, 0)
    assert none.extras["share_with_copy"] == 0
    assert "accuracy_with_copy" not in none.extras


@pytest.mark.parametrize("kept", [0.0, 0.5, 1.0])
def test_thinning_keeps_every_unit_and_the_share_of_the_rest(kept):
    unit = leak.lines()[0]["unit"].to_numpy()
    rows = leak.thinned(unit, kept, np.random.default_rng(0))
    units = len(np.unique(unit))
    assert len(np.unique(rows)) == len(rows) and len(np.unique(unit[rows])) == units
    assert len(rows) - units == pytest.approx(kept * (len(unit) - units), rel=0.02, abs=0)


@pytest.mark.parametrize(
    "name", ["duplicate-leakage", "near-duplicate-leakage", "duplicates-as-shipped"]
)
def test_the_leak_makes_the_model_look_better_than_it_is(name):
    trial = experiment(name)
    assert trial.optimism(trial.read(1.0, 101)) > 0.05
    assert abs(trial.optimism(trial.read(1.0, 101, "control"))) < 0.05


def test_too_few_texts_are_named(table):
    with pytest.raises(DataError, match="7500 texts to train on are needed and 500 are there"):
        leak.draw(table[:2000], 0, "book")


@pytest.fixture
def trained(monkeypatch):
    """Note what both English learners are trained on, and train nothing: they know what they saw.

    After the first epoch they know nothing.
    """
    noted = []

    def run(train, watched, judged, settings, *, classes):
        noted.append((train, watched, list(judged), settings))
        label = dict(zip(train.texts, train.labels, strict=True))
        hits = [label.get(text, 0) for text in judged]
        return TrainingRun(np.eye(classes)[[[0] * len(hits), hits]], pd.DataFrame())

    def predict(self, rows, labels, test):
        text = english.texts("book")["text"]
        split = english.Split(list(text[rows]), list(labels))
        told = run(split, None, list(text[test]), None, classes=5).probabilities
        return told[-1].argmax(axis=-1)

    monkeypatch.setattr(english, "run", run)
    monkeypatch.setattr(english.CountedTexts, "predict", predict)
    return noted


@pytest.mark.parametrize("arm", ["flawed", "control", "cured"])
@pytest.mark.parametrize("dose", [0.0, 0.5, 1.0])
def test_both_english_learners_see_the_same_rows(trained, arm, dose):
    readings = [experiment(name).read(dose, 1, arm) for name in BOTH]
    (large, watched, asked, _), (clean, *_), (plain, _, asked_too, _), (plain_clean, *_) = trained
    assert large == plain and clean == plain_clean and asked == asked_too
    assert len(asked) == english.TEST_TEXTS
    assert readings[0].train_sizes == readings[1].train_sizes == (english.TRAIN_TEXTS,) * 2
    leaked = np.mean([text in set(large.texts) for text in asked])
    assert leaked == (dose if arm == "flawed" else 0)
    if arm != "cured":  # there spare texts take the place of copies; nothing is chosen by them
        assert not set(watched.texts) & (set(large.texts) | set(asked))


def test_the_effect_of_each_epoch_is_told(trained):
    reading = experiment(BOTH[0]).read(1.0, 0)
    assert reading.extras["optimism_after_epoch_1"] == 0
    assert reading.extras["optimism_after_epoch_2"] == reading.apparent - reading.honest > 0


def test_the_knob_of_epochs_and_the_seed_reach_the_training(trained):
    experiment(BOTH[0]).read({"share": 0.5, "epochs": 4}, 7)
    assert trained[0][3] == Settings(epochs=4, seed=7, restore_best=False)
    with pytest.raises(DesignError, match="'epochs' goes from 1 to 10"):
        experiment(BOTH[0]).read({"epochs": 11})


def test_only_the_book_is_drawn_for_the_fine_tuned_model_and_each_unit_once(trained):
    book = english.texts("book")
    experiment(BOTH[0]).read(1.0, 0)
    assert set(trained[0][0].texts) | set(trained[0][2]) <= set(book["text"])
    assert not book["unit"].duplicated().any()
