"""The luckiest run: a winner chosen by the development set alone, and judged by nobody else."""

import numpy as np
import pytest

from illusionkit.experiment.task import Task
from illusionkit.illusions import experiment
from illusionkit.illusions.tune import small_sample


@pytest.fixture(autouse=True)
def tasks(made_up_features, monkeypatch):
    """Reviews with made-up features, which no other test sees; and the tasks that were read."""
    from illusionkit.experiment import task

    for memory in (small_sample.reviews, task.read_encoded):
        memory.cache_clear()
    noted, reading = [], Task.reading
    monkeypatch.setattr(Task, "reading", lambda s, *a, **k: noted.append(s) or reading(s, *a, **k))
    yield noted
    for memory in (small_sample.reviews, task.read_encoded):
        memory.cache_clear()


def read(arm="flawed", seed=0, **dose):
    return experiment("small-sample").read(dose, seed, arm)


def scores(task, side, part=slice(None)):
    """Return the accuracy of every run, on the development set (0) or in the holdout (1)."""
    rows = [fit.judged[side] for fit in task.fits]
    return np.array([np.mean(r.prediction[part] == r.truth[part]) for r in rows])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_flawed_arm_reports_the_best_run_by_the_development_set(tasks, seed):
    reading = read(runs=5, dev=100, seed=seed)
    dev, held = scores(tasks[0], 0), scores(tasks[0], 1)
    assert len(dev) == 5 and len(reading.apparent_rows.truth) == 100
    assert reading.apparent == pytest.approx(dev.max())
    assert reading.honest == pytest.approx(held[dev.argmax()])
    assert reading.extras["best_run_in_holdout"] == pytest.approx(held.max())
    assert reading.extras["spread_of_runs"] == pytest.approx(held.std())


def test_the_control_is_the_first_run_however_many_there_are():
    one, many = (read("control", runs=count) for count in (1, 5))
    assert (one.apparent, one.honest) == (many.apparent, many.honest)


def test_the_cure_chooses_by_one_half_and_reports_the_other(tasks):
    reading = read("cured", runs=5, dev=100)
    winner = scores(tasks[0], 0, slice(50)).argmax()
    assert reading.apparent == pytest.approx(scores(tasks[0], 0, slice(50, 100))[winner])
    assert len(reading.apparent_rows.truth) == 50


def test_what_chose_was_used_and_the_runs_share_no_unit_with_it(tasks):
    reading = read("cured", runs=3, dev=200)
    task = tasks[0]
    dev = set(task.fits[0].judged[0].unit)
    trained = set(task.unit[np.concatenate([fit.train for fit in task.fits])])
    assert all(len(set(fit.train)) == small_sample.TRAIN_ROWS for fit in task.fits)
    assert not dev & trained
    assert set(reading.used_units) == dev | trained
