"""A quick learner for any table: what a finding is worth is measured with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.audit.roles import is_spaced, is_text
from illusionkit.experiment.draws import turns

WIDTH, BINS, FOLDS, EPOCHS = 2**18, 10, 5, 8
DRAWS, LEVEL = 400, 0.95


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def sure(self) -> bool:
        """Return whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


def features(table: pd.DataFrame, columns: Sequence[str]) -> Any:
    """Return sparse features (rows, `WIDTH` at least) of columns of any kind; labels stay unseen.

    Texts are hashed words and their pairs (signs, where words are not set apart), categories a
    hash each; numbers are their rank, ten bins of it, and whether they are missing.
    """
    from scipy.sparse import csr_matrix, hstack

    parts = [_of_column(table[name], name) for name in columns]
    return hstack(parts).tocsr() if parts else csr_matrix((len(table), 1))


def _of_column(column: pd.Series, name: str) -> Any:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return _numbers(column)
    from sklearn.feature_extraction.text import HashingVectorizer

    cells = column.astype("string").fillna("").tolist()
    if is_text(column):
        return hashed(column)
    whole = HashingVectorizer(analyzer=lambda cell: [f"{name}={cell}"], n_features=2**12, norm=None)
    return whole.transform(cells)


def hashed(column: pd.Series) -> Any:
    """Return sparse features (rows, `WIDTH`) of a column of texts; labels stay unseen.

    Words and their pairs, or signs and theirs where words are not set apart by blanks.
    """
    from sklearn.feature_extraction.text import HashingVectorizer

    made = HashingVectorizer(
        analyzer="word" if is_spaced(column) else "char", ngram_range=(1, 2), n_features=WIDTH,
        alternate_sign=False,
    )  # fmt: skip
    return made.transform(column.astype("string").fillna("").tolist())


def _numbers(column: pd.Series) -> Any:
    from scipy.sparse import csr_matrix

    values = column.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    missing = ~np.isfinite(values)
    rank = pd.Series(np.where(missing, np.nan, values)).rank(pct=True).fillna(0.5).to_numpy()
    bins = np.minimum((rank * BINS).astype(int), BINS - 1)[:, None] == np.arange(BINS)
    return csr_matrix(np.column_stack([2 * rank - 1, missing, bins & ~missing[:, None]]))


def predict(known: Any, labels: Array, asked: Any) -> Array:
    """Return the predicted labels of rows ``asked`` after training on rows ``known``."""
    if len(np.unique(labels)) < 2:
        return np.full(asked.shape[0], labels[0])
    return np.asarray(learner().fit(known, labels).predict(asked))


def scores(known: Any, labels: Array, asked: Any) -> Array:
    """Return how much rows ``asked`` look like label 1, of labels 0 and 1."""
    return np.asarray(learner().fit(known, labels).decision_function(asked))


def learner() -> Any:
    """Return the quick learner: logistic regression by a few passes of averaged steps."""
    from sklearn.linear_model import SGDClassifier

    return SGDClassifier(
        loss="log_loss", alpha=1e-5, max_iter=EPOCHS, tol=None, average=True, random_state=0
    )


def folds(
    unit: Array, rng: np.random.Generator, number: int = FOLDS
) -> Iterator[tuple[Array, Array]]:
    """Yield the training and test rows of folds that keep units whole."""
    fold = turns(unit, rng) % number
    for k in range(number):
        if (fold == k).any() and (fold != k).any():
            yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)


def out_of_fold(matrix: Any, labels: Array, unit: Array, seed: int = 0) -> Array:
    """Return each row's prediction by a model that met none of its unit."""
    found = np.empty_like(labels)
    for train, test in folds(unit, np.random.default_rng(seed)):
        found[test] = predict(matrix[train], labels[train], matrix[test])
    return found


def difference(first: Array, second: Array, unit: Array, seed: int = 0) -> Estimate:
    """Return the mean of ``first`` less that of ``second``, with an interval over units.

    Both have a value a row, NaN where a row does not count.
    """

    def gap(weights: Array) -> Array:
        means = []
        for values in (first, second):
            counts = ~np.isnan(values)
            total = weights @ counts
            with np.errstate(invalid="ignore", divide="ignore"):
                means.append((weights @ np.where(counts, values, 0)) / total)
        return means[0] - means[1]

    place = pd.factorize(unit)[0]
    drawn = np.random.default_rng(seed).poisson(1.0, (DRAWS, place.max() + 1)).astype(np.float32)
    draws = np.concatenate([gap(block[:, place]) for block in np.array_split(drawn, 20)])
    low, high = np.nanquantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(gap(np.ones(len(place)))), float(low), float(high))
