"""Noise in labels: as much as the dose says, of the kind it says, and judged by who saw none."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from illusionkit.data import corpora
from illusionkit.data.raters import classes, dealt
from illusionkit.errors import DataError
from illusionkit.experiment.task import Task
from illusionkit.illusions import experiment
from illusionkit.illusions.collect import label_noise
from illusionkit.models import learners

KINDS = ("label-noise", "label-noise-systematic", "label-noise-rater")
CENTRES = np.array([-3, -1, 0, 1, 3])


def reviews(rows=2400, seed=0, spread=1.0, units=None, labels=5):
    """Return a corpus of known truth: words, features and ratings lie about the true class."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(labels, size=rows)
    scores = CENTRES[truth][:, None] + rng.normal(scale=spread, size=(rows, 15))
    ratings = [tuple(row) for row in np.clip(np.round(scores), -4, 4).astype(int).tolist()]
    near = np.clip(truth + rng.choice([-1, 0, 0, 0, 1], rows), 0, 4)
    table = pd.DataFrame({"text": texts(near, rng), "ratings": ratings})
    table["unit"] = np.arange(rows) if units is None else np.arange(rows) % units
    found = np.eye(5)[near] + 0.4 * rng.normal(size=(rows, 5))
    return table.assign(part="book", truth=truth), found


def texts(words, rng):
    """Return texts of one word that means something and four that mean nothing."""
    idle = rng.integers(20, size=(len(words), 4))
    return [
        " ".join([f"word{n}", *(f"idle{m}" for m in row)])
        for n, row in zip(words, idle, strict=True)
    ]


@pytest.fixture
def corpus(monkeypatch):
    """Put a corpus of known truth in place of the movie reviews."""
    made = reviews()
    monkeypatch.setattr(label_noise, "read_encoded", lambda load, part: made)
    return made


def read(name, dose, seed=0, arm="flawed"):
    return experiment(name).read(dose, seed, arm)


def drawn(table, seed=0):
    return label_noise.draw(Task(table, None), np.random.default_rng([seed, 6]))


def test_ratings_are_dealt_without_replacement():
    ratings = pd.Series([tuple(range(15)), tuple(range(100, 120))] * 50)
    found = dealt(ratings, 14, np.random.default_rng(0))
    assert found.shape == (100, 14)
    assert all(len(set(row)) == 14 for row in found.tolist())
    assert all(set(row) <= set(ratings[n]) for n, row in enumerate(found.tolist()))
    assert set(found[1::2].ravel()) == set(ratings[1]), "any rating may be drawn, late ones too"
    again = dealt(ratings, 14, np.random.default_rng(1))
    assert (again != found).mean() > 0.8


def test_a_score_is_cut_as_the_corpus_cuts_its_means():
    rows = corpora.movie_reviews()
    assert np.array_equal(classes(rows["mean"].to_numpy()), rows["label"])


def test_the_sides_share_no_unit_and_the_panels_no_rating():
    table, _ = reviews(units=1200)
    draw = drawn(table)
    sides = [set(table["unit"].to_numpy()[rows]) for rows in (draw.train, draw.test, draw.teacher)]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
    assert sum(map(len, sides)) == 1200
    assert len(sides[1]) / 1200 == pytest.approx(label_noise.TEST_SHARE, abs=0.01)
    assert len(sides[2]) / 1200 == pytest.approx(label_noise.TEACHER_SHARE, abs=0.01)
    assert 0.1 < (draw.first != draw.second).mean() < 0.6


@pytest.mark.parametrize("name", KINDS)
def test_at_rate_0_nothing_is_replaced_and_the_arms_agree(corpus, name):
    flawed, control = read(name, 0.0), read(name, 0.0, arm="control")
    assert flawed.extras["changed"] == 0
    assert (flawed.apparent, flawed.honest) == (control.apparent, control.honest)
    assert read(name, 0.0, arm="cured").honest == flawed.honest, "rated again, a label stays"


@pytest.mark.parametrize("rate", [0.1, 0.4, 1.0])
def test_the_coin_changes_as_many_labels_as_the_dose_says(corpus, rate):
    reading = read("label-noise", rate)
    assert reading.extras["changed"] == pytest.approx(rate, abs=0.05 if rate < 1 else 0)


def test_the_coin_is_even():
    table, _ = reviews(rows=20000)
    draw = drawn(table)
    found = label_noise.coin(table["text"], draw, np.random.default_rng(0))
    assert (found != draw.first).all()
    steps = np.bincount((found - draw.first) % 5, minlength=5) / len(found)
    assert steps[1:] == pytest.approx(0.25, abs=0.02)


