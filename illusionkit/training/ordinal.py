"""Ordered classes: cross-entropy on the class beside squared error on the rating itself.

Two linear heads over the same frozen features, trained on the same reviews and asked about the same
others. How much of a difference is due to the loss, and how much to the way a class is read off the
head's answer? Used in chapter 4.

Said before anything was measured: the likeliest class of the cross-entropy head has the higher
accuracy, squared error on the rating the smaller absolute error and the higher kappa; and the
cross-entropy head read by its mean does as well as squared error, so that the reading matters more
than the loss. The penalties on offer were fixed by a look at validation losses of seed 1000 alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.training.book_model import tables

SIZES = {"train": 3000, "validation": 1000, "test": 2000}
STRENGTHS = (0.0003, 0.001, 0.003, 0.01)
"""Inverse strengths of the penalty that the logistic head may choose from."""
PENALTIES = (300.0, 1000.0, 3000.0, 10000.0)
"""Penalties that the squared-error head may choose from."""
CLASSES = len(corpora.CLASS_NAMES)
MEASURES = ("accuracy", "absolute error", "kappa")
HEADS = ("cross-entropy, likeliest", "cross-entropy, mean", "squared error")
REPLICATES = 500


@dataclass(frozen=True)
class Told:
    """What one head says of the test reviews: a class and a rating (-4 to 4) for each."""

    label: Array
    rating: Array


@cache
def reviews() -> tuple[pd.DataFrame, Array]:
    """Return movie reviews, one a unit, and their frozen features, shape (rows, 384).

    They come from the training split of the book, so that its test split stays unread.
    """
    from illusionkit.models.encoding import features

    rows = tables()["train"].drop_duplicates("unit")
    inputs = features(list(corpora.movie_reviews()["text"]))[rows.index]
    return rows.reset_index(drop=True), inputs.astype(np.float64)


def draw(seed: int) -> dict[str, Array]:
    """Return row numbers of `reviews` by part: to train on, to choose the penalty by, to test."""
    table, _ = reviews()
    order = np.random.default_rng([seed, 17]).permutation(len(table))
    cuts = np.cumsum(list(SIZES.values()))
    return dict(zip(SIZES, np.split(order[: cuts[-1]], cuts[:-1]), strict=True))


def told(seed: int) -> dict[str, Told]:
    """Return what the heads say of the test reviews of one seed, by the names of `HEADS`.

    Each loss chooses its penalty by itself on the validation reviews. The squared-error head
    predicts the rating, which is cut at the edges of the classes. The cross-entropy head is read in
    two ways: its likeliest class (the rating is then that class's mean rating in training), and the
    mean of the classes' ratings under its probabilities, cut at the edges.
    """
    from sklearn.preprocessing import StandardScaler

    table, features = reviews()
    rows = draw(seed)
    scale = StandardScaler().fit(features[rows["train"]])
    inputs = {name: scale.transform(features[places]) for name, places in rows.items()}
    parts = {name: table.iloc[places] for name, places in rows.items()}
    chances, rating = _chances(inputs, parts), np.clip(_ratings(inputs, parts), -4, 4)
    centre = parts["train"].groupby("label")["mean"].mean().to_numpy()
    likeliest, mean = chances.argmax(axis=1), chances @ centre
    answers = (Told(likeliest, centre[likeliest]), Told(_cut(mean), mean))
    return dict(zip(HEADS, (*answers, Told(_cut(rating), rating)), strict=True))


def _cut(rating: Array) -> Array:
    return np.digitize(rating, corpora.CLASS_EDGES)


def _chances(inputs: Mapping[str, Array], parts: Mapping[str, pd.DataFrame]) -> Array:
    """Return each class's probability for the test rows, under the penalty with the least loss."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    heads = [
        LogisticRegression(C=strength, max_iter=500).fit(inputs["train"], parts["train"]["label"])
        for strength in STRENGTHS
    ]
    wanted = parts["validation"]["label"]
    losses = [log_loss(wanted, head.predict_proba(inputs["validation"])) for head in heads]
    return np.asarray(heads[int(np.argmin(losses))].predict_proba(inputs["test"]))


