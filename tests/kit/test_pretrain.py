"""The experiment on the pre-training loss: who is trained on what, and what each arm reports."""

import numpy as np
import pytest

from illusionkit import cache
from illusionkit.data import corpora
from illusionkit.illusions import experiment
from illusionkit.illusions.pretrain import pretraining_loss
from illusionkit.training.pretraining import unigram_nats

TRIAL = "pretraining-loss"


@pytest.fixture
def told(monkeypatch):
    """Looks that say: at look n every place costs as many nats as is set for it; no training."""
    curves = {
        "train": np.array([8, 6, 5, 4.5]),
        "development": np.array([8, 7, 7.2, 7.5]),
        "held_out": np.array([8.1, 7.2, 7.1, 7.6]),
    }

    def looks(seed, part="book"):
        _, _, masked = pretraining_loss.material(seed, part)
        found = {}
        for place, batches in masked.items():
            pair = np.concatenate([b.rows[b.chosen.nonzero()[:, 0].numpy()] for b in batches])
            word = np.concatenate([b.labels[b.chosen].numpy() for b in batches])
            rows = np.concatenate([b.rows for b in batches])
            values = {"pair": pair, "word": word, "guess": word * (np.arange(len(word)) % 2)}
            values |= {"rows": rows, "right": rows % 4 > 0, "next_nats": rows * 0.0}
            found |= {f"{place}.{name}": np.tile(v, (4, 1)) for name, v in values.items()}
            found[f"{place}.nats"] = np.repeat(curves[place][:, None], len(word), axis=1)
        return found

    monkeypatch.setattr(pretraining_loss, "looks", looks)
    return curves


@pytest.mark.parametrize(("dose", "look"), [(150, 0), (300, 1), (360, 1), (380, 2), (600, 3)])
def test_flawed_and_control_are_the_look_of_the_dose(told, dose, look):
    flawed, control = (experiment(TRIAL).read(dose, 0, arm) for arm in ("flawed", "control"))
    assert flawed.apparent == pytest.approx(told["train"][look])
    assert control.apparent == pytest.approx(told["development"][look])
    for reading in (flawed, control):
        assert reading.honest == pytest.approx(told["held_out"][look])
        assert reading.extras["step"] == 150 * (look + 1)


@pytest.mark.parametrize(("dose", "look"), [(150, 0), (300, 1), (450, 1), (600, 1)])
def test_the_cure_takes_the_look_that_development_documents_chose(told, dose, look):
    reading = experiment(TRIAL).read(dose, 0, "cured")
    assert reading.apparent == pytest.approx(told["development"][look])
    assert reading.honest == pytest.approx(told["held_out"][look])
    assert reading.extras["step"] == 150 * (look + 1)


def test_a_training_loss_that_is_lower_looks_better(told):
    reading = experiment(TRIAL).read(600, 0)
    assert experiment(TRIAL).optimism(reading) == pytest.approx(7.6 - 4.5)


def test_the_extras_are_of_the_same_places(told):
    _, batches, masked = pretraining_loss.material(1)
    extras = experiment(TRIAL).read(600, 1).extras
    counts = batches["train"].word_counts()
    for name, place in (("apparent", "train"), ("honest", "held_out")):
        assert extras[f"unigram_{name}"] == pytest.approx(
            unigram_nats(counts, masked[place]).mean(), abs=1e-5
        )
        assert extras[f"guessed_{name}"] == pytest.approx(0.5, abs=0.01)
        rows = np.concatenate([batch.rows for batch in masked[place]])
        assert extras[f"next_sentence_{name}"] == np.mean(rows % 4 > 0)


def test_a_seed_draws_fifty_documents_and_other_strangers():
    (one, batches, masked), (other, _, _) = (
        pretraining_loss.material(0),
        pretraining_loss.material(1),
    )
    for pairs in (one, other):
        assert pairs["train"]["unit"].nunique() == pretraining_loss.DOCUMENTS == 50
        assert set(pairs["held_out"]["unit"]) == set(one["held_out"]["unit"])
    assert set(one["train"]["unit"]) != set(other["train"]["unit"])
    assert len(batches["train"]) == len(one["train"])
    assert sum(len(batch.rows) for batch in masked["train"]) == pretraining_loss.JUDGED_IN_TRAINING
    assert sum(len(batch.rows) for batch in masked["held_out"]) == len(one["held_out"])


def test_the_holdout_is_used_by_nobody(told):
    reading = experiment(TRIAL).read(150, 0)
    pairs, _, _ = pretraining_loss.material(0)
    assert set(reading.honest_rows.unit) <= set(pairs["held_out"]["unit"])
    assert set(reading.used_units) == {*pairs["train"]["unit"], *pairs["development"]["unit"]}


def test_the_confirm_part_is_the_holdout_and_nothing_else(told):
    reading = experiment(TRIAL).read(150, 0, part="confirm")
    units = {
        f"{name} {unit}"
        for name in ("editorials", "product_reviews")
        for unit in corpora.CORPORA[name]("confirm")["unit"]
    }
    assert set(reading.honest_rows.unit) <= units
    book, _, _ = pretraining_loss.material(0)
    again, _, _ = pretraining_loss.material(0, "confirm")
    assert book["train"]["first"].equals(again["train"]["first"])


def test_a_place_that_is_given_no_chance_at_all_costs_a_finite_loss(told):
    rows = experiment(TRIAL).read(150, 0).apparent_rows
    never = type(rows)(rows.truth, rows.prediction, rows.unit, np.zeros(len(rows.truth)))
    assert pretraining_loss.LOSS.score(never) == pytest.approx(-np.log(1e-12))


def test_a_training_is_run_once_and_kept(monkeypatch, fresh_cache):
    """Two looks at two steps each; the archives come from the user's cache."""
    monkeypatch.setattr(pretraining_loss, "STEPS", 2)
    monkeypatch.setattr(pretraining_loss, "LOOKS", 2)
    ran, real = [], pretraining_loss.pretrain

    def counted(*given):
        ran.append(given)
        return real(*given)

    material = few()
    monkeypatch.setattr(pretraining_loss, "material", lambda seed, part="book": material)
    monkeypatch.setattr(pretraining_loss, "pretrain", counted)
    first, again = pretraining_loss.looks(0), pretraining_loss.looks(0)
    assert len(ran) == 1
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert first["held_out.nats"].shape[0] == 2
    with cache.afresh("runs"):
        fresh = pretraining_loss.looks(0)
    assert len(ran) == 2
    assert np.allclose(first["train.nats"], fresh["train.nats"], atol=1e-4)


def few():
    """Return the material of seed 0 with a few batches to judge by."""
    pairs, batches, masked = pretraining_loss.material(0)
    return pairs, batches, {place: found[:1] for place, found in masked.items()}
