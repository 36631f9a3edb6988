"""The luckiest run: rows that do not meet, a winner chosen by the development set alone."""

import numpy as np
import pytest

from illusionkit.illusions import experiment
from illusionkit.illusions.tune.small_sample import small_sample

ARMS = ("flawed", "control", "cured")


@pytest.fixture(autouse=True)
def read_anew(made_up_features):
    """Reviews with made-up features, which no other test sees."""
    small_sample._reviews.cache_clear()
    yield
    small_sample._reviews.cache_clear()


@pytest.fixture
def runs(monkeypatch):
    """Note what each run was trained on and what it said."""
    noted, real = [], small_sample._run

    def run(found, label, pool, judged, rng):
        said = real(found, label, pool, judged, rng)
        noted.append((set(pool), judged, said))
        return said

    monkeypatch.setattr(small_sample, "_run", run)
    return noted


def read(arm="flawed", seed=0, **dose):
    return experiment("small-sample").read(dose, seed, arm)


def units(rows):
    return set(small_sample._reviews("book")[0]["unit"].to_numpy()[list(rows)])


def test_vault_development_set_and_pool_share_no_unit(runs):
    read(runs=1, dev=200)
    pool, judged, _ = runs[0]
    dev, vault = judged[:200], judged[200:]
    assert not units(pool) & units(dev)
    assert not units(pool) & units(vault)
    assert not units(dev) & units(vault)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_flawed_arm_reports_the_best_run_by_the_development_set(runs, seed):
    reading = read(runs=5, dev=100, seed=seed)
    table = small_sample._reviews("book")[0]["label"].to_numpy()
    _, judged, _ = runs[0]
    scores = [np.mean(said[:100] == table[judged[:100]]) for _, _, said in runs]
    assert reading.apparent == pytest.approx(max(scores))
    winner = runs[int(np.argmax(scores))][2]
    assert reading.honest == pytest.approx(np.mean(winner[100:] == table[judged[100:]]))


def test_with_one_run_there_is_nothing_to_choose():
    flawed, control = (read(arm, runs=1) for arm in ("flawed", "control"))
    assert (flawed.apparent, flawed.honest) == (control.apparent, control.honest)


def test_the_control_is_the_first_run_however_many_there_are():
    one, many = (read("control", runs=count) for count in (1, 5))
    assert (one.apparent, one.honest) == (many.apparent, many.honest)


def test_the_cure_chooses_by_one_half_and_reports_the_other(runs):
    reading = read("cured", runs=5, dev=100)
    table = small_sample._reviews("book")[0]["label"].to_numpy()
    _, judged, _ = runs[0]
    first = [np.mean(said[:50] == table[judged[:50]]) for _, _, said in runs]
    winner = runs[int(np.argmax(first))][2]
    assert reading.apparent == pytest.approx(np.mean(winner[50:100] == table[judged[50:100]]))
    assert len(reading.apparent_rows.truth) == 50


def test_all_arms_are_judged_by_the_same_vault():
    first, second, third = (read(arm, runs=2).honest_rows for arm in ARMS)
    assert np.array_equal(first.unit, second.unit) and np.array_equal(first.unit, third.unit)
    assert np.array_equal(first.truth, second.truth)


def test_the_confirm_part_judges_and_trains_nobody(runs):
    experiment("small-sample").read({"runs": 1, "dev": 50}, 0, "flawed", "confirm")
    table = small_sample._reviews("confirm")[0]
    pool, judged, _ = runs[0]
    assert (table["part"].to_numpy()[list(pool)] == "book").all()
    assert (table["part"].to_numpy()[judged[50:]] == "confirm").all()
