"""Another population: equal prevalence on every side, whole units on one side, nothing else."""

import numpy as np
import pandas as pd
import pytest

from illusionkit.data import corpora
from illusionkit.errors import DataError
from illusionkit.experiment import draws
from illusionkit.illusions import experiment
from illusionkit.illusions.collect import domain_shift
from illusionkit.models import encoding
from illusionkit.models.learners import Probe, linear_probe

TARGETS = ("products", "tweets", "editorials", "movies")
IDS = [f"domain-shift-{target}" for target in TARGETS]
FOREIGN = [name for name in IDS if not name.endswith("movies")]
SIZES = (domain_shift.TRAIN, domain_shift.HELD, domain_shift.JUDGED)


@pytest.fixture
def plain(monkeypatch):
    """Leave out the encoder: what is trained on what does not depend on it."""
    monkeypatch.setattr(encoding, "features", lambda texts: np.zeros((len(texts), 2)))
    domain_shift._sentences.cache_clear()
    yield
    domain_shift._sentences.cache_clear()


@pytest.fixture
def fits(plain, monkeypatch):
    """Note what is fitted and judged, and fit nothing."""
    noted = []

    def trusted(task, arm, *, train, held, judged):
        noted.append((task, train, held, judged))
        return real(task, arm, train=train, held=held, judged=judged)

    def chances(self, train, labels, test):
        return np.random.default_rng(len(train)).dirichlet(np.ones(3), len(test))

    real = domain_shift.trusted
    monkeypatch.setattr(domain_shift, "trusted", trusted)
    monkeypatch.setattr(Probe, "chances", chances)
    return noted


@pytest.mark.parametrize("name", IDS)
def test_all_rows_have_equal_prevalence_and_no_unit_is_on_two_sides(name, fits):
    trial = experiment(name)
    for dose in (0.0, 0.5, 1.0):
        for arm in trial.arms:
            trial.read(dose, 3, arm)
    for task, *sides in fits:
        for rows, size in zip(sides, SIZES, strict=True):
            assert np.bincount(task.label[rows], minlength=3).tolist() == [size] * 3
            assert len(set(rows)) == len(rows)
        first, second, third = (set(task.unit[rows]) for rows in sides)
        assert not (first & second or first & third or second & third)


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("dose", [0.0, 0.25, 0.9, 1.0])
def test_the_dose_is_the_share_from_elsewhere(name, dose, fits):
    for arm in ("flawed", "cured", "control"):
        experiment(name).read(dose, 0, arm)
    for (task, train, held, judged), in_train, in_held in zip(
        fits, (dose, dose, 0.0), (dose, 0.0, 0.0), strict=True
    ):
        home = task.table["home"].to_numpy()
        assert (~home[train]).mean() == pytest.approx(in_train)
        assert (~home[held]).mean() == pytest.approx(in_held)
        assert home[judged].all()


def test_units_of_two_corpora_are_never_the_same():
    units = [
        set(domain_shift.load(name, "book")["unit"])
        for name in ("movie_reviews", "product_reviews", "tweets", "editorials")
    ]
    assert sum(map(len, units)) == len(set.union(*units))


def test_the_three_classes_are_those_of_the_five():
    five = corpora.tweets()
    three = domain_shift.load("tweets", "book")
    means = five["mean"].groupby(three["label"].to_numpy()).agg(["min", "max"])
    assert means.loc[0, "max"] < -0.75 <= means.loc[1, "min"]
    assert means.loc[1, "max"] < 0.75 <= means.loc[2, "min"]


@pytest.mark.parametrize("sizes", [(900, 0, 900), (900, 300, 900)], ids=["none", "too few"])
def test_a_prevalence_that_cannot_be_reached_is_named(plain, monkeypatch, sizes):
    label = np.repeat([0, 2, 4], sizes)
    unit = np.random.default_rng(0).integers(300, size=len(label))
    texts = [f"t{n}" for n in range(len(label))]
    made = pd.DataFrame({"text": texts, "label": label, "unit": unit})
    monkeypatch.setattr(corpora, "tweets", lambda part="book": made)
    with pytest.raises(DataError, match=r"\d+ neutral sentences are needed and \d+ are there"):
        experiment("domain-shift-tweets").read(0.0, 0)


def drawn(share, size=4):
    label = np.repeat([0, 1, 2], 20)
    own, foreign = (
        np.flatnonzero(np.tile(side, 6)) for side in ([1] * 5 + [0] * 5, [0] * 5 + [1] * 5)
    )
    return draws.mixed(label, own, foreign, ("a", "b", "c"), share=share, size=size)


def test_mixing_replaces_and_does_not_add():
    assert len(drawn(0.0)) == len(drawn(0.5)) == len(drawn(1.0)) == 12
    assert drawn(0.5).tolist() == [5, 6, 0, 1, 25, 26, 20, 21, 45, 46, 40, 41]


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
    table = pd.DataFrame({"label": label, "unit": range(6000), "home": home, "part": "book"})
    world = table, Probe(found, linear_probe)
    monkeypatch.setattr(domain_shift, "_sentences", lambda target, part: world)
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
