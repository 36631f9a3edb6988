"""The answers to the exercises of chapter 3, the principle and the step of collecting."""

from __future__ import annotations

from functools import cache

import numpy as np

from illusionkit.answers.answer import Answer, claimed
from illusionkit.arrays import Array


@cache
def _page() -> tuple[Array, Array, Array]:
    """Return the page's features, labels and variances of the raters, for its own 1,000 reviews."""
    from illusionkit.illusions.principle.apparent_error import rated_reviews

    reviews, vectors = rated_reviews()
    own = np.random.default_rng(0).permutation(len(reviews))[:1000]
    noise = np.array([np.var(scores) for scores in reviews["ratings"].iloc[own]])
    return vectors[own], reviews["label"].to_numpy()[own], noise


def _by_the_formula() -> float:
    """Return two over n times the sum of leverage times noise, for 64 features."""
    from illusionkit.models.learners import linear_fit

    vectors, _, noise = _page()
    return float(2 * np.mean(linear_fit(vectors, 64).leverage * noise))


def _perfect_memory() -> float:
    """Return the expected in-sample error of a model that gives each review its own score."""
    return float(2 * _page()[2].mean())


@cache
def _smaller_broom() -> float:
    """Return how much the accuracy rises when the tenth that looks worst is left out."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    vectors, label, _ = _page()
    model = LogisticRegression(max_iter=1000)
    chances = cross_val_predict(model, vectors, label, cv=5, method="predict_proba")
    right, likely = chances.argmax(axis=1) == label, chances[np.arange(len(label)), label]
    return float(right[likely >= np.quantile(likely, 0.1)].mean() - right.mean())


@cache
def _effective_lines() -> float:
    """Return the effective number of independent lines among the Chinese reviews."""
    from illusionkit.data.corpora import chinese_reviews

    lines = chinese_reviews()
    times = lines[lines.groupby("unit")["label"].transform("nunique") == 1].groupby("unit").size()
    return float(times.sum() ** 2 / (times**2).sum())


@cache
def _worth_of_doubling() -> float:
    """Return the points a doubling of different texts buys, 500 to 8,000, over three draws."""
    from illusionkit.data.corpora import chinese_reviews
    from illusionkit.models.learners import CountedTexts

    lines = chinese_reviews()
    agreed = lines.groupby("unit")["label"].transform("nunique") == 1
    lines = lines[agreed].reset_index(drop=True)
    label, unit = lines["label"].to_numpy(), lines["unit"].to_numpy()
    counted, gains = CountedTexts(list(lines["text"])), []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        held = np.isin(unit, rng.permutation(np.unique(unit))[:1500])
        test = np.flatnonzero(held & ~lines["unit"].duplicated())
        order = rng.permutation(np.flatnonzero(~held))
        texts = order[np.sort(np.unique(unit[order], return_index=True)[1])]
        scores = [
            np.mean(counted.predict(texts[:n], label[texts[:n]], test) == label[test])
            for n in (500, 8000)
        ]
        gains.append(scores[1] - scores[0])
    return float(100 * np.mean(gains) / 4)


ANSWERS = {
    "by-the-formula": Answer(_by_the_formula, within=0.002),
    "perfect-memory": Answer(_perfect_memory, within=0.02),
    "smaller-broom": Answer(_smaller_broom, within=0.006),
    "swept-wrong": claimed("wrong among those thrown out", 200.0, within=0.5),
    "effective-lines": Answer(_effective_lines, within=50),
    "worth-of-doubling": Answer(_worth_of_doubling, within=0.1),
    "sisters-flatter": claimed("draws in which sisters flatter, of twenty", 19.0, within=0.5),
    "widest-interval": claimed("half of the widest interval, in points", 6.91, within=0.05),
}
