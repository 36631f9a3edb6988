"""A loop with a line missing: what is drawn, what is trained, and what the readings compare."""

import numpy as np
import pytest

from illusionkit.illusions import experiment
from illusionkit.illusions.tune import silent_bug
from illusionkit.models import encoders

TRIAL = "silent-bug"


@pytest.fixture
def asked(monkeypatch):
    """Note what is asked to be trained, and answer without a training."""
    noted = []

    def train(splits, settings, ablation):
        noted.append((splits, settings, ablation))
        count = len(splits[2])
        said = np.full((count, 5), 0.2)
        worse = np.full((count, 5), 0.1) if ablation == "row numbers" else said
        return {
            "reported": worse, "sound": said, "padding": np.array(0.1),
            "train_loss": np.array([2.0, 1.0]), "validation_loss": np.array([2.0, 1.5]),
        }  # fmt: skip

    monkeypatch.setattr(silent_bug, "_train", train)
    monkeypatch.setattr(silent_bug, "_key", lambda *_: "")
    monkeypatch.setattr(silent_bug.cache, "arrays", lambda _folder, _key, make: make())
    return noted


def test_no_unit_is_in_two_of_the_three_sets():
    units = [set(rows["unit"]) for rows in silent_bug.draw(0)]
    assert [len(found) for found in units] == [250, 50, 300]
    assert len(set.union(*units)) == 600


def test_another_seed_draws_other_reviews_and_the_same_seed_the_same():
    first, again, other = (list(silent_bug.draw(seed)[0]["text"]) for seed in (0, 0, 1))
    assert first == again != other


def test_the_confirm_part_is_judged_and_never_trained_on():
    train, watched, judged = silent_bug.draw(0, "confirm")
    assert set(judged["part"]) == {"confirm"}
    assert set(train["part"]) | set(watched["part"]) == {"book"}
    assert set(silent_bug.draw(0)[2]["part"]) == {"book"}


def test_both_loops_get_the_same_rows_and_settings(asked):
    experiment(TRIAL).read(2.5, 1, "clip")
    (broken, settings, ablation), (whole, plain, none) = asked
    assert (ablation, none) == ("clip", None)
    assert broken == whole and settings == plain
    assert settings.learning_rate == pytest.approx(2.5e-4) and settings.seed == 1


def test_another_seed_removes_nothing_and_trains_on_the_same_rows(asked):
    experiment(TRIAL).read(2.5, 1, silent_bug.OTHER_SEED)
    (other, settings, ablation), (whole, plain, _) = asked
    assert ablation is None and other == whole
    assert settings.seed != plain.seed


def test_the_sorted_file_holds_the_same_rows_by_class(asked):
    experiment(TRIAL).read(2.5, 0, silent_bug.SORTED)
    (file, *_), (whole, *_) = asked[0][0], asked[1][0]
    assert file.labels == sorted(whole.labels)
    assert sorted(file.texts) == sorted(whole.texts)


def test_the_optimism_is_that_of_the_report_and_the_extra_that_of_the_model(asked):
    trial = experiment(TRIAL)
    reading = trial.read(2.5, 0, "row numbers")
    assert trial.optimism(reading) == pytest.approx(np.log(0.1) - np.log(0.2))
    assert reading.extras["model_worse"] == 0
    assert reading.extras["moved"] == pytest.approx(0.1)
    assert trial.optimism(trial.read(2.5, 0, "clip")) == 0


def test_a_removal_that_only_prints_trains_the_same_model(small, monkeypatch):
    """By the real loop, on a small model: nothing but the printed training loss moves."""
    real = encoders.classifier
    monkeypatch.setattr(
        silent_bug.encoders,
        "classifier",
        lambda classes, seed: real(classes, str(small), seed=seed),
    )
    rows = silent_bug.draw(0)
    monkeypatch.setattr(silent_bug, "draw", lambda seed, part="book": tuple(r[:60] for r in rows))
    monkeypatch.setattr(silent_bug.cache, "arrays", lambda _folder, _key, make: make())
    reading = experiment(TRIAL).read(5, 0, "short batch")
    assert reading.apparent == reading.honest
    assert reading.extras["moved"] == 0
    assert reading.extras["train_loss_1"] != reading.extras["train_loss_1_whole"]
