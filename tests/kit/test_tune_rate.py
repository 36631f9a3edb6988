"""Learning rate and batch size: the rule is the document's, and no score chooses on the holdout."""

from functools import partial

import numpy as np
import pytest
import torch

from illusionkit.errors import DesignError
from illusionkit.experiment.reading import Rows
from illusionkit.illusions import experiment
from illusionkit.illusions.tune import learning_rate as rates
from illusionkit.models import learners
from illusionkit.training.book_model import tables

TRIAL, CHOICE = "learning-rate", "chosen-rate"
SMALL = "batches of 8"
ARMS = ("flawed", "control", "cured")


@pytest.fixture(autouse=True)
def trained_anew(made_up_features):
    """Heads on made-up features, which no other test sees."""
    memory = rates._trained  # a test may put another function there
    memory.cache_clear()
    yield
    memory.cache_clear()


def test_the_rule_is_that_of_the_document(monkeypatch):
    """One epoch by hand: θ ← θ − η∇L after each batch, on the same head and the same batches."""
    monkeypatch.setattr(learners, "DROPOUT", 0.0)
    rng = np.random.default_rng(3)
    features, label = rng.normal(size=(640, 64)), rng.integers(5, size=640)
    met, labels, seen = [], torch.from_numpy(label), []

    def note(head, rows, logits):
        met.append(torch.nn.functional.cross_entropy(logits, labels[rows]).item())
        seen.append(rows)

    rule = learners.HeadTraining(5, 96, 1, 3, partial(torch.optim.SGD, lr=0.1))
    trained = rule.fit(features, label, note)

    torch.manual_seed(3)
    order = torch.Generator().manual_seed(3)
    head = torch.nn.Sequential(
        torch.nn.Linear(64, learners.HIDDEN),
        torch.nn.Tanh(),
        torch.nn.Dropout(0.0),
        torch.nn.Linear(learners.HIDDEN, 5),
    )
    inputs = torch.from_numpy(features).float()
    for n, rows in enumerate(torch.randperm(640, generator=order).split(96)):  # the last has 64
        loss = torch.nn.functional.cross_entropy(head(inputs[rows]), labels[rows])
        assert torch.equal(rows, seen[n])
        assert met[n] == pytest.approx(loss.item(), abs=1e-6)
        slopes = torch.autograd.grad(loss, list(head.parameters()))
        with torch.no_grad():
            for weight, slope in zip(head.parameters(), slopes, strict=True):
                weight -= 0.1 * slope
    for mine, theirs in zip(head.parameters(), trained.parameters(), strict=True):
        assert torch.allclose(mine, theirs, rtol=0, atol=1e-6)
    assert not trained.training
    assert torch.allclose(learners.logits_of(trained, features), head.eval()(inputs), atol=1e-5)


def test_the_run_reports_the_mean_over_the_rows_of_its_last_epoch(monkeypatch):
    """At a rate of next to nothing it is the loss of the rows, but for the dropout."""
    monkeypatch.setattr(learners, "DROPOUT", 0.0)
    extras = experiment(TRIAL).read(1e-4, 1, "batches of 128").extras
    assert extras["reported_loss"] == pytest.approx(extras["train_loss"], abs=2e-3)


def test_the_loss_by_hand():
    rows = Rows(np.zeros(3), np.zeros(3), np.arange(3), np.exp([-1.0, -2.0, -6.0]))
    assert rates.LOSS.score(rows) == pytest.approx(3)
    assert rates.LOSS.score(rows, np.array([1.0, 1.0, 0.0])) == pytest.approx(1.5)
    never = Rows(np.zeros(1), np.zeros(1), np.zeros(1), np.zeros(1))
    assert rates.LOSS.score(never) == pytest.approx(-np.log(1e-12))


def test_a_training_loss_below_the_holdouts_looks_better_than_it_is():
    trial = experiment(TRIAL)
    reading = trial.read(0.1, 0, SMALL)
    assert trial.optimism(reading) == pytest.approx(reading.honest - reading.apparent)
    assert trial.optimism(reading) > 0.3
    assert reading.apparent == pytest.approx(reading.extras["train_loss"])
    assert reading.honest == pytest.approx(reading.extras["holdout_loss"])


def test_what_learned_nothing_has_no_optimism():
    trial = experiment(TRIAL)
    assert abs(trial.optimism(trial.read(1e-4, 0, "batches of 128"))) < 0.05


def test_smaller_batches_take_more_steps_and_know_their_rows_better():
    losses = [experiment(TRIAL).read(0.03, 1, arm).apparent for arm in rates.BATCHES]
    assert losses == sorted(losses)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_rows_are_as_many_as_said_and_none_of_the_other_splits(seed):
    reading = experiment(TRIAL).read(0.001, seed, SMALL)
    sides = [
        set(reading.apparent_rows.unit),
        set(reading.used_units),
        set(reading.honest_rows.unit),
    ]
    assert [len(side) for side in sides] == [640, 940, 2000]
    parts = tables()
    other = set(parts["test"]["unit"]) | set(parts["validation"]["unit"])
    assert not other & set.union(*sides)


def test_each_arm_takes_the_setting_it_says(monkeypatch):
    """Losses are made up: the holdout prefers the first setting, training and validation others."""

    def trained(rate, size, seed, part):
        sizes = {
            "train": (0, rate),
            "validation": (10, abs(rate - 0.01)),
            "holdout": (20, 1 / size),
        }
        return rates.Trained(
            {
                name: Rows(
                    np.arange(5) % 2, np.zeros(5), at + np.arange(5), np.full(5, np.exp(-loss))
                )
                for name, (at, loss) in sizes.items()
            },
            reported=9.0,
        )

    monkeypatch.setattr(rates, "_trained", trained)
    flawed, control, cured = (experiment(CHOICE).read(15, 4, arm) for arm in ARMS)
    assert (flawed.extras["rate"], flawed.apparent) == (0.001, pytest.approx(0.001))
    assert (cured.extras["rate"], cured.apparent) == (0.01, pytest.approx(0))
    assert control.apparent == pytest.approx(abs(control.extras["rate"] - 0.01))
    assert flawed.honest == pytest.approx(1 / flawed.extras["batch"])


def test_one_setting_leaves_nothing_to_choose():
    flawed, control, cured = (experiment(CHOICE).read(1, 2, arm) for arm in ARMS)
    assert flawed.honest == control.honest == cured.honest
    assert control.apparent == cured.apparent


def test_more_settings_never_raise_the_lowest_training_loss():
    lowest = [experiment(CHOICE).read(k, 3, "flawed").apparent for k in (1, 3, 6)]
    assert lowest == sorted(lowest, reverse=True)


@pytest.mark.parametrize("rate", [0.0, -1.0, 11.0, float("nan")])
def test_a_rate_out_of_range_is_refused(rate):
    with pytest.raises(DesignError, match=r"'rate' goes from 0\.0001 to 10"):
        experiment(TRIAL).read(rate, 0, SMALL)


def test_an_arm_is_named_by_its_batches():
    with pytest.raises(DesignError, match=r"has no arm 'flawed'\. It has: batches of 8"):
        experiment(TRIAL).read(0.1)
