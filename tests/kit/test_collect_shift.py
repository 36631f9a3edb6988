"""Another population: equal prevalence on every side, whole units on one side, nothing else."""

import numpy as np
import pandas as pd
import pytest

from illusionkit.data import corpora
from illusionkit.errors import DataError
from illusionkit.illusions import experiment
from illusionkit.illusions.collect.duplicate_leakage import domain_shift
from illusionkit.models import encoding

TARGETS = ("products", "tweets", "editorials", "movies")
IDS = [f"domain-shift-{target}" for target in TARGETS]
FOREIGN = [name for name in IDS if not name.endswith("movies")]
SIZES = (domain_shift.TRAIN, domain_shift.HELD, domain_shift.JUDGED)


@pytest.fixture
def plain(monkeypatch):
    """Leave out the encoder: what is trained on what does not depend on it."""
    monkeypatch.setattr(encoding, "features", lambda texts: np.zeros((len(texts), 2)))
    domain_shift._task.cache_clear()
    yield
    domain_shift._task.cache_clear()


@pytest.fixture
def fits(plain, monkeypatch):
    """Note what is fitted and judged, and fit nothing."""
    noted = []

    def chances(self, train, judged):
        noted.append((self, train, judged))
        found = np.full((len(judged), 3), 0.2)
        found[np.arange(len(judged)), np.arange(len(judged)) % 3] = 0.6
        return found

    monkeypatch.setattr(domain_shift._Task, "chances", chances)
    return noted


def shares(task, rows):
    return np.bincount(task.label[rows], minlength=3).tolist()


def test_every_experiment_of_the_module_is_tested_here():
    assert [trial.id for trial in domain_shift.EXPERIMENTS] == IDS


@pytest.mark.parametrize("name", IDS)
def test_all_rows_have_equal_prevalence_at_every_dose_and_arm(name, fits):
    trial = experiment(name)
    for dose in trial.knob.doses:
        for arm in trial.arms:
            trial.read(dose, 3, arm)
    train, held, judged = SIZES
    for task, trained, scored in fits:
        assert shares(task, trained) == [train] * 3
        assert shares(task, scored[: 3 * held]) == [held] * 3
        assert shares(task, scored[3 * held :]) == [judged] * 3


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("dose", [0.0, 0.25, 0.9, 1.0])
def test_the_dose_is_the_share_from_elsewhere(name, dose, fits):
    for arm in ("flawed", "cured", "control"):
        experiment(name).read(dose, 0, arm)
    held = 3 * domain_shift.HELD
    for (task, train, scored), in_train, in_held in zip(
        fits, (dose, dose, 0.0), (dose, 0.0, 0.0), strict=True
    ):
        assert (~task.home[train]).mean() == pytest.approx(in_train)
        assert (~task.home[scored[:held]]).mean() == pytest.approx(in_held)
        assert task.home[scored[held:]].all()


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("seed", [0, 7])
def test_no_unit_is_on_two_sides(name, seed, fits):
    trial = experiment(name)
    for arm in trial.arms:
        trial.read(0.5, seed, arm)
    held = 3 * domain_shift.HELD
    for task, train, scored in fits:
        sides = [set(task.unit[rows]) for rows in (train, scored[:held], scored[held:])]
        assert not sides[0] & sides[1]
        assert not sides[0] & sides[2]
        assert not sides[1] & sides[2]
        assert len(set(train)) == len(train)


@pytest.mark.parametrize("name", IDS)
def test_every_arm_and_dose_is_judged_by_the_same_sentences(name, fits):
    trial = experiment(name)
    judged = [trial.read(d, 1, a).honest_rows.unit for a in trial.arms for d in (0.0, 1.0)]
    assert all(np.array_equal(judged[0], found) for found in judged)
    other = trial.read(1.0, 2, trial.arms[0]).honest_rows.unit
    assert not np.array_equal(judged[0], other)


def test_units_of_two_corpora_are_never_the_same(plain):
    task = domain_shift._task("tweets", "book")
    assert not set(task.unit[task.home]) & set(task.unit[~task.home])


def test_the_three_classes_are_those_of_the_five():
    five = corpora.tweets()
    three = domain_shift.load("tweets", "book")
    means = five["mean"].groupby(three["label"].to_numpy()).agg(["min", "max"])
    assert means.loc[0, "max"] < -0.75 <= means.loc[1, "min"]
    assert means.loc[1, "max"] < 0.75 <= means.loc[2, "min"]


def test_the_confirm_part_is_not_read_for_the_book(plain, monkeypatch):
    asked = []
    load = domain_shift.load
    monkeypatch.setattr(domain_shift, "load", lambda *place: asked.append(place) or load(*place))
    domain_shift._task("tweets", "book")
    assert asked == [("movie_reviews", "book"), ("tweets", "book")]