def test_the_machine_is_taught_on_rows_that_are_not_scored_and_the_rater_sits_in_the_panel():
    table, _ = reviews()
    draw = drawn(table)
    rng = np.random.default_rng(0)
    label = label_noise.machine(table["text"].to_numpy(), draw, rng)
    first = draw.first.copy()
    first[np.concatenate([draw.train, draw.test])] = 0
    assert np.array_equal(
        label, label_noise.machine(table["text"].to_numpy(), replace(draw, first=first), rng)
    )
    scores = dealt(table["ratings"], 14, np.random.default_rng([0, 6]))
    rater = label_noise.rater(table["text"], draw, rng)
    assert np.array_equal(rater, classes(scores[:, 0]))


@pytest.mark.parametrize("name", KINDS)
def test_the_control_trains_on_the_same_labels_and_is_scored_on_others(corpus, name):
    flawed, control = read(name, 0.6), read(name, 0.6, arm="control")
    assert np.array_equal(flawed.honest_rows.prediction, control.honest_rows.prediction)
    assert flawed.extras["train_score"] == control.extras["train_score"]
    assert flawed.honest == control.honest
    assert flawed.apparent != control.apparent


@pytest.mark.parametrize("name", KINDS)
def test_the_cure_never_looks_at_the_panel_that_judges(corpus, monkeypatch, name):
    seen = read(name, 0.6, arm="cured")
    draw = label_noise.draw

    def blind(task, rng):
        found = draw(task, rng)
        return replace(found, second=np.resize([0, 1], found.second.shape))

    monkeypatch.setattr(label_noise, "draw", blind)
    unseen = read(name, 0.6, arm="cured")
    assert unseen.apparent == seen.apparent
    assert np.array_equal(unseen.apparent_rows.prediction, seen.apparent_rows.prediction)
    assert set(unseen.honest_rows.truth) == {0, 1}
    assert not np.array_equal(unseen.honest_rows.truth, seen.honest_rows.truth)


@pytest.mark.parametrize("rate", [0.2, 0.6])
def test_the_coin_takes_what_the_formula_says(corpus, rate):
    trial = experiment("label-noise")
    readings = [read("label-noise", rate, seed) for seed in range(8)]
    honest = np.mean([reading.honest for reading in readings])
    found = np.mean([trial.optimism(reading) for reading in readings])
    assert found == pytest.approx(-rate * (5 * honest - 1) / 4, abs=0.03)
    control = [read("label-noise", rate, seed, "control") for seed in range(8)]
    assert abs(np.mean([trial.optimism(reading) for reading in control])) < 0.02


def test_a_machine_that_can_be_learnt_makes_the_model_look_better(corpus):
    trial = experiment("label-noise-systematic")
    found = [trial.optimism(read("label-noise-systematic", 1.0, seed)) for seed in range(4)]
    assert np.mean(found) > 0.1


def test_confident_learning_finds_planted_coins_better_than_chance(corpus):
    extras = read("label-noise", 0.4, arm="cured").extras
    precision, recall = (extras["found"] / extras[name] for name in ("flagged", "changed"))
    assert precision > 1.3 * extras["changed"]
    assert recall > 1.3 * extras["flagged"]


def test_the_program_gives_classes_their_shares_and_follows_its_words():
    rng = np.random.default_rng(0)
    labels = rng.choice(5, p=[0.1, 0.2, 0.1, 0.2, 0.4], size=2000)
    written = np.array(texts(labels, rng))
    found = label_noise.counted(written, labels, np.arange(0, 2000, 2))
    assert np.bincount(found) / 2000 == pytest.approx(np.bincount(labels) / 2000, abs=0.03)
    assert (found == labels).mean() > 0.8
    again = label_noise.counted(np.repeat(written, 2), np.repeat(labels, 2), np.arange(0, 4000, 4))
    assert (again[::2] == again[1::2]).all(), "a rule: the same words, the same class"


def test_suspects_keeps_units_whole(monkeypatch):
    noted, plain = [], learners.discriminant

    class Probe:
        def fit(self, features, labels):
            noted.append(features[:, -1])
            return plain().fit(features, labels)

    monkeypatch.setattr(label_noise, "discriminant", Probe)
    table, found = reviews(units=600)
    found = np.column_stack([found, table["unit"]])
    label_noise.suspects(found, table["truth"], table["unit"], np.random.default_rng(0))
    assert len(noted) == label_noise.FOLDS
    for units in noted:
        assert set(np.unique(units, return_counts=True)[1]) == {4}


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (reviews(labels=4), "fewer of: very positive"),
        (reviews(rows=60), "Use more texts"),
        ((reviews()[0].assign(ratings=[(1, 2, 3)] * 2400), None), "14 ratings"),
    ],
    ids=["a rare class", "few texts", "few ratings"],
)
def test_what_an_experiment_needs_is_said(monkeypatch, made, words):
    monkeypatch.setattr(label_noise, "read_encoded", lambda load, part: made)
    with pytest.raises(DataError, match=words):
        read("label-noise", 0.2)


def test_suspects_says_what_it_needs():
    table, found = reviews(rows=300, labels=3)
    with pytest.raises(DataError, match="labelled side has fewer of: positive, very positive"):
        label_noise.suspects(found, table["truth"], table["unit"], np.random.default_rng(0))
