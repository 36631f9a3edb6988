"""The leak in English: both learners train on the same rows, and nothing but the copies leaks."""

import numpy as np
import pandas as pd
import pytest

from illusionkit.data import corpora, duplicates
from illusionkit.errors import DataError, DesignError
from illusionkit.illusions import experiment
from illusionkit.illusions.collect import duplicate_leakage_english as copies
from illusionkit.training.batches import Settings
from illusionkit.training.runs import TrainingRun

ARMS = ("flawed", "control", "cured")
BOTH = ("duplicate-leakage-finetuned", "duplicate-leakage-english")


@pytest.fixture
def trained(monkeypatch):
    """Note what each learner is trained on, and train nothing: it knows what it has seen."""
    noted = []

    def run(train, watched, judged, settings, *, classes):
        noted.append((train, watched, list(judged), settings, classes))
        label = dict(zip(train.texts, train.labels, strict=True))
        hits = [label.get(text, 0) for text in judged]
        return TrainingRun(np.eye(classes)[[[0] * len(hits), hits]], pd.DataFrame())

    def predict(self, rows, labels, test):
        table = copies._texts("book")
        judged = list(table["text"][test])
        return (
            run(copies._split(table, rows), None, judged, None, classes=5)
            .probabilities[-1]
            .argmax(-1)
        )

    monkeypatch.setattr(copies, "run", run)
    monkeypatch.setattr(copies.CountedTexts, "predict", predict)
    return noted


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("dose", [0.0, 0.5, 1.0])
def test_both_learners_see_the_same_rows(trained, arm, dose):
    readings = [experiment(name).read(dose, 1, arm) for name in BOTH]
    (large, _, asked, _, _), (clean, *_), (plain, _, asked_too, _, _), (plain_clean, *_) = trained
    assert large.texts == plain.texts
    assert large.labels == plain.labels
    assert clean.texts == plain_clean.texts
    assert asked == asked_too
    assert len(asked) == copies.TEST_TEXTS
    assert len(large) == len(clean) == copies.TRAIN_TEXTS
    assert readings[0].train_sizes == (copies.TRAIN_TEXTS, copies.TRAIN_TEXTS)


@pytest.mark.parametrize("dose", [0.0, 0.5, 1.0])
def test_the_planted_share_is_the_dose(trained, dose):
    reading = experiment(BOTH[0]).read(dose, 0)
    flawed, watched, asked, _, _ = trained[0]
    assert np.mean([text in set(flawed.texts) for text in asked]) == pytest.approx(dose)
    assert not set(trained[1][0].texts) & set(asked)
    assert not set(watched.texts) & (set(flawed.texts) | set(asked))
    assert (reading.apparent > reading.honest) == (dose > 0)


def test_control_and_cure_leak_nothing(trained):
    for arm in ("control", "cured"):
        trained.clear()
        reading = experiment(BOTH[0]).read(1.0, 2, arm)
        asked = trained[0][2]
        assert not duplicates.overlap(asked, trained[0][0].texts).any()
        assert reading.apparent == reading.honest


def test_the_effect_of_each_epoch_is_told(trained):
    """This learner knows nothing after the first epoch, and what it has seen after the second."""
    reading = experiment(BOTH[0]).read(1.0, 0)
    assert reading.extras["optimism_after_epoch_1"] == 0
    assert reading.extras["optimism_after_epoch_2"] == pytest.approx(
        reading.apparent - reading.honest
    )


def test_the_knob_of_epochs_and_the_seed_reach_the_training(trained):
    experiment(BOTH[0]).read({"share": 0.5, "epochs": 4}, 7)
    assert trained[0][3] == Settings(epochs=4, seed=7, restore_best=False)
    with pytest.raises(DesignError, match="'epochs' goes from 1 to 10"):
        experiment(BOTH[0]).read({"epochs": 11})


def test_only_the_book_is_trained_on_and_each_unit_stands_once(trained):
    book = set(corpora.movie_reviews()["text"])
    confirm = set(corpora.movie_reviews("confirm")["text"])
    experiment(BOTH[0]).read(1.0, 0)
    assert set(trained[0][0].texts) | set(trained[0][2]) <= book
    assert not copies._texts("book")["unit"].duplicated().any()
    trained.clear()
    experiment(BOTH[0]).read(0.0, 0, part="confirm")
    assert set(trained[0][2]) <= confirm
    assert set(trained[0][0].texts) <= book


def test_too_few_texts_are_named(monkeypatch):
    table = copies._texts("book")[:1000]
    monkeypatch.setattr(copies, "_texts", lambda part: table)
    with pytest.raises(DataError, match="This needs 2800 texts to train on"):
        experiment(BOTH[1]).read(0.5, 0)