def sentences(sizes, part="book", units=300):
    """Return a made-up corpus with so many sentences of each class."""
    label = np.repeat([0, 2, 4], sizes)
    rng = np.random.default_rng(len(part))
    unit = rng.integers(units, size=len(label)) + (10**6 if part == "confirm" else 0)
    return pd.DataFrame(
        {"text": [f"t{n}" for n in range(len(label))], "label": label, "unit": unit}
    )


@pytest.fixture
def made_up(plain, monkeypatch):
    """Put a made-up corpus in place of the tweets."""

    def put(sizes, confirm=(0, 0, 0)):
        parts = {"book": sentences(sizes), "confirm": sentences(confirm, "confirm")}
        monkeypatch.setattr(corpora, "tweets", lambda part="book": parts[part])

    return put


@pytest.mark.parametrize(
    ("sizes", "lacking"),
    [((900, 0, 900), "0 are there"), ((0, 0, 0), "0 are there"), ((900, 300, 900), "neutral")],
    ids=["one class is missing", "nothing at all", "too few of one class"],
)
def test_a_prevalence_that_cannot_be_reached_is_named(made_up, sizes, lacking):
    made_up(sizes)
    with pytest.raises(DataError, match=rf"Equal prevalence can't be reached.*{lacking}"):
        experiment("domain-shift-tweets").read(0.0, 0)


def test_confirming_judges_only_what_nobody_read(made_up, fits):
    made_up((900, 900, 900), (50, 40, 60))
    reading = experiment("domain-shift-tweets").read(1.0, 0, "flawed", "confirm")
    assert len(reading.honest_rows.truth) == 3 * 40
    task, train, scored = fits[-1]
    assert task.confirm[scored[3 * domain_shift.HELD :]].all()
    assert not task.confirm[train].any()
    assert not task.confirm[scored[: 3 * domain_shift.HELD]].any()


def test_a_confirm_part_without_a_class_is_named(made_up, fits):
    made_up((900, 900, 900), (50, 0, 60))
    with pytest.raises(DataError, match="Equal prevalence can't be reached: 1 neutral"):
        experiment("domain-shift-tweets").read(1.0, 0, "flawed", "confirm")


def drawn(share, size=4):
    own = [np.arange(10) + 100 * c for c in range(3)]
    foreign = [np.arange(10) + 100 * c + 50 for c in range(3)]
    return domain_shift.mixed(own, foreign, share, size)


def test_mixing_replaces_and_does_not_add():
    assert len(drawn(0.0)) == len(drawn(0.5)) == len(drawn(1.0)) == 12
    assert drawn(0.5).tolist() == [50, 51, 0, 1, 150, 151, 100, 101, 250, 251, 200, 201]


def test_what_is_believed_right_is_as_much_as_was_right_where_it_is_known():
    rng = np.random.default_rng(0)
    chances = rng.dirichlet([1, 1, 1], 5000)
    truth = np.where(rng.random(5000) < 0.7, chances.argmax(axis=1), 3)
    assert domain_shift.believed(chances, truth, chances).mean() == pytest.approx(0.7, abs=0.02)


def test_confidence_is_the_accuracy_after_calibration_where_nothing_shifted():
    rng = np.random.default_rng(1)
    chances = rng.dirichlet([1, 1, 1], 20_000)
    truth = (rng.random((20_000, 1)) > chances.cumsum(axis=1)).sum(axis=1)
    accuracy = (chances.argmax(axis=1) == truth).mean()
    bold = chances**3 / (chances**3).sum(axis=1, keepdims=True)
    found = domain_shift.mean_confidence(bold, truth, bold)
    assert found == pytest.approx(accuracy, abs=0.01)
    assert bold.max(axis=1).mean() > accuracy + 0.05  # so the calibration did something


def test_a_word_that_turns_in_the_other_population_fools_the_lab_and_the_estimate(monkeypatch):
    """A population whose truth is known: a feature means the contrary elsewhere."""
    rng = np.random.default_rng(0)
    label = np.tile([0, 1, 2], 2000)
    home = np.repeat([False, True], 3000)
    shown = np.where(home & (rng.random(6000) < 0.5), 2 - label, label)
    found = np.eye(3)[shown] * 3 + rng.normal(size=(6000, 3)) * 0.3
    unit = np.array([f"u{n}" for n in range(6000)])
    task = domain_shift._Task(found, label, unit, home, np.zeros(6000, bool))
    monkeypatch.setattr(domain_shift, "_task", lambda target, part: task)
    trial = experiment("domain-shift-tweets")
    optimism = {
        (arm, dose): trial.optimism(trial.read(dose, 0, arm))
        for arm, dose in (
            ("flawed", 1.0), ("estimated", 1.0), ("flawed", 0.0), ("control", 1.0), ("cured", 1.0)
        )
    }  # fmt: skip
    assert optimism["flawed", 1.0] > 0.25
    assert optimism["estimated", 1.0] > 0.25
    for place in (("flawed", 0.0), ("control", 1.0), ("cured", 1.0)):
        assert abs(optimism[place]) < 0.1
