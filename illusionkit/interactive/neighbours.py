"""What single raters said of the training reviews that are most similar to a text.

Similar means: a high cosine between frozen features of the packaged encoder. How high is high is
told by reviews that were held out: their own nearest training reviews are the yardstick.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.data.raters import CLASSES, classes
from illusionkit.errors import DataError
from illusionkit.models.encoding import features
from illusionkit.training import book_model

FEWEST, MOST = 5, 200
"""How few and how many similar reviews may be asked for; fewer than five would show single ones."""


@dataclass(frozen=True)
class Raters:
    """The single ratings of the reviews most similar to a text.

    ``shares``: of the ratings in each class, shape (classes,); ``ratings``: how many; ``reviews``:
    of how many reviews; ``cosine``: their mean similarity to the text; ``nearest``: that of the
    most similar one; ``less_similar``: the share of held-out reviews whose own nearest ones are
    less similar than ``cosine``; ``overall``: as ``shares``, of all training reviews.
    """

    shares: Array
    ratings: int
    reviews: int
    cosine: float
    nearest: float
    less_similar: float
    overall: Array


@dataclass(frozen=True)
class Neighbours:
    """Training reviews as unit vectors, their ratings, and the yardstick of held-out reviews.

    ``vectors``: (reviews, width); ``ratings``: single ratings of each review by class, (reviews,
    classes); ``usual``: for each held-out review the mean cosine of its nearest 1, 2, … training
    reviews, (held-out reviews, up to 200).
    """

    vectors: Array
    ratings: Array
    usual: Array

    @classmethod
    def among(cls, train: Array, held_out: Array, ratings: Iterable[Iterable[int]]) -> Neighbours:
        """Return the neighbours among training reviews with these features and single ratings."""
        vectors = unit(train)
        near = np.sort(unit(held_out) @ vectors.T, axis=1)[:, : -MOST - 1 : -1]
        usual = near.cumsum(axis=1) / np.arange(1, near.shape[1] + 1)
        return cls(vectors, np.array([by_class(scores) for scores in ratings]), usual)

    def raters(self, feature: Array, reviews: int) -> Raters:
        """Return the ratings of the ``reviews`` training reviews nearest to a text's features.

        Raises
        ------
        DataError
            Fewer than 5 reviews, more than 200, or more than there are.
        """
        most = min(MOST, len(self.vectors))
        if not FEWEST <= reviews <= most:
            raise DataError(f"From {FEWEST} to {most} similar reviews can be shown, not {reviews}.")
        cosines = self.vectors @ unit(feature)
        nearest = np.argsort(-cosines, kind="stable")[:reviews]
        counts, every = self.ratings[nearest].sum(axis=0), self.ratings.sum(axis=0)
        cosine = float(cosines[nearest].mean())
        return Raters(
            shares=counts / counts.sum(),
            ratings=int(counts.sum()),
            reviews=reviews,
            cosine=cosine,
            nearest=float(cosines[nearest[0]]),
            less_similar=float((self.usual[:, reviews - 1] < cosine).mean()),
            overall=every / every.sum(),
        )


def neighbours(corpus: str = "movie_reviews") -> Neighbours:
    """Return the neighbours among a rated corpus's training reviews; the features are kept.

    The validation split is the yardstick; the test split takes no part. Used in chapter 5. Errors
    as in `training.book_model.splits`, and `DataError` for a corpus without single ratings.
    """
    parts = book_model.tables(corpus)
    train, held_out = parts["train"], parts["validation"]
    if "ratings" not in train:
        raise DataError(f"Nobody rated the texts of '{corpus}' one by one: take movie_reviews.")
    known = features(list(corpora.CORPORA[corpus]()["text"]))  # of the whole: kept under one key
    return Neighbours.among(known[train.index], known[held_out.index], train["ratings"])


def unit(rows: Array) -> Array:
    """Return vectors of length 1 along the last axis, as float32; a zero vector stays zero."""
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    return (rows / np.where(length > 0, length, 1)).astype(np.float32)


def by_class(scores: Iterable[int]) -> Array:
    """Return how many single ratings fall into each class, cut as the means are."""
    return np.bincount(classes(np.array(list(scores))), minlength=CLASSES)
