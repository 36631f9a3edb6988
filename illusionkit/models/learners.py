"""The plain learners that the experiments train, where the illusion does not need a large one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from illusionkit.arrays import Array

if TYPE_CHECKING:
    import torch
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import RidgeClassifier
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import Pipeline

CHARACTERS = {"analyzer": "char", "ngram_range": (1, 2)}


def plain_learner() -> Pipeline:
    """Return the plain text classifier: characters and their pairs, logistic regression.

    It needs no word segmentation, so it serves Chinese and English alike. C = 10 was chosen on
    clean validation texts (accuracy 0.836, 0.844, 0.845 at C = 1, 10, 100). Used in chapter 1.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    return make_pipeline(TfidfVectorizer(sublinear_tf=True, **CHARACTERS), _classifier())


def _classifier() -> OneVsRestClassifier:
    """Return one logistic regression a class; for two classes that is a single one."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    return OneVsRestClassifier(LogisticRegression(C=10, solver="liblinear"))


class CountedTexts:
    """Texts whose characters are counted once, so that `plain_learner` trains seven times faster.

    ``predict`` gives what `plain_learner` gives when it is fitted on the same rows.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import CountVectorizer

        self._counter = CountVectorizer(**CHARACTERS)
        self._counts = self._counter.fit_transform(texts).tocsr()

    def predict(self, train: Array, labels: Array, test: Array, extra: Sequence[str] = ()) -> Array:
        """Return the predicted labels of rows ``test`` after training on rows ``train``.

        ``extra`` texts are trained on as well; ``labels`` has the train rows' labels, then theirs.
        """
        from scipy.sparse import vstack
        from sklearn.feature_extraction.text import TfidfTransformer

        counts = self._counts[train]
        if len(extra):
            counts = vstack([counts, self._counter.transform(extra)]).tocsr()
        seen = np.flatnonzero(counts.getnnz(axis=0))  # what the training rows never had is unknown
        scale = TfidfTransformer(sublinear_tf=True).fit(counts[:, seen])
        model: Any = _classifier().fit(scale.transform(counts[:, seen]), labels)
        return np.asarray(model.predict(scale.transform(self._counts[test][:, seen])))


@dataclass(frozen=True)
class Probe:
    """A learner on features that are there: ``features`` (rows, width), dense or sparse.

    ``model`` makes an estimator of scikit-learn that is not fitted yet. Rows are given by number,
    as in `CountedTexts`.
    """

    features: Any
    model: Callable[[], Any]

    def fit(self, train: Array, labels: Array) -> Any:
        """Return an estimator trained on rows ``train``."""
        return self.model().fit(self.features[train], labels)

    def predict(self, train: Array, labels: Array, test: Array) -> Array:
        """Return the predicted labels of rows ``test`` after training on rows ``train``."""
        return np.asarray(self.fit(train, labels).predict(self.features[test]))

    def chances(self, train: Array, labels: Array, test: Array) -> Array:
        """Return the probabilities (tests, classes) of rows ``test`` after that training."""
        return np.asarray(self.fit(train, labels).predict_proba(self.features[test]))


def linear_probe(strength: float = 0.01) -> Pipeline:
    """Return logistic regression on standardised features; ``strength`` is scikit-learn's C.

    Used in chapter 3.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=2000))


def discriminant() -> LinearDiscriminantAnalysis:
    """Return linear discriminant analysis, which has probabilities and nothing to be tuned.

    Its one setting, the shrinkage, comes from the data by a formula. Used in chapter 3.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


def ridge() -> RidgeClassifier:
    """Return a ridge classifier, which is fitted in milliseconds. Used in chapter 3."""
    from sklearn.linear_model import RidgeClassifier

    return RidgeClassifier(alpha=100.0)


def head(width: int, classes: int, *, hidden: int = 384, dropout: float = 0.1) -> torch.nn.Module:
    """Return the head of ``BertForSequenceClassification``: dense, tanh, dropout, dense.

    Its weights are drawn by torch's seed. Used in chapter 4.
    """
    from torch import nn

    return nn.Sequential(
        nn.Linear(width, hidden), nn.Tanh(), nn.Dropout(dropout), nn.Linear(hidden, classes)
    )
