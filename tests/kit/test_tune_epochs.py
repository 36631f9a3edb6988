"""A score on a model's own training rows: what each arm reports, what the holdout never meets."""

import numpy as np
import pandas as pd
import pytest

from illusionkit.data import corpora
from illusionkit.illusions import experiment
from illusionkit.illusions.tune import training_score
from illusionkit.training.batches import Settings
from illusionkit.training.book_model import splits
from illusionkit.training.runs import TrainingRun

TRIAL = "training-score"


@pytest.fixture
def asked(monkeypatch):
    """Note what is asked, and train nothing: a training row is known, another one is guessed.

    The losses say that the first epoch was best.
    """
    noted = []

    def run(train, validation, judged, settings, *, classes):
        noted.append((train, validation, list(judged), settings))
        known = dict(zip(train.texts, train.labels, strict=True))
        guess = [known.get(text, 2) for text in judged]
        said = np.array([np.eye(classes)[[0] * len(guess)], *[np.eye(classes)[guess]] * 9])
        epochs = settings.epochs
        history = {"epoch": np.arange(1, epochs + 1.0), "train_loss": np.linspace(2, 1, epochs)}
        history["validation_loss"] = np.linspace(1, 2, epochs)
        history["validation_accuracy"] = np.linspace(0.5, 0.4, epochs)
        return TrainingRun(said[:epochs], pd.DataFrame(history))

    monkeypatch.setattr(training_score.runs, "run", run)
    return noted


def test_training_rows_are_known_and_held_out_rows_are_not(asked):
    reading = experiment(TRIAL).read(5, 0)
    assert reading.apparent == 1
    assert reading.honest == np.mean(np.array(splits()["test"].labels) == 2)
    assert len(reading.apparent_rows.truth) == training_score.JUDGED_IN_TRAINING


def test_the_control_is_judged_by_validation_reviews(asked):
    reading = experiment(TRIAL).read(5, 0, "control")
    truth = np.array(splits()["validation"].labels)
    assert reading.apparent == np.mean(truth == 2)
    assert np.array_equal(reading.apparent_rows.truth, truth)


def test_the_cure_takes_the_epoch_that_the_validation_loss_chose(asked):
    reading = experiment(TRIAL).read(5, 0, "cured")
    assert reading.apparent == np.mean(np.array(splits()["validation"].labels) == 0)
    assert reading.honest == np.mean(np.array(splits()["test"].labels) == 0)
    assert reading.extras["best_epoch"] == 1


def test_the_curves_are_those_of_the_history_and_of_the_holdout(asked):
    extras = experiment(TRIAL).read(3, 0).extras
    assert [extras[f"train_loss_{n}"] for n in (1, 2, 3)] == [2, 1.5, 1]
    assert [extras[f"validation_accuracy_{n}"] for n in (1, 2, 3)] == [0.5, 0.45, 0.4]
    truth = np.array(splits()["test"].labels)
    assert extras["holdout_accuracy_3"] == np.mean(truth == 2)
    assert extras["holdout_loss_3"] == pytest.approx(np.mean(truth != 2) * -np.log(1e-12))
    assert "holdout_loss_4" not in extras


def test_what_is_trained_watched_and_judged_never_meet(asked):
    experiment(TRIAL).read(2, 1)
    train, validation, judged, settings = asked[0]
    assert settings == Settings(epochs=2, seed=1, restore_best=False)
    assert (len(train), len(validation)) == (7742, 950)
    assert set(judged[:2000]) <= set(train.texts)
    holdout = set(judged[2000 + 950 :])
    assert len(judged) == 2000 + 950 + 924
    assert not holdout & (set(train.texts) | set(validation.texts))


def test_the_rows_that_are_asked_about_again_are_drawn_from_all_classes(asked):
    """The file lies in the order of its classes, so its first rows would be of one kind."""
    found = [experiment(TRIAL).read(2, seed).apparent_rows for seed in (0, 1, 0)]
    whole = np.bincount(splits()["train"].labels) / len(splits()["train"])
    for rows in found:
        shares = np.bincount(rows.truth, minlength=5) / training_score.JUDGED_IN_TRAINING
        assert np.abs(shares - whole).max() < 0.04
    assert np.array_equal(found[0].unit, found[2].unit)
    assert not np.array_equal(found[0].unit, found[1].unit)
    assert all(len(set(asked[turn][2][:2000])) > 1900 for turn in range(3))


def test_the_confirm_part_is_judged_and_not_trained_on(asked):
    reading = experiment(TRIAL).read(2, 0, part="confirm")
    confirm = list(corpora.movie_reviews("confirm")["text"])
    train, _, judged, _ = asked[0]
    assert judged[-len(confirm) :] == confirm
    assert not set(train.texts) & set(confirm)
    assert reading.honest_rows is not None
    assert len(reading.honest_rows.truth) == len(confirm)


def test_it_is_the_fine_tuned_model_of_the_small_budget():
    """The table's two epochs are those of *the* model, but for the choice of the epoch."""
    from illusionkit.training.book_model import Spec

    dose = experiment(TRIAL).knob.default
    ours = Settings(epochs=round(dose), seed=0, restore_best=False)
    assert {**vars(Spec().settings), "restore_best": False} == vars(ours)
