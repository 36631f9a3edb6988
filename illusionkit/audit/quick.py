"""A quick learner for any table: what a finding is worth is measured with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.audit.roles import is_spaced, is_text
from illusionkit.experiment.draws import turns

WIDTH, MANY, BINS, FOLDS, EPOCHS = 2**18, 2**12, 10, 5, 8
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
    column each; numbers are their rank, ten bins of it, and whether they are missing.
    """
    from scipy.sparse import csr_matrix, hstack

    parts = [of_column(table[name]) for name in columns]
    return hstack(parts).tocsr() if parts else csr_matrix((len(table), 1))


def of_column(column: pd.Series) -> Any:
    """Return the features of one column."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return _numbers(column)
    cells = column.astype("string").fillna("").tolist()
    if is_text(column):
        return hashed(column)
    return _categories(pd.factorize(np.asarray(cells, dtype=object))[0] % MANY)


def _categories(number: Array) -> Any:
    from scipy.sparse import csr_matrix

    shape = len(number), int(number.max(initial=0)) + 1
    return csr_matrix((np.ones(len(number)), number, np.arange(len(number) + 1)), shape=shape)


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


def out_of_fold(
    matrix: Any, labels: Array, unit: Array, seed: int = 0, number: int = FOLDS
) -> Array:
    """Return each row's prediction by a model that met none of its unit."""
    found = np.empty_like(labels)
    for train, test in folds(unit, np.random.default_rng(seed), number):
        found[test] = predict(matrix[train], labels[train], matrix[test])
    return found


def difference(first: Array, second: Array, unit: Array, seed: int = 0) -> Estimate:
    """Return the mean of ``first`` less that of ``second``, with an interval over units.

    Both have a value a row, NaN where a row does not count.
    """

    return drawn([first, second], unit, lambda means: means[0] - means[1], seed)


def drawn(
    columns: Sequence[Array], unit: Array, value: Callable[[Array], Array], seed: int = 0
) -> Estimate:
    """Return a value of the columns' means (columns, draws), with an interval over units.

    A column has a value a row, NaN where a row does not count.
    """
    place = pd.factorize(unit)[0]
    units = int(place.max()) + 1
    counts = [~np.isnan(values) for values in columns]
    sums = [(np.bincount(place, np.where(known, values, 0), units),
             np.bincount(place, known, units))
            for values, known in zip(columns, counts, strict=True)]  # fmt: skip

    def of(weights: Array) -> Array:
        with np.errstate(invalid="ignore", divide="ignore"):
            return value(np.array([(weights @ total) / (weights @ size) for total, size in sums]))

    rng = np.random.default_rng(seed)
    blocks = (rng.poisson(1.0, (DRAWS // 20, units)).astype(np.float32) for _ in range(20))
    draws = np.concatenate([of(block) for block in blocks])
    low, high = np.nanquantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(of(np.ones((1, units)))[0]), float(low), float(high))
