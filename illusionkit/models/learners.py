"""The plain learners that the experiments train, where the illusion does not need a large one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from illusionkit.arrays import Array
from illusionkit.errors import DataError

if TYPE_CHECKING:
    import torch
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import LogisticRegression, RidgeClassifier
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import Pipeline

HIDDEN, DROPOUT = 384, 0.1
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


def sparse_probe() -> LogisticRegression:
    """Return logistic regression on words and marks, 0 or 1. Used in chapter 3."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=0.1, solver="liblinear")


@dataclass(frozen=True)
class LinearFit:
    """Least squares on the leading principal components of some rows, and a constant.

    ``basis`` (rows, features + 1) has orthonormal columns: the fit is a projection on them.
    """

    basis: Array

    @property
    def leverage(self) -> Array:
        """Return how much each row's own target decides its fitted value, shape (rows,)."""
        return np.asarray((self.basis**2).sum(axis=1))

    def predict(self, targets: Array) -> Array:
        """Return the fitted values of targets (rows,) or (rows, draws)."""
        return np.asarray(self.basis @ (self.basis.T @ targets))

    def left_out(self, targets: Array) -> Array:
        """Return for each row what a fit without it predicts, shape (rows,)."""
        return np.asarray(targets - (targets - self.predict(targets)) / (1 - self.leverage))


def linear_fit(rows: Array, features: int) -> LinearFit:
    """Return the fit on ``features`` principal components of ``rows`` (rows, width).

    Used in chapter 3.

    Raises
    ------
    DataError
        There are not more rows than features, or the rows do not vary in so many directions.
    """
    count = len(rows)
    if not 1 <= features < count - 1:
        raise DataError(f"{features} features and a constant need more rows than {count}.")
    left, size, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    if size[features - 1 : features].sum() <= 1e-6 * size[0]:
        raise DataError(f"These rows do not vary in {features} directions: take fewer features.")
    constant = np.full((count, 1), count**-0.5)
    return LinearFit(np.concatenate([constant, left[:, :features]], axis=1))


@dataclass(frozen=True)
class HeadTraining:
    """How a head is trained: classes, batch size, epochs, seed, and what makes its optimizer.

    The head is that of ``BertForSequenceClassification``: dense, tanh, dropout, dense.
    """

    classes: int
    size: int
    epochs: int
    seed: int
    optimizer: Callable[..., Any]

    def fit(self, features: Array, labels: Array, note: Callable[..., None]) -> torch.nn.Module:
        """Return a head trained on features (rows, width), in evaluation mode.

        After each step ``note`` is called with the head, the batch's rows and its logits. Torch's
        random numbers go on afterwards as if nothing had drawn any. Used in chapter 4.
        """
        import torch

        inputs, targets = torch.from_numpy(features).float(), torch.from_numpy(labels)
        order = torch.Generator().manual_seed(self.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            head = self._drawn(features.shape[1])
            optimizer = self.optimizer(head.parameters())
            for _ in range(self.epochs):
                for rows in torch.randperm(len(labels), generator=order).split(self.size):
                    logits = head(inputs[rows])
                    optimizer.zero_grad()
                    torch.nn.functional.cross_entropy(logits, targets[rows]).backward()
                    optimizer.step()
                    note(head, rows, logits.detach())
        return head.eval()

    def _drawn(self, width: int) -> torch.nn.Module:
        """Return a head whose weights are drawn by torch's seed."""
        from torch import nn

        first, last = nn.Linear(width, HIDDEN), nn.Linear(HIDDEN, self.classes)
        return nn.Sequential(first, nn.Tanh(), nn.Dropout(DROPOUT), last)


def logits_of(head: torch.nn.Module, features: Array) -> torch.Tensor:
    """Return the logits (rows, classes) of a trained head."""
    import torch

    with torch.inference_mode():
        return head(torch.from_numpy(features).float())


def nearest(known: Array, kind: Array, asked: Array) -> Array:
    """Return how far the nearest known image of each kind is, (asked, 10); infinite for no image.

    Squared, less what is equal for all kinds: whole numbers, exact as floats on every machine.
    """
    known, asked = known.astype(float), asked.astype(float)
    far = (known**2).sum(axis=1) - 2 * asked @ known.T
    return np.stack([far[:, kind == k].min(1, initial=np.inf) for k in range(10)], axis=1)