def _ratings(inputs: Mapping[str, Array], parts: Mapping[str, pd.DataFrame]) -> Array:
    """Return a rating for the test rows, under the penalty with the least squared error."""
    from sklearn.linear_model import Ridge

    heads = [Ridge(alpha=p).fit(inputs["train"], parts["train"]["mean"]) for p in PENALTIES]
    wanted = parts["validation"]["mean"].to_numpy()
    losses = [np.mean((head.predict(inputs["validation"]) - wanted) ** 2) for head in heads]
    return np.asarray(heads[int(np.argmin(losses))].predict(inputs["test"]))


def kappa(counts: Array) -> Array:
    """Return the quadratic-weighted kappa of tables of counts, shape (..., true, predicted).

    1 where every class is right, 0 where the agreement is that of chance; an error counts by the
    square of its distance. Source: Cohen 1968.
    """
    place = np.arange(counts.shape[-1])
    cost = (place[:, None] - place) ** 2
    total = counts.sum(axis=(-2, -1))
    chance = counts.sum(-1)[..., :, None] * counts.sum(-2)[..., None, :] / total[..., None, None]
    return np.asarray(1 - (cost * counts).sum((-2, -1)) / (cost * chance).sum((-2, -1)))


def scores(answer: Told, truth: pd.DataFrame, weights: Array | None = None) -> Array:
    """Return the `MEASURES` of an answer, shape (replicates, 3) for weights (replicates, rows).

    Accuracy of the class, mean absolute error of the rating in points, and kappa of the class.
    Without weights every row counts once, and the shape is (3,).
    """
    label = truth["label"].to_numpy()
    hits = (answer.label == label).astype(float)
    apart = np.abs(answer.rating - truth["mean"].to_numpy())
    places = np.eye(CLASSES**2)[label * CLASSES + answer.label]
    table = np.column_stack([hits, apart, places])
    draws = np.ones((1, len(table))) if weights is None else weights
    sums = draws @ table
    means = sums[:, :2] / draws.sum(axis=1, keepdims=True)
    measured = np.column_stack([means, kappa(sums[:, 2:].reshape(-1, CLASSES, CLASSES))])
    return measured[0] if weights is None else measured


def compare(seeds: Sequence[int]) -> pd.DataFrame:
    """Return the heads' measures, and their gain over the first head, with 95 % intervals.

    Columns: head, measure, score, gain, gain_lo, gain_hi; a gain above 0 is better than the
    likeliest class of the cross-entropy head. Units and seeds are resampled independently (Owen
    2007), and the heads on the same draws.
    """
    table, _ = reviews()
    rng = np.random.default_rng(0)
    units = rng.multinomial(len(table), np.full(len(table), 1 / len(table)), REPLICATES)
    chosen = rng.multinomial(len(seeds), np.full(len(seeds), 1 / len(seeds)), REPLICATES)
    means, drawn = np.zeros((len(HEADS), 3)), np.zeros((len(HEADS), REPLICATES, 3))
    for number, seed in enumerate(seeds):
        rows, answers = draw(seed)["test"], told(seed)
        truth, weights = table.iloc[rows], units[:, rows].astype(float)
        share = chosen[:, number, None] / len(seeds)
        for place, answer in enumerate(answers.values()):
            means[place] += scores(answer, truth) / len(seeds)
            drawn[place] += share * scores(answer, truth, weights)
    return _table(means, drawn)


def _table(means: Array, drawn: Array) -> pd.DataFrame:
    sign = np.array([1, -1, 1])
    gain, spread = sign * (means - means[0]), sign * (drawn - drawn[0])
    low, high = np.quantile(spread, [0.025, 0.975], axis=1)
    rows = [
        (head, measure, means[i, j], gain[i, j], low[i, j], high[i, j])
        for i, head in enumerate(HEADS)
        for j, measure in enumerate(MEASURES)
    ]
    return pd.DataFrame(rows, columns=["head", "measure", "score", "gain", "gain_lo", "gain_hi"])
