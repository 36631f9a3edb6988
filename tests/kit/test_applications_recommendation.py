"""Recommenders, films held out and where they stand, and accounts that are no users."""

import numpy as np
import pandas as pd
import pytest

from illusionkit.data.movielens import FILMS
from illusionkit.errors import DataError
from illusionkit.experiment.reading import Rows
from illusionkit.illusions.applications import fake_accounts, recommendation
from illusionkit.illusions.material.films import Ranked, drawn, held_out, ranked
from illusionkit.models import recommenders


@pytest.fixture
def histories():
    return (np.random.default_rng(0).random((12, 80)) < 0.3).astype(float)


@pytest.mark.parametrize("name", recommenders.MODELS)
def test_a_recommender_scores_every_film_of_every_user(name, histories):
    scores = recommenders.MODELS[name](histories, histories[:4])
    assert scores.shape == (4, 80) and np.isfinite(scores).all()


def test_popularity_knows_nobody(histories):
    scores = recommenders.popularity(histories, histories[:3])
    assert (scores == histories.sum(axis=0)).all()


def test_neighbours_by_hand():
    """Films 0 and 1 were rated by the same two, film 2 by one of them and by another."""
    histories = np.array([[1, 1, 0], [1, 1, 1], [0, 0, 1]], dtype=float)
    scores = recommenders.neighbours(histories, np.array([[1.0, 0, 0]]), size=2)
    assert np.allclose(scores, [[0, 1, 0.5]])
    only = recommenders.neighbours(histories, np.array([[0, 0, 1.0]]), size=1)
    assert np.allclose(only, [[0, 0, 0]]), "film 2 is the nearest of neither"


def test_the_svd_is_that_of_numpy(histories):
    right = np.linalg.svd(histories, full_matrices=False)[2][:5]
    scores = recommenders.svd(histories, histories[:4], rank=5)
    assert np.allclose(scores, histories[:4] @ right.T @ right)


def test_with_all_directions_the_svd_gives_back_what_was_given(histories):
    same = np.concatenate([histories, histories])  # no more directions than one of them has
    assert np.allclose(recommenders.svd(same, histories), histories)


def ratings():
    rows = [(1, 10, 5), (1, 11, 7), (1, 12, 6), (2, 10, 9), (2, 11, 9), (2, 12, 1)]
    return pd.DataFrame(rows, columns=["unit", "film", "time"])


def test_the_last_rating_is_held_out_and_ties_go_by_chance():
    table = ratings()
    draws = [
        table.loc[held_out(table, True, np.random.default_rng(seed)), "film"].tolist()
        for seed in range(20)
    ]
    assert {one for one, _ in draws} == {11} and {two for _, two in draws} == {10, 11}


def test_at_random_every_rating_may_be_held_out():
    table = ratings()
    draws = {
        tuple(table.loc[held_out(table, False, np.random.default_rng(seed)), "film"])
        for seed in range(60)
    }
    assert {one for one, _ in draws} == {two for _, two in draws} == {10, 11, 12}


def test_so_many_are_drawn_of_those_on_offer_and_fewer_are_among_more():
    offered = np.random.default_rng(0).random((5, 200)) < 0.5
    few, more, every = (drawn(offered, number, seed=1) for number in (20, 50, 200))
    assert (few.sum(axis=1) == 20).all() and (more.sum(axis=1) == 50).all()
    assert not (few & ~more).any() and not (more & ~offered).any()
    assert np.array_equal(every, offered)


def found(above):
    """Return users whose film held out has so many of 100 others above it."""
    better = np.arange(100) < np.array(above)[:, None]
    users = np.arange(len(above))
    return Ranked(users, users, np.ones_like(better), better)


def test_place_ten_is_a_hit_and_place_eleven_is_none():
    here, there = recommendation.hits(found([9, 10]), 100, 0, "flawed")
    assert there.tolist() == here.tolist() == [True, False]


def test_the_control_reads_the_same_share_of_the_list():
    """Of 100 others 49 are drawn: the first ten of 50 are the first 20.2 of 101."""
    _, there = recommendation.hits(found([20, 21]), 49, 0, "control")
    assert there.tolist() == [True, False]


