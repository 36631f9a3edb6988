"""Decisions made fairer by fairlearn, in two ways, and what they cost and leave."""

from __future__ import annotations

import warnings

import numpy as np

from illusionkit.arrays import Array
from illusionkit.experiment.reading import Rows
from illusionkit.illusions.material.gaps import GAP, told

STEPS = 30
"""The most steps of the exponentiated gradient."""


def by_thresholds(tuned: Array, truth: Array, group: Array, asked: Array, of: Array) -> Array:
    """Return who is refused, 0 or 1, by thresholds for each group that equalise the odds.

    Set on chances ``tuned`` of people in groups ``group``; asked about ``asked`` in groups ``of``.
    Some are decided by lot. Used in chapter 8.
    """
    from fairlearn.postprocessing import ThresholdOptimizer
    from sklearn.linear_model import LinearRegression

    as_it_is = LinearRegression()
    as_it_is.coef_, as_it_is.intercept_ = np.ones(1), 0.0
    rule = ThresholdOptimizer(
        estimator=as_it_is, constraints="equalized_odds", prefit=True, predict_method="predict",
        objective="balanced_accuracy_score",
    ).fit(tuned[:, None], truth, sensitive_features=group)  # fmt: skip
    decided = rule.predict(asked[:, None], sensitive_features=of, random_state=0)
    return np.asarray(decided).astype(int)


def by_reductions(features: Array, truth: Array, group: Array, asked: Array) -> Array:
    """Return who is refused, 0 or 1, by models that were reweighted until the odds are equal.

    A mistake costs what it costs in balanced accuracy. Used in chapter 8.
    """
    from fairlearn.reductions import EqualizedOdds, ErrorRate, ExponentiatedGradient
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scale, share = StandardScaler().fit(features), float(truth.mean())
    search = ExponentiatedGradient(
        LogisticRegression(C=0.1, max_iter=2000), EqualizedOdds(difference_bound=0.01),
        objective=ErrorRate(costs={"fp": share, "fn": 1 - share}), max_iter=STEPS,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what fairlearn asks of pandas will change one day
        search.fit(scale.transform(features), truth, sensitive_features=group)
    return np.asarray(search.predict(scale.transform(asked), random_state=0)).astype(int)


def balanced(rows: Rows) -> float:
    """Return the mean of the shares of payers accepted and of defaulters refused."""
    right = rows.truth == rows.prediction
    return float(np.mean([right[rows.truth == k].mean() for k in (0, 1)]))


def odds_gap(rows: Rows, group: Array) -> float:
    """Return the gap of equalised odds: the larger one of payers and of defaulters, no sign."""
    sides = ("equal opportunity", "predictive equality")
    return max(abs(GAP.score(told(rows, group, name, 1))) for name in sides)
