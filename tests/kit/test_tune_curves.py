"""The misread curve: the experiment reads what the listing prints, and its rows are fair."""

import numpy as np
import pytest
import torch

from illusionkit.errors import DesignError
from illusionkit.experiment.draws import deal
from illusionkit.experiment.reading import Rows
from illusionkit.illusions import experiment
from illusionkit.illusions.tune import misread_curve as curves
from illusionkit.models import learners
from illusionkit.training.book_model import splits, tables, units

TRIAL = "misread-curve"
ARMS = ("flawed", "control", "cured")


pytestmark = pytest.mark.usefixtures("made_up_features")


def rows_of(group, probability):
    size = len(group)
    units = np.arange(size)
    return Rows(np.zeros(size), np.zeros(size), units, np.array(probability), np.array(group))


def listing(found, label, dev, dev_label, size, seed):
    """The source document's loop, its scoring after every batch left in; return what it has.

    The order of the rows is the experiment's; so is the head.
    """
    torch.manual_seed(seed)
    order = torch.Generator().manual_seed(seed)
    model = torch.nn.Sequential(
        torch.nn.Linear(found.shape[1], learners.HIDDEN),
        torch.nn.Tanh(),
        torch.nn.Dropout(learners.DROPOUT),
        torch.nn.Linear(learners.HIDDEN, curves.CLASSES),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=curves.LEARNING_RATE)
    inputs, labels = torch.from_numpy(found).float(), torch.from_numpy(label)
    held, held_labels = torch.from_numpy(dev).float(), torch.from_numpy(dev_label)
    loss_of = torch.nn.functional.cross_entropy
    modes = []
    model.train()
    for _ in range(curves.EPOCHS):
        for rows in torch.randperm(len(label), generator=order).split(size):
            modes.append(model.training)
            loss = loss_of(model(inputs[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            model.eval()
            for at in torch.arange(len(dev_label)).split(size):
                with torch.no_grad():
                    loss = loss_of(model(held[at]), held_labels[at])
    with torch.no_grad():
        train, dev_loss = loss_of(model(inputs), labels), loss_of(model(held), held_labels)
    return {"printed": loss.item(), "train": train.item(), "dev": dev_loss.item()}, modes


@pytest.mark.parametrize("batches", [5, 7, 40])
def test_the_flawed_arm_is_the_listing(batches):
    """The experiment leaves out the scoring that is overwritten, and nothing changes by that."""
    reading = experiment(TRIAL).read(batches, 3)
    table, found = units("book")
    book = np.ones(len(table), dtype=bool)
    rows = np.concatenate(deal(book, np.random.default_rng([3, 11]), 640, 300))
    label = table["label"].to_numpy()
    (train, dev), size = np.split(rows, [curves.TRAIN_ROWS]), int(np.ceil(640 / batches))
    parts = (found[train], label[train], found[dev], label[dev])
    losses, modes = listing(*parts, size, 3)
    assert modes == [True] + [False] * (curves.EPOCHS * -(-640 // size) - 1)
    assert reading.extras["printed_train_loss"] == pytest.approx(losses["printed"], abs=1e-4)
    assert reading.extras["train_loss"] == pytest.approx(losses["train"], abs=1e-4)
    assert reading.extras["dev_loss"] == pytest.approx(losses["dev"], abs=1e-4)
    assert reading.apparent == pytest.approx(losses["dev"] - losses["printed"], abs=1e-4)
    assert reading.honest == pytest.approx(losses["dev"] - losses["train"], abs=1e-4)


def test_the_listing_reads_no_training_row():
    reading = experiment(TRIAL).read(20, 0)
    group = reading.apparent_rows.group
    assert (group[: curves.TRAIN_ROWS] == curves.UNREAD).all()
    both = np.flatnonzero(group == curves.DEV | curves.TRAIN)
    assert list(both) == list(range(928, 940))  # 300 rows in batches of 32: the last has 12
    assert (group[curves.TRAIN_ROWS : 928] == curves.DEV).all()


@pytest.mark.parametrize("size", [4, 8, 32, 44, 128, 300, 500])
def test_the_last_batch_is_counted_right(size):
    batches = np.split(np.arange(curves.DEV_ROWS), range(size, curves.DEV_ROWS, size))
    assert curves._last(size) == len(batches[-1])


def test_over_all_batches_the_listings_gap_is_nothing_on_average():
    """Each development row is as likely as another to be in the last batch."""
    loss = np.random.default_rng(0).exponential(size=60)
    gaps = []
    for last in np.split(np.arange(60), 5):
        group = np.full(60, curves.DEV)
        group[last] |= curves.TRAIN
        gaps.append(curves.GAP.score(rows_of(group, np.exp(-loss))))
    assert np.mean(gaps) == pytest.approx(0)
    assert max(np.abs(gaps)) > 0.01


def test_the_gap_by_hand():
    rows = rows_of([0, 1, 2, 3], np.exp([-9.0, -2.0, -0.5, -1.0]))
    assert curves.GAP.score(rows) == pytest.approx((2 + 1) / 2 - (0.5 + 1) / 2)
    weighed = curves.GAP.score(rows, np.array([5.0, 3.0, 1.0, 1.0]))
    assert weighed == pytest.approx((3 * 2 + 1) / 4 - (0.5 + 1) / 2)
    for weights in ([1, 0, 1, 0], [1, 1, 0, 0]):
        assert np.isnan(curves.GAP.score(rows, np.array(weights, dtype=float)))
    never = curves.GAP.score(rows_of([1, 2], [0.0, 1.0]))
    assert never == pytest.approx(-np.log(1e-12))


def test_a_gap_that_looks_smaller_than_it_is_looks_better():
    trial = experiment(TRIAL)
    reading = trial.read(80, 0)
    assert trial.optimism(reading) == pytest.approx(reading.honest - reading.apparent)
    assert reading.honest > 0.3  # made-up features, 400 steps: the head knows its rows


def test_without_dropout_and_without_steps_the_corrected_loop_reports_the_truth(monkeypatch):
    monkeypatch.setattr(learners, "DROPOUT", 0.0)
    monkeypatch.setattr(curves, "LEARNING_RATE", 0.0)
    reading = experiment(TRIAL).read(10, 0, "control")
    assert reading.apparent == pytest.approx(reading.honest, abs=1e-6)
    monkeypatch.setattr(learners, "DROPOUT", 0.5)
    assert experiment(TRIAL).read(10, 0, "control").apparent < reading.apparent - 0.01


def test_the_control_adds_up_what_it_met_and_the_cure_asks_again():
    control, cured = (experiment(TRIAL).read(20, 0, arm) for arm in ("control", "cured"))
    train = slice(curves.TRAIN_ROWS)
    assert np.array_equal(control.apparent_rows.group, control.honest_rows.group)
    assert not np.allclose(
        control.apparent_rows.probability[train], control.honest_rows.probability[train]
    )
    assert (cured.apparent_rows.group[train] == curves.TRAIN).sum() == curves.DEV_ROWS
    assert np.array_equal(cured.apparent_rows.probability, cured.honest_rows.probability)
    assert cured.honest == control.honest  # one training
    assert cured.apparent != cured.honest  # by a sample, not by construction


def test_both_loops_start_alike_and_take_the_rows_in_one_order(monkeypatch):
    monkeypatch.setattr(learners, "DROPOUT", 0.0)
    flawed, control = (experiment(TRIAL).read(20, 1, arm) for arm in ("flawed", "control"))
    assert flawed.honest == control.honest


@pytest.mark.parametrize("seed", [0, 1])
def test_trained_and_development_rows_never_meet_nor_the_other_splits(seed):
    readings = [experiment(TRIAL).read(5, seed, arm) for arm in ARMS]
    unit = readings[0].honest_rows.unit
    assert all(np.array_equal(unit, other.honest_rows.unit) for other in readings)
    assert len(np.unique(unit)) == len(unit) == curves.TRAIN_ROWS + curves.DEV_ROWS
    parts = tables()
    assert set(unit) <= set(parts["train"]["unit"])
    assert not set(unit) & (set(parts["test"]["unit"]) | set(parts["validation"]["unit"]))


def test_rows_and_features_belong_together():
    table, found = units("book")
    label = dict(zip(splits()["train"].texts, splits()["train"].labels, strict=True))
    assert [label[text] for text in table["text"]] == list(table["label"])
    assert found.shape == (len(table), 64)
    assert np.abs(found.mean(axis=0)).max() < 1e-4
    assert np.isfinite(found).all()
    signal = np.array([found[table["label"] == k, 59 + k].mean() for k in range(curves.CLASSES)])
    assert (signal > 0.3).all()


@pytest.mark.parametrize("dose", [1, 161, -5, float("nan")])
def test_a_dose_out_of_range_is_refused(dose):
    with pytest.raises(DesignError, match="'batches' goes from 2 to 160"):
        experiment(TRIAL).read(dose)


def test_a_dose_between_whole_numbers_still_takes_every_row():
    reading = experiment(TRIAL).read(2.5, 0, "control")
    assert (reading.apparent_rows.probability > 0).all()
    assert len(reading.apparent_rows.truth) == 940
