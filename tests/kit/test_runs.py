"""Trainings inside experiments: run once, what `fit` makes, keyed by all they depend on."""

from dataclasses import replace

import numpy as np
import pytest

from illusionkit import cache
from illusionkit.errors import TrainingError
from illusionkit.models import encoders
from illusionkit.training import runs
from illusionkit.training.batches import Settings, Split
from illusionkit.training.finetune import fit, probabilities

QUICK = Settings(epochs=3, batch_size=16, learning_rate=1e-3, max_tokens=16, restore_best=False)
TEXTS = [f"{'good' if n % 2 else 'bad'} film number {n}" for n in range(64)]
TRAIN = Split(TEXTS[:40], [n % 2 for n in range(40)])
WATCHED = Split(TEXTS[40:52], [n % 2 for n in range(12)])
JUDGED = TEXTS[52:]


@pytest.fixture
def trainings(small, empty_cache, monkeypatch):
    """Train a small model in place of the packaged one; return the list of trainings."""
    noted, real = [], encoders.classifier

    def classifier(classes, *, seed=0):
        noted.append(seed)
        return real(classes, str(small), seed=seed)

    monkeypatch.setattr(runs.encoders, "classifier", classifier)
    return noted


def trained(train=TRAIN, watched=WATCHED, judged=JUDGED, settings=QUICK, classes=2):
    return runs.run(train, watched, judged, settings, classes=classes)


def test_a_training_is_run_once_and_read_ever_after(trainings):
    first, again = trained(), trained()
    assert trainings == [0]
    assert np.array_equal(first.probabilities, again.probabilities)
    assert first.history.equals(again.history)
    assert list(again.history["epoch"]) == [1, 2, 3]
    assert again.best == int(again.history["validation_loss"].argmin())


def test_it_says_what_the_model_of_each_epoch_says(trainings):
    found = trained()
    model, tokenizer = encoders.classifier(2)
    said = []
    settings = QUICK

    def note(_epoch):
        said.append(probabilities(model, tokenizer, JUDGED, settings))

    fitted = fit(model, tokenizer, TRAIN, WATCHED, settings, each_epoch=note)
    assert np.array_equal(found.probabilities, np.array(said))
    assert found.probabilities.shape == (3, len(JUDGED), 2)
    assert not np.array_equal(said[0], said[1])
    assert np.array_equal(found.history["train_loss"], fitted.history["train_loss"])


CHANGES = {
    "a training text": {"train": Split(["new", *TRAIN.texts[1:]], TRAIN.labels)},
    "a training label": {"train": Split(TRAIN.texts, [1, *TRAIN.labels[1:]])},
    "a watched row": {"watched": Split(WATCHED.texts[1:], WATCHED.labels[1:])},
    "a judged text": {"judged": [*JUDGED[:-1], "other"]},
    "the seed": {"settings": replace(QUICK, seed=1)},
    "the rate": {"settings": replace(QUICK, learning_rate=2e-3)},
    "the classes": {"classes": 3},
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_changes_it_is_trained_anew(trainings, name):
    trained()
    trained(**CHANGES[name])
    assert len(trainings) == 2


@pytest.mark.parametrize("name", ["code_hash", "version"])
def test_other_code_or_libraries_train_anew(trainings, monkeypatch, name):
    trained()
    monkeypatch.setattr(runs, name, lambda *_: "another")
    trained()
    assert len(trainings) == 2


def test_a_sample_of_results_trains_afresh(trainings):
    first = trained()
    with cache.afresh("runs"):
        again = trained()
    assert len(trainings) == 2
    assert np.array_equal(first.probabilities, again.probabilities)


def test_the_last_epoch_is_kept_whatever_the_validation_says(trainings):
    """Restoring would show in the last epoch's judgement only if it came before it: it does not."""
    kept = trained(settings=replace(QUICK, restore_best=True))
    plain = trained()
    assert np.array_equal(kept.probabilities, plain.probabilities)


def test_bad_splits_raise_before_anything_is_kept(trainings):
    with pytest.raises(TrainingError, match="one class only"):
        trained(train=Split(TRAIN.texts, [0] * 40))
    assert not list(cache.folder("runs").glob("*.npz"))
