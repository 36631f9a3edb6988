"""Brackets for what raters' disagreement allows: they hold a known truth, and refuse bad input."""

from __future__ import annotations

import numpy as np
import pytest

from illusionkit.data import raters
from illusionkit.data.corpora import movie_reviews
from illusionkit.errors import DataError

TEXTS, RATERS, MANY = 400, 20, 2000
SCORES = np.arange(-4, 5)


@pytest.fixture(scope="module")
def known() -> tuple[list[tuple[int, ...]], np.ndarray]:
    """Return ratings drawn from known distributions, and the distributions (texts, scores)."""
    rng = np.random.default_rng(0)
    centre = rng.normal(0, 1.8, TEXTS)[:, None]
    chances = np.exp(-(((SCORES - centre) / 1.2) ** 2))
    chances /= chances.sum(axis=1, keepdims=True)
    drawn = [tuple(rng.choice(SCORES, RATERS, p=p).tolist()) for p in chances]
    return drawn, chances


def class_shares(chances: np.ndarray) -> np.ndarray:
    """Return the chance of each class for one rater, shape (texts, classes)."""
    found = raters.classes(SCORES)
    return np.stack([chances[:, found == k].sum(axis=1) for k in range(raters.CLASSES)], axis=1)


def mean_shares(chances: np.ndarray) -> np.ndarray:
    """Return the chance of each class for the mean of `RATERS` raters, by drawing many."""
    rng = np.random.default_rng(1)
    means = [rng.choice(SCORES, (MANY, RATERS), p=p).mean(axis=1) for p in chances]
    counts = [np.bincount(raters.classes(m), minlength=raters.CLASSES) for m in means]
    return np.array(counts) / MANY


def entropy(shares: np.ndarray) -> float:
    return float(-(shares * np.log(np.maximum(shares, 1e-300))).sum(axis=1).mean())


def test_the_entropy_of_one_rater_lies_between_its_bounds(known):
    low, high = (bound.mean() for bound in raters.rater_entropy_bounds(known[0]))
    assert low < entropy(class_shares(known[1])) < high
    assert high - low < 0.3


def test_the_entropy_of_the_consensus_lies_between_its_bounds(known):
    low, high = (bound.mean() for bound in raters.consensus_entropy_bounds(known[0]))
    assert low < entropy(mean_shares(known[1])) < high


def test_the_best_score_against_the_consensus_lies_between_its_bounds(known):
    low, high = (bound.mean() for bound in raters.consensus_bounds(known[0]))
    assert low < mean_shares(known[1]).max(axis=1).mean() < high


def test_a_rater_is_judged_by_the_others_and_not_by_itself():
    hits = raters.left_out_hits([(4, 4, 4, 4), (-4, 0, 0, 0)])
    assert hits.tolist() == [1.0, 0.0]


def test_raters_of_one_mind_leave_no_doubt_but_the_prior():
    one_mind = [(3,) * 15]
    assert raters.consensus_bounds(one_mind) == (np.array([1.0]), np.array([1.0]))
    low, high = raters.rater_entropy_bounds(one_mind)
    assert low[0] == 0 < high[0] < 0.1


def test_classes_are_cut_as_the_corpora_cut_them():
    table = movie_reviews()
    assert (raters.classes(table["mean"].to_numpy()) == table["label"]).all()


def test_copies_of_a_unit_do_not_narrow_its_interval():
    values, unit = np.random.default_rng(0).normal(size=200), np.arange(200)
    once = raters.interval(values, unit)
    assert once == pytest.approx(raters.interval(np.tile(values, 4), np.tile(unit, 4)))
    assert once[0] < values.mean() < once[1]
    assert once[1] - once[0] == pytest.approx(4 * values.std() / 200**0.5, rel=0.1)


@pytest.mark.parametrize("ratings", [[], [(1, 2, 3)]])
def test_too_few_ratings_are_refused(ratings):
    with pytest.raises(DataError, match="at least 4"):
        raters.consensus_bounds(ratings)