def test_the_cure_estimates_the_place_among_all():
    """One of ten drawn stands for ten: with one above, ten are estimated above, and that misses."""
    first, second = drawn(np.ones((2, 100), dtype=bool), 10, 0).argmax(axis=1)
    here, _ = recommendation.hits(found([first, second + 1]), 10, 0, "cured")
    assert here.tolist() == [True, False], "none of the drawn is above, and one is"


def test_the_formula_is_the_mean_over_many_draws():
    places = found([5, 20, 60] * 40)
    hits = [recommendation.hits(places, 30, seed, "flawed")[0].mean() for seed in range(40)]
    assert np.mean(hits) == pytest.approx(recommendation.expected(places, 30), abs=0.02)
    assert recommendation.expected(places, 100) == pytest.approx(1 / 3)


def test_the_lead_is_in_users():
    rows = Rows(np.arange(4), np.array([1, 0, -1, 1]), np.arange(4))
    assert recommendation.LEAD.score(rows) == 0.25


def test_fakes_rate_the_films_that_the_fewest_rated():
    histories = np.zeros((60, FILMS))
    histories[:, :100] = np.arange(60)[:, None] < np.arange(100) // 2 + 1
    made = fake_accounts.fakes(histories, 7, np.random.default_rng(0))
    rated = made.given.sum(axis=1)
    assert (rated == fake_accounts.RATED - 1).all()
    assert np.flatnonzero(made.given.sum(axis=0)).max() < fake_accounts.PUSHED
    assert not made.given[np.arange(7), made.target].any()


def test_too_few_rated_films_are_named():
    with pytest.raises(DataError, match="40 rated films are needed and 3"):
        fake_accounts.fakes(np.eye(3, FILMS), 2, np.random.default_rng(0))


def test_accounts_that_are_alike_are_struck_out_and_five_are_too_few():
    """An account needs five others that share more than half; five equal ones have four."""
    one, others = np.eye(1, 40), np.eye(20, 40, k=10)
    assert fake_accounts.alike(np.concatenate([np.repeat(one, 6, 0), others])).sum() == 6
    assert not fake_accounts.alike(np.concatenate([np.repeat(one, 5, 0), others])).any()


def test_what_was_given_is_not_listed():
    histories = np.ones((3, FILMS))
    asked = fake_accounts.Accounts(np.ones((2, FILMS)), np.array([4, 5]), np.arange(2))
    asked.given[0, 4], asked.given[1, 5] = 0, 0  # nothing else is left to recommend
    rows = fake_accounts.judged(histories, asked)
    assert rows.prediction.tolist() == [4, 5]


def test_the_factors_of_als_are_the_least_weighted_squares(histories):
    """One row, by scikit-learn's weighted ridge regression without a constant."""
    from sklearn.linear_model import Ridge

    films = np.random.default_rng(1).normal(size=(80, 3))
    found = recommenders.factors(histories[:2], films, confidence=4.0)
    for row, seen in zip(found, histories, strict=False):
        ridge = Ridge(alpha=recommenders.PENALTY, fit_intercept=False)
        assert np.allclose(row, ridge.fit(films, seen, sample_weight=1 + 4 * seen).coef_)


def test_als_repeats_itself_and_puts_films_of_like_users_first():
    histories = np.kron(np.eye(2), np.ones((60, 20)))  # two kinds of users, two kinds of films
    given = np.zeros((1, 40))
    given[0, :5] = 1
    scores = recommenders.als(histories, given, rank=4)
    assert scores[0, 5:20].min() > scores[0, 20:].max()
    assert (scores == recommenders.als(histories, given, rank=4)).all()


def test_als_is_asked_about_what_the_others_are_asked_about():
    mine, theirs = ranked("als", 3, "book", last=True), ranked("svd", 3, "book", last=True)
    for name in ("users", "target", "offered"):
        assert (getattr(mine, name) == getattr(theirs, name)).all()
    assert not (mine.above & ~mine.offered).any() and (mine.above != theirs.above).any()
