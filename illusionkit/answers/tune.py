"""The answers to the exercises of chapter 3, fine-tuning."""

from __future__ import annotations

from functools import cache

import numpy as np

from illusionkit.answers.answer import Answer


def _dev_size() -> float:
    """Return how many reviews keep the expected maximum of 20 wobbles below 0.01."""
    return float((0.5 * np.sqrt(2 * np.log(20)) / 0.01) ** 2)


@cache
def _fresh_score() -> float:
    """Return the score of the page's winning run on reviews that it never met."""
    from sklearn.linear_model import RidgeClassifier
    from sklearn.preprocessing import StandardScaler

    from illusionkit.data.corpora import movie_reviews
    from illusionkit.models.encoding import features

    rows, rng = movie_reviews(), np.random.default_rng(0)
    label = rows["label"].to_numpy()
    found = StandardScaler().fit_transform(features(list(rows["text"])))
    dev, pool = np.split(rng.permutation(len(label)), [200])
    draws = [rng.choice(pool, 1000, replace=False) for _ in range(20)]
    heads = [RidgeClassifier(alpha=100).fit(found[rows], label[rows]) for rows in draws]
    best = int(np.argmax([head.score(found[dev], label[dev]) for head in heads]))
    fresh = np.setdiff1d(pool, draws[best])
    return float(heads[best].score(found[fresh], label[fresh]))


ANSWERS = {
    "dev-size": Answer(_dev_size, within=200),
    "fresh-score": Answer(_fresh_score, within=0.005),
}
