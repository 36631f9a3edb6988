"""The answers to the exercises, computed from the data, and the check that a reader runs."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import EllipsisType

import numpy as np

from illusionkit.errors import ClaimError, IllusionError
from illusionkit.experiment import Array
from illusionkit.language import text


@dataclass(frozen=True)
class Answer:
    """The right answer to an exercise, and how near is near enough."""

    truth: Callable[[], float]
    within: float


def check(exercise: str, answer: float | EllipsisType) -> None:
    """Print whether ``answer`` solves the exercise, and a hint where it does not.

    The right answer is computed, not stored, and is not printed. An answer of ``...`` is "not
    yet". Used in every chapter.

    Raises
    ------
    ClaimError
        In a strict run: the answer is wrong. (A page's own solutions are checked that way.)
    IllusionError
        No exercise has this name, or the answer is no number.
    """
    if exercise not in ANSWERS:
        known = ", ".join(ANSWERS)
        raise IllusionError(f"No exercise is called '{exercise}'. There are: {known}.")
    if isinstance(answer, EllipsisType):
        print(text("check.waiting"))
        return
    try:
        given = float(answer)
    except (TypeError, ValueError):
        raise IllusionError(f"The answer to '{exercise}' is one number, not {answer!r}.") from None
    if _right(exercise, given):
        print(text("check.right"))
        return
    print(text("check.wrong", hint=text(f"check.{exercise}")))
    if os.environ.get("ILLUSIONKIT_STRICT") == "1":
        raise ClaimError(f"{given} does not solve '{exercise}'.")


def _right(exercise: str, given: float) -> bool:
    wanted = ANSWERS[exercise]
    return math.isfinite(given) and abs(given - wanted.truth()) <= wanted.within


@cache
def _half_split() -> float:
    """Return the share of test lines with a copy in training, if half the lines are tested."""
    from sklearn.model_selection import train_test_split

    from illusionkit.corpora import chinese_reviews

    train, test = train_test_split(chinese_reviews(), test_size=0.5, random_state=0)
    return float(test["unit"].isin(train["unit"]).mean())


def _whole_texts() -> float:
    """Return the mean accuracy of a split by whole texts."""
    from illusionkit.results import results

    return float(results("duplicates-as-shipped").cell("cured", 1.0)["apparent"])


@cache
def _other_corpus() -> float:
    """Return the share of English test reviews with a copy in training, split at random."""
    from sklearn.model_selection import train_test_split

    from illusionkit.corpora import movie_reviews
    from illusionkit.duplicates import overlap

    train, test = train_test_split(movie_reviews(), test_size=0.2, random_state=0)
    return float(overlap(list(train["text"]), list(test["text"])).mean())


@cache
def _random_labels() -> float:
    """Return the random-fold accuracy on document labels drawn at random."""
    from illusionkit.corpora import editorials

    rows = editorials()
    unit = rows["unit"].to_numpy()
    label = np.random.default_rng(0).integers(2, size=unit.max() + 1)[unit]
    return _folds_score(list(rows["text"]), label)


@cache
def _other_documents() -> float:
    """Return how much random folds add to grouped ones on product reviews."""
    from illusionkit.corpora import product_reviews

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

    from illusionkit.features import features

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01))
    folds = KFold(5, shuffle=True, random_state=0) if unit is None else GroupKFold(5)
    return float(cross_val_score(model, features(texts), label, cv=folds, groups=unit).mean())


def _dev_size() -> float:
    """Return how many reviews keep the expected maximum of 20 wobbles below 0.01."""
    return float((0.5 * np.sqrt(2 * np.log(20)) / 0.01) ** 2)


@cache
def _fresh_score() -> float:
    """Return the score of the page's winning run on reviews that it never met."""
    from sklearn.linear_model import RidgeClassifier
    from sklearn.preprocessing import StandardScaler

    from illusionkit.corpora import movie_reviews
    from illusionkit.features import features

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
    "half-split": Answer(_half_split, within=0.01),
    "whole-texts": Answer(_whole_texts, within=0.02),
    "other-corpus": Answer(_other_corpus, within=0.0005),
    "random-labels": Answer(_random_labels, within=0.01),
    "other-documents": Answer(_other_documents, within=0.01),
    "dev-size": Answer(_dev_size, within=200),
    "fresh-score": Answer(_fresh_score, within=0.005),
}
