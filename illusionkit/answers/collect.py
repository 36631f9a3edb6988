"""The answers to the exercises of chapter 3, collecting data."""

from __future__ import annotations

from functools import cache

import numpy as np

from illusionkit.answers.answer import Answer
from illusionkit.arrays import Array


@cache
def _random_labels() -> float:
    """Return the random-fold accuracy on document labels drawn at random."""
    from illusionkit.data.corpora import editorials

    rows = editorials()
    unit = rows["unit"].to_numpy()
    label = np.random.default_rng(0).integers(2, size=unit.max() + 1)[unit]
    return _folds_score(list(rows["text"]), label)


@cache
def _other_documents() -> float:
    """Return how much random folds add to grouped ones on product reviews."""
    from illusionkit.data.corpora import product_reviews

    rows = product_reviews()
    mean, texts = rows.groupby("unit")["mean"].transform("mean"), list(rows["text"])
    label = (mean > mean[~rows["unit"].duplicated()].median()).astype(int).to_numpy()
    unit = rows["unit"].to_numpy()
    return _folds_score(texts, label) - _folds_score(texts, label, unit)


def _folds_score(texts: list[str], label: Array, unit: Array | None = None) -> float:
    """Return the mean accuracy of five folds, random ones or, with ``unit``, whole units."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, KFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from illusionkit.models.encoding import features

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01))
    folds = KFold(5, shuffle=True, random_state=0) if unit is None else GroupKFold(5)
    return float(cross_val_score(model, features(texts), label, cv=folds, groups=unit).mean())


ANSWERS = {
    "random-labels": Answer(_random_labels, within=0.01),
    "other-documents": Answer(_other_documents, within=0.01),
}
