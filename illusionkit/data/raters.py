"""What the disagreement of raters allows: brackets, since a few ratings a text settle no number.

Every function takes the ratings of each text, -4 to 4, and returns one entry a text; the means
over texts are what is reported, with `interval`. Each pair of bounds is biased in opposite
directions, so that the truth lies between the two means. Used in chapter 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from illusionkit.arrays import Array
from illusionkit.data.corpora import CLASS_EDGES, CLASS_NAMES
from illusionkit.errors import DataError

CLASSES = len(CLASS_NAMES)
PRIOR = 1.0
"""Ratings' worth of doubt that keeps a prediction from a chance of 0; chosen on training reviews,
where it gave the lowest of the losses at 0.25, 0.5, 1, 2, 3 and 5."""
RESAMPLED = 400
"""Draws of a text's raters, or of its halves."""

Ratings = Sequence[Sequence[int]]


def classes(scores: Array) -> Array:
    """Return the class, 0 to 4, of each score from -4 to 4, as the corpora cut them."""
    return np.digitize(scores, CLASS_EDGES)


def left_out_hits(ratings: Ratings) -> Array:
    """Return the share of a text's raters whose class is that of the mean of the others.

    No model is judged this way: it is judged by all raters, and it is no rater. Raises DataError
    as the other functions here: there is no text, or one with fewer than 4 ratings.
    """
    return np.array([np.mean(classes(one) == classes(_others(one))) for one in _checked(ratings)])


def consensus_bounds(ratings: Ratings, *, seed: int = 0) -> tuple[Array, Array]:
    """Return how often the class of the mean could be foretold by one who knew all raters.

    Low: how often the means of two halves of the raters fall into one class; half as many raters
    are noisier than all, on both sides. High: how often the commonest class comes up when as many
    raters are drawn anew from the text's own, with replacement; the commonest of a finite sample
    is chosen after the look, and the sample varies less than the raters it stands for.
    """
    rng, low, high = np.random.default_rng(seed), [], []
    for one in _checked(ratings):
        left, right = (classes(half.mean(axis=1)) for half in _halves(one, rng))
        low.append(np.mean(left == right))
        high.append(_shares(_redrawn(one, rng)).max())
    return np.array(low), np.array(high)


def rater_entropy_bounds(ratings: Ratings) -> tuple[Array, Array]:
    """Return bounds, in nats, of the entropy of the class that one rater gives to a text.

    It is the least expected loss of any model that foretells one rater's class. Low: the entropy
    of the observed shares, which is too small in expectation (Paninski 2003). High: the mean loss
    of foretelling each rater from the shares of the others; a cross-entropy, and no less than the
    entropy in expectation (Gibbs).
    """
    low, high = [], []
    for one in _checked(ratings):
        given = classes(one)
        counts = np.bincount(given, minlength=CLASSES)
        others = counts[given] - 1 + PRIOR / CLASSES
        low.append(_entropy(counts / len(one)))
        high.append(-np.log(others / (len(one) - 1 + PRIOR)).mean())
    return np.array(low), np.array(high)


def consensus_entropy_bounds(ratings: Ratings, *, seed: int = 0) -> tuple[Array, Array]:
    """Return bounds, in nats, of the entropy of the class of a text's mean rating.

    It is the least expected loss of any model on the labels of the corpora. Low and high differ as
    in `consensus_bounds`: the class of redrawn raters, and the loss of foretelling the class of
    one half of the raters by a normal distribution round the mean of the other half.
    """
    rng, low, high = np.random.default_rng(seed), [], []
    for one in _checked(ratings):
        low.append(_entropy(_shares(_redrawn(one, rng))))
        high.append(_loss(*_halves(one, rng)).mean())
    return np.array(low), np.array(high)


def dealt(ratings: Iterable[Sequence[int]], size: int, rng: np.random.Generator) -> Array:
    """Return ``size`` ratings a text, drawn without replacement, in a random order (texts, size).

    Used in chapter 3.

    Raises
    ------
    DataError
        A text has fewer ratings than that.
    """
    rows = [tuple(one) for one in ratings]
    counts = np.array([len(row) for row in rows])
    if len(counts) == 0 or counts.min() < size:
        raise DataError(
            f"{size} ratings a text are needed, and {np.sum(counts < size)} of {len(counts)} texts "
            "have fewer: leave those out, or use smaller panels."
        )
    padded = np.array([row + (0,) * (counts.max() - len(row)) for row in rows])
    keys = rng.random(padded.shape)
    keys[np.arange(padded.shape[1]) >= counts[:, None]] = 2.0  # what is padded comes last
    return np.take_along_axis(padded, np.argsort(keys, axis=1), axis=1)[:, :size]


def interval(values: Array, unit: Array, *, draws: int = 2000) -> tuple[float, float]:
    """Return the ends of a 95 % bootstrap interval, over units, for the mean of ``values``."""
    _, place = np.unique(unit, return_inverse=True)
    total, count = np.bincount(place, values), np.bincount(place)
    rng = np.random.default_rng(0)
    weights = rng.multinomial(len(total), np.full(len(total), 1 / len(total)), draws).astype(float)
    low, high = np.quantile((weights @ total) / (weights @ count), [0.025, 0.975])
    return float(low), float(high)


def _checked(ratings: Ratings) -> list[Array]:
    texts = [np.asarray(one, dtype=float) for one in ratings]
    if not texts or min(map(len, texts)) < 4:
        raise DataError("Ratings are needed of at least one text, and at least 4 of each text.")
    return texts


def _others(one: Array) -> Array:
    """Return for each rater the mean of the others."""
    return (one.sum() - one) / (len(one) - 1)


def _redrawn(one: Array, rng: np.random.Generator) -> Array:
    """Return the means of as many raters drawn anew, with replacement; shape (draws,)."""
    return np.asarray(rng.choice(one, (RESAMPLED, len(one))).mean(axis=1))


def _halves(one: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return two disjoint halves of the raters, split anew in each draw; shape (draws, half)."""
    order = rng.permuted(np.tile(one, (RESAMPLED, 1)), axis=1)
    half = len(one) // 2
    return order[:, :half], order[:, half : 2 * half]


def _loss(left: Array, right: Array) -> Array:
    """Return the loss, in nats, of foretelling the class of each left mean from the right half."""
    from scipy.stats import t

    half = right.shape[1]
    variance = (right.var(axis=1) * half + PRIOR) / half  # raters who agree are not all alike
    spread = np.sqrt(variance * 2 / half)[:, None]
    below = t.cdf((np.array(CLASS_EDGES) - right.mean(axis=1)[:, None]) / spread, df=half - 1)
    chances = np.diff(below, axis=1, prepend=0.0, append=1.0)
    chosen = chances[np.arange(len(left)), classes(left.mean(axis=1))]
    return np.asarray(-np.log(np.maximum(chosen, 1e-12)))


def _shares(means: Array) -> Array:
    return np.bincount(classes(means), minlength=CLASSES) / len(means)


def _entropy(shares: Array) -> float:
    seen = shares[shares > 0]
    return float(-(seen * np.log(seen)).sum())
