"""The answers to the exercises of chapter 3, label noise."""

from __future__ import annotations

from functools import cache

import numpy as np

from illusionkit.answers.answer import Answer


@cache
def _undone_coin() -> float:
    """Return the accuracy that a score on labels of a coin at 0.4 stands for, by the formula."""
    from illusionkit.illusions import experiment

    seen = experiment("label-noise").read(0.4, seed=100).apparent
    return (seen - 0.4 / 4) / (1 - 0.4 * 5 / 4)


@cache
def _dropped_labels() -> float:
    """Return what the page's model gains by dropping the suspect labels of single raters."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import GroupShuffleSplit

    from illusionkit.data.corpora import movie_reviews
    from illusionkit.data.raters import classes, dealt
    from illusionkit.illusions.collect.label_noise import suspects
    from illusionkit.models.encoding import features

    rows = movie_reviews()
    found, unit = features(list(rows["text"])), rows["unit"].to_numpy()
    one = classes(dealt(rows["ratings"], 14, np.random.default_rng(0))[:, 0])
    train, test = next(GroupShuffleSplit(test_size=0.3, random_state=0).split(found, groups=unit))
    probe = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    right = probe.fit(found[train], one[train]).predict(found[test]) == one[test]
    flagged = suspects(found[test], one[test], unit[test], np.random.default_rng(0))
    return float(right[~flagged].mean() - right.mean())


@cache
def _product_ceiling() -> float:
    """Return how often the commonest class among 19 raters is the class of the twentieth."""
    from illusionkit.data.corpora import product_reviews
    from illusionkit.data.raters import classes, dealt

    vote = classes(dealt(product_reviews()["ratings"], 20, np.random.default_rng(0)))
    votes = np.stack([(vote[:, 1:] == label).sum(axis=1) for label in range(5)], axis=1)
    return float(np.mean(votes.argmax(axis=1) == vote[:, 0]))


ANSWERS = {
    "undone-coin": Answer(_undone_coin, within=0.005),
    "dropped-labels": Answer(_dropped_labels, within=0.01),
    "product-ceiling": Answer(_product_ceiling, within=0.005),
}
