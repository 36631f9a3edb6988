"""The apparent error: a fit that is least squares, judges that differ in one thing only."""

import numpy as np
import pytest

from illusionkit.data import corpora
from illusionkit.errors import DataError
from illusionkit.illusions import experiment
from illusionkit.illusions.principle import apparent_error
from illusionkit.models.learners import linear_fit

RNG = np.random.default_rng(3)
FOUND = RNG.normal(size=(60, 12))
TARGETS = RNG.normal(size=60)


@pytest.fixture
def fit():
    return linear_fit(FOUND, 5)


def test_the_fit_is_least_squares_on_the_leading_components(fit):
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LinearRegression

    scores = PCA(5).fit_transform(FOUND)
    wanted = LinearRegression().fit(scores, TARGETS).predict(scores)
    assert np.allclose(fit.predict(TARGETS), wanted, atol=1e-10)
    assert np.allclose(fit.predict(np.stack([TARGETS, -TARGETS], 1))[:, 1], -wanted, atol=1e-10)


def test_the_leverages_add_up_to_the_number_of_coefficients(fit):
    assert fit.leverage.sum() == pytest.approx(6)
    assert np.allclose(fit.leverage, np.diag(fit.basis @ fit.basis.T))


def test_left_out_is_what_a_fit_without_the_row_says(fit):
    told = fit.left_out(TARGETS)
    for row in (0, 17, 59):
        others = np.arange(60) != row
        weights = np.linalg.lstsq(fit.basis[others], TARGETS[others], rcond=None)[0]
        assert told[row] == pytest.approx(fit.basis[row] @ weights, abs=1e-10)


@pytest.mark.parametrize("count", [0, 59, 1000])
def test_too_many_features_or_none_are_refused(count):
    with pytest.raises(DataError, match="need more rows than 60"):
        linear_fit(FOUND, count)


def test_features_that_do_not_vary_are_refused():
    flat = np.concatenate([FOUND[:, :3], np.ones((60, 9))], axis=1)
    assert linear_fit(flat, 3).leverage.sum() == pytest.approx(4)
    with pytest.raises(DataError, match="do not vary in 4 directions"):
        linear_fit(flat, 4)


@pytest.fixture
def drawn(monkeypatch):
    """Leave out the encoder: who is judged by what does not depend on it."""
    table = corpora.movie_reviews().assign(part="book")
    noise = np.random.default_rng(0).normal(size=(len(table), 40))
    monkeypatch.setattr(apparent_error, "read_encoded", lambda load, part: (table, noise))
    return lambda arm, seed=0: experiment("apparent-error").read(20, seed, arm)


def test_the_arms_differ_in_the_judge_of_the_apparent_score_only(drawn):
    readings = {arm: drawn(arm) for arm in ("flawed", "control", "cured")}
    honest = [reading.honest_rows for reading in readings.values()]
    for other in honest[1:]:
        assert np.array_equal(other.truth, honest[0].truth)
        assert np.array_equal(other.prediction, honest[0].prediction)
    flawed, control, cured = (reading.apparent_rows for reading in readings.values())
    assert np.array_equal(flawed.truth, cured.truth)
    assert not np.array_equal(flawed.truth, control.truth)
    assert not np.array_equal(flawed.truth, honest[0].truth)
    assert np.array_equal(flawed.prediction, control.prediction)


def test_the_model_was_fitted_to_the_rater_that_the_flawed_arm_shows(drawn):
    rows = drawn("flawed").apparent_rows
    residual = rows.truth - rows.prediction
    assert abs(residual.mean()) < 1e-9 and abs(residual @ rows.prediction) < 1e-6


def test_on_features_that_say_nothing_the_optimism_is_that_of_the_formula(drawn):
    found = [drawn("flawed", seed) for seed in range(30)]
    optimism = np.mean([reading.honest - reading.apparent for reading in found])
    formula = np.mean([reading.extras["by_the_formula"] for reading in found])
    assert optimism == pytest.approx(formula, abs=0.06)


def test_each_score_is_one_of_the_review_s_own_raters(drawn):
    table = corpora.movie_reviews().set_index("unit")["ratings"]
    rows = drawn("flawed").honest_rows
    for unit, score in list(zip(rows.unit, rows.truth, strict=True))[:200]:
        own = table[[unit]]
        assert any(score in scores for scores in own)


def test_a_small_corpus_is_refused(drawn, monkeypatch):
    monkeypatch.setattr(apparent_error, "REVIEWS", 10**6)
    with pytest.raises(DataError, match="1000000 reviews are needed"):
        drawn("flawed")
