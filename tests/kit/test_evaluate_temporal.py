"""Columns known only later, and the ratings of others: what is carried, dealt and listed."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from illusionkit.data import credit
from illusionkit.data.movielens import FILMS, Asked
from illusionkit.errors import DataError
from illusionkit.experiment.ranking import area
from illusionkit.experiment.reading import Rows
from illusionkit.illusions import experiment
from illusionkit.illusions.evaluate import temporal_leakage, temporal_ratings
from illusionkit.illusions.evaluate.temporal_leakage import AUC, LATER, carried

KINDS = ("late", "bill", "paid")


@pytest.mark.parametrize("levels", [3, 10**6])
def test_the_area_is_that_of_scikit_learn_weights_and_ties_included(levels):
    rng = np.random.default_rng(0)
    truth, score = rng.integers(2, size=200), rng.integers(levels, size=200) / levels
    weights = rng.integers(0, 4, size=200).astype(float)
    assert area(truth, score) == pytest.approx(roc_auc_score(truth, score))
    wanted = roc_auc_score(truth, score, sample_weight=weights)
    assert area(truth, score, weights) == pytest.approx(wanted)


def test_the_area_by_hand():
    assert area(np.array([0, 1, 0, 1]), np.array([0.1, 0.2, 0.2, 0.3])) == 3.5 / 4


@pytest.mark.parametrize("only", [0, 1])
def test_without_a_class_there_is_no_area(only):
    truth = np.array([0, 1, 1])
    rows = Rows(truth, truth, np.arange(3), np.full(3, 0.9))
    assert AUC.score(rows) == 1
    assert np.isnan(AUC.score(rows, (truth == only).astype(float)))


def test_a_probability_counts_for_the_class_that_is_predicted():
    truth, predicted = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    sure = np.array([0.9, 0.6, 0.7, 0.8])  # label 1: .1, .4, .7, .8
    assert AUC.score(Rows(truth, predicted, np.arange(4), sure)) == 0.75


def test_what_is_known_later_holds_what_was_known_last():
    names = [f"{kind}_{month}" for kind in KINDS for month in credit.MONTHS]
    table = pd.DataFrame([range(18)], columns=names)
    day = carried(table).iloc[0]
    for kind in KINDS:
        assert [day[f"{kind}_{month}"] for month in (1, 2, 3)] == [table[f"{kind}_4"][0]] * 3
        assert all(day[f"{kind}_{m}"] == table[f"{kind}_{m}"][0] for m in (4, 5, 6))
    assert set(LATER) | {"late_3"} == {n for n in names if n[-1] in "123"}


@pytest.mark.parametrize("arm", ["flawed", "control"])
def test_the_label_is_never_in_the_table(monkeypatch, arm):
    """Nor is anything later on the day of the decision; the control's columns are permuted."""
    seen = []
    described = temporal_leakage.described
    monkeypatch.setattr(
        temporal_leakage, "described", lambda table: seen.append(table) or described(table)
    )
    experiment("temporal-leakage").read(1.0, 0, arm)
    trained, given, day = seen
    assert given.equals(trained)
    assert all((each["late_3"] == each["late_4"]).all() for each in seen)
    assert all((day[f"{name[:-2]}_4"] == day[name]).all() for name in LATER)
    assert all((given[name] != day[name]).any() for name in LATER)


def test_trained_on_what_is_known_it_says_the_same_of_both_tables():
    trial = experiment("temporal-leakage")
    cured, none = trial.read(1.0, 0, "cured"), trial.read(0.0, 0)
    assert cured.apparent == cured.honest == none.honest == none.apparent


def test_ease_is_the_formula_of_steck():
    rng = np.random.default_rng(0)
    histories, given = ((rng.random((users, 30)) < 0.3).astype(float) for users in (12, 4))
    inverse = np.linalg.inv(histories.T @ histories + 7.0 * np.eye(30))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    assert np.allclose(temporal_ratings.ease(histories, given, 7.0), given @ weights)


def test_what_was_given_or_is_not_on_offer_is_not_listed():
    scores, given = np.arange(15.0)[None], np.zeros((1, 15))
    given[0, 14] = 1
    offered = np.arange(15) != 13
    best = temporal_ratings.listed(scores, given, offered)
    assert best.tolist() == [[12, 11, 10, 9, 8, 7, 6, 5, 4, 3]]


def test_a_film_is_hit_where_the_list_holds_it():
    asked = Asked(np.array([5]), np.zeros((1, FILMS)), np.arange(10)[None], 0, 1)
    rows = temporal_ratings._rows(asked, np.arange(7, 17)[None])
    assert temporal_ratings.HIT_RATE.score(rows) == 0.3
    assert (rows.unit == 5).all() and rows.truth.tolist() == list(range(10))


@pytest.fixture
def others():
    """Forty users with six ratings each, half of them before time 100 and half after 200."""
    unit = np.repeat(np.arange(40), 6)
    return pd.DataFrame({"unit": unit, "film": 1, "time": np.where(unit < 20, 50, 250)})


def cut(others, arm, seed=0):
    asked = Asked(np.zeros(0), np.zeros((0, 3)), np.zeros((0, 1)), 100, 200)
    return temporal_ratings.sides(others, asked, np.random.default_rng(seed), arm)


def test_before_and_after_lie_on_their_sides_of_the_moment(others):
    before, after = cut(others, "flawed")
    assert set(before) == set(np.flatnonzero(others["time"] == 50))
    assert set(after) == set(np.flatnonzero(others["time"] == 250))
    assert list(before) != list(cut(others, "flawed", 1)[0])
    assert (others["unit"].to_numpy()[before].reshape(-1, 6).std(axis=1) == 0).all()


def test_the_control_deals_whole_users_of_all_dates(others):
    sides = [set(others["unit"].to_numpy()[rows]) for rows in cut(others, "control")]
    assert not sides[0] & sides[1] and sides[0] | sides[1] == set(range(40))
    assert all(set(others["time"].to_numpy()[rows]) == {50, 250} for rows in cut(others, "control"))


def test_what_was_rated_in_between_is_on_neither_side(others):
    others.loc[others["unit"] == 3, "time"] = [100, 150, 150, 150, 150, 200]
    for arm in ("flawed", "control"):
        assert 3 not in set(others["unit"].to_numpy()[np.concatenate(cut(others, arm))])


def test_both_models_are_asked_the_same_and_trained_on_as_much():
    trial = experiment("temporal-ratings")
    whole, none = trial.read(1.0, 0), trial.read(0.0, 0)
    assert np.array_equal(whole.honest_rows.truth, none.honest_rows.truth)
    assert whole.honest == none.honest == none.apparent
    assert np.array_equal(none.apparent_rows.prediction, none.honest_rows.prediction)
    cured = trial.read(1.0, 0, "cured")
    assert cured.extras["not_there_yet"] == 0 < whole.extras["not_there_yet"]


def test_too_few_ratings_are_named(monkeypatch):
    monkeypatch.setattr(temporal_ratings, "TRAIN", 60_000)
    with pytest.raises(DataError, match="60000 ratings are needed"):
        experiment("temporal-ratings").read(0.0, 0)
