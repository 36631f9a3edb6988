"""The illusion of wrong labels: ``label-noise``, ``label-noise-systematic``, ``label-noise-rater``.

Every sentence of the movie reviews was rated by fifteen people or more. A seed deals fourteen
ratings of each into two panels. The first gives the label that one *has*; a share of these labels
is replaced: by a coin (another class, evenly drawn), by a machine (a program that counts words,
taught on sentences that no arm trains or scores on), or by one rater of the panel. The second panel
judges and does nothing else: apparent is the accuracy against the labels one has, honest that
against the second panel, for the same predictions on the same test rows.

Arms. *flawed*: training and test labels are replaced alike. *control*: the training labels only;
the test labels stay the first panel's. *cured*: confident learning (Northcutt et al. 2021) flags
suspect labels from cross-validated probabilities, on the training and on the test side apart, and
the flagged labels are rated again: they become the first panel's. It never sees the second panel.

Said before anything was measured:

- The source document (§3.1) holds that noise makes a model do well in training and badly later,
  that is, look better than it is. Expected instead: the *kind* of noise decides the sign.
- A coin makes the model look worse, by rate times (5 honest - 1) / 4; one rater makes it look
  worse too. A machine makes it look better, because the model learns the machine.
- Without noise in the test labels the two scores agree, whatever the training labels: two panels
  of one size are exchangeable.
- The cure brings the coin's optimism nearer to 0 at every rate from 0.2 up. It takes away less than
  half of the machine's: labels that can be learnt do not look wrong to a model that learnt them.
- The training score less the honest score falls as the coin's rate grows, and rises with the
  machine's.

The machine was naive Bayes at first. It hardly ever said "neutral", and the run stopped for want of
such labels; the program was changed before any of its tables was read. (A page's draft had shown
the old one once: 13 points too good.) Used in chapter 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.errors import DataError
from illusionkit.experiment.spec import ACCURACY, Experiment, Knob, Reading, Rows, Run

PANEL = 7
FOLDS = 5
TEST_SHARE, TEACHER_SHARE = 0.3, 0.2
CLASSES = len(corpora.CLASS_NAMES)
LEAST = 20
"""Rows of every class that each side of the split must have."""


@cache
def _reviews(part: str) -> tuple[pd.DataFrame, Array]:
    """Return movie reviews and their frozen features (rows, 384).

    The confirm part is read for ``part="confirm"`` only.
    """
    from illusionkit.models.encoding import features

    names = dict.fromkeys(("book", part))
    parts = [corpora.movie_reviews(name).assign(part=name) for name in names]
    found = [features(list(rows["text"])) for rows in parts]
    return pd.concat(parts, ignore_index=True), np.concatenate(found)


def classes(scores: Array) -> Array:
    """Return the class, 0 to 4, of each mean score from -4 to 4, cut as the corpus cuts it."""
    return np.digitize(scores, corpora.CLASS_EDGES).astype(np.int64)


def dealt(ratings: pd.Series[Any], size: int, rng: np.random.Generator) -> Array:
    """Return ``size`` ratings a text, drawn without replacement, in a random order (texts, size).

    Raises
    ------
    DataError
        A text has fewer ratings than that.
    """
    counts = ratings.map(len).to_numpy()
    if len(counts) == 0 or counts.min() < size:
        raise DataError(
            f"{size} ratings a text are needed, and {np.sum(counts < size)} of {len(counts)} texts "
            "have fewer: leave those out, or use smaller panels."
        )
    padded = np.array([row + (0,) * (counts.max() - len(row)) for row in ratings])
    keys = rng.random(padded.shape)
    keys[np.arange(padded.shape[1]) >= counts[:, None]] = 2.0  # what is padded comes last
    return np.take_along_axis(padded, np.argsort(keys, axis=1), axis=1)[:, :size]


@dataclass(frozen=True)
class _Draw:
    """What a seed draws, by row: both panels' classes, one rater's, and the sides of the split."""

    first: Array
    second: Array
    rater: Array
    train: Array
    test: Array
    teacher: Array


def _draw(table: pd.DataFrame, part: str, rng: np.random.Generator) -> _Draw:
    """Return the panels and the split, whose sides share no unit."""
    scores = dealt(table["ratings"], 2 * PANEL, rng)
    first, second = (classes(half.mean(axis=1)) for half in np.split(scores, 2, axis=1))
    in_book, unit = (table["part"] == "book").to_numpy(), table["unit"].to_numpy()
    names = rng.permutation(np.unique(unit[in_book]))
    ends = np.cumsum([round(share * len(names)) for share in (TEST_SHARE, TEACHER_SHARE)])
    test, teacher, train = (
        np.flatnonzero(in_book & np.isin(unit, side)) for side in np.split(names, ends)
    )
    test = test if part == "book" else np.flatnonzero(~in_book)
    drawn = _Draw(first, second, classes(scores[:, 0]), train, test, teacher)
    for name in ("train", "test", "teacher"):
        _require_classes(first[getattr(drawn, name)], name)
    return drawn


def _require_classes(labels: Array, side: str) -> None:
    """Raise `DataError` unless there are enough rows of every class to train on and to test."""
    counts = np.bincount(labels, minlength=CLASSES)
    if counts.min() < LEAST:
        short = ", ".join(np.array(corpora.CLASS_NAMES)[counts < LEAST])
        raise DataError(
            f"At least {LEAST} texts of every class are needed on each side of the split; the "
            f"{side} side has fewer of: {short}. Use more texts, or fewer classes."
        )


def _coin(table: pd.DataFrame, drawn: _Draw, rng: np.random.Generator) -> Array:
    """Return for each row another class than the panel's, evenly drawn."""
    return (drawn.first + rng.integers(1, CLASSES, len(table))) % CLASSES


def counted(texts: Array, labels: Array, taught: Array) -> Array:
    """Return a class for every text by a program that counts words.

    A word weighs what the ``taught`` texts with it are labelled on average. The sums of weights are
    cut so that the classes have the shares that they have in those texts. Used in chapter 3.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    words = CountVectorizer(binary=True)
    seen, label = words.fit_transform(texts[taught]), labels[taught]
    weights = seen.T @ (label - label.mean()) / (np.asarray(seen.sum(axis=0)).ravel() + 1)
    total = words.transform(texts) @ weights
    shares = np.cumsum(np.bincount(label, minlength=CLASSES))[:-1] / len(label)
    return np.digitize(total, np.quantile(total, shares))


def _machine(table: pd.DataFrame, drawn: _Draw, rng: np.random.Generator) -> Array:
    """Return for each row the class that a program gives which counts words."""
    return counted(table["text"].to_numpy(), drawn.first, drawn.teacher)


def _rater(table: pd.DataFrame, drawn: _Draw, rng: np.random.Generator) -> Array:
    """Return for each row the class of one rater of the first panel."""
    return drawn.rater


def _probabilities(features: Array, labels: Array, judged: Array) -> Array:
    """Return class probabilities of rows ``judged`` by a linear probe on the labelled features."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    # Its one setting, the shrinkage, comes from the data by a formula: nothing is tuned.
    probe = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(features, labels)
    return np.asarray(probe.predict_proba(judged))


def suspects(features: Array, labels: Array, unit: Array, rng: np.random.Generator) -> Array:
    """Return which labels confident learning holds for wrong, as booleans, one a row.

    A linear probe gives each row's probabilities after training on the other folds; folds keep
    units whole. Labels are 0 to 4. Source: Northcutt, Jiang and Chuang 2021, in cleanlab.
    Used in chapter 3.

    Raises
    ------
    DataError
        A class has too few rows.
    """
    from cleanlab.filter import find_label_issues

    _require_classes(labels, "labelled")
    names, place = np.unique(unit, return_inverse=True)
    fold = (rng.permutation(len(names)) % FOLDS)[place]
    found = np.empty((len(labels), CLASSES))
    for held in (fold == number for number in range(FOLDS)):
        found[held] = _probabilities(features[~held], labels[~held], features[held])
    return np.asarray(find_label_issues(labels, found, n_jobs=1))


Kind = Callable[[pd.DataFrame, _Draw, np.random.Generator], Array]


def _noisy(dose: Mapping[str, float], seed: int, arm: str, part: str, kind: Kind) -> Reading:
    """Read one kind of label noise: the labels one has against a panel that touched nothing."""
    table, found = _reviews(part)
    rng = np.random.default_rng([seed, 6])
    drawn, unit = _draw(table, part, rng), table["unit"].to_numpy()
    train, test = drawn.train, drawn.test
    replaced = rng.random(len(table)) < dose["rate"]
    given = np.where(replaced, kind(table, drawn, rng), drawn.first)
    labels, extras = given, {"changed": float(np.mean(given[test] != drawn.first[test]))}
    if arm == "cured":
        flagged = np.zeros(len(table), dtype=bool)
        for side in (train, test):
            flagged[side] = suspects(found[side], given[side], unit[side], rng)
        labels = np.where(flagged, drawn.first, given)
        extras |= _cleaning(found, given, flagged, drawn)
    predicted = _probabilities(found[train], labels[train], found).argmax(axis=1)
    extras["train_score"] = float(np.mean(predicted[train] == labels[train]))
    has = drawn.first if arm == "control" else labels
    apparent, honest = (Rows(who[test], predicted[test], unit[test]) for who in (has, drawn.second))
    return Reading.scored(ACCURACY, apparent, honest, extras=extras)


def _cleaning(found: Array, given: Array, flagged: Array, drawn: _Draw) -> dict[str, float]:
    """Return what confident learning found among the test rows, as shares of them.

    ``flagged``; ``found``, flagged and not the first panel's label; ``wrong``, not the second
    panel's; ``wrong_flagged``. Then what comes of *dropping* the flagged rows on both sides:
    ``dropped_apparent`` on the kept test rows, ``dropped_honest`` on all of them.
    """
    train, test = (side[~flagged[side]] for side in (drawn.train, drawn.test))
    predicted = _probabilities(found[train], given[train], found).argmax(axis=1)
    mark, every = flagged[drawn.test], drawn.test
    wrong = given[every] != drawn.second[every]
    shares = {
        "flagged": mark,
        "found": mark & (given[every] != drawn.first[every]),
        "wrong": wrong,
        "wrong_flagged": mark & wrong,
        "dropped_apparent": predicted[test] == given[test],
        "dropped_honest": predicted[every] == drawn.second[every],
    }
    return {name: float(np.mean(values)) for name, values in shares.items()}


def _by_coin(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read ``label-noise``: a coin replaces labels."""
    return _noisy(dose, seed, arm, part, _coin)


def _by_machine(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read ``label-noise-systematic``: a program replaces labels."""
    return _noisy(dose, seed, arm, part, _machine)


def _by_rater(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read ``label-noise-rater``: single raters replace labels."""
    return _noisy(dose, seed, arm, part, _rater)


def _spec(
    name: str, title: str, run: Run, *, rates: tuple[float, ...], label: str, sign: int
) -> Experiment:
    """Return the experiment on one kind of noise; all else is alike."""
    knob = Knob("rate", label, "share", 0.0, 1.0, rates[-1], rates)
    return Experiment(
        id=name,
        title=title,
        step="collect",
        design="same-rows",
        metric=ACCURACY,
        knobs=(knob,),
        seeds=tuple(range(20)),
        margin=0.02,
        sign=sign,
        data=("movie_reviews",),
        page="label-noise",
        cost=1.0,
        run=run,
        tolerance=0.004,
        weights=("minilm",),
    )


QUARTERS = (0.0, 0.25, 0.5, 1.0)
EXPERIMENTS = (
    _spec(
        "label-noise", "Labels replaced by a coin, in training and test alike", _by_coin,
        rates=(0.0, 0.1, 0.2, 0.4, 0.6), sign=-1,
        label="labels replaced by another class, evenly drawn",
    ),
    _spec(
        "label-noise-systematic",
        "Labels from a program that counts words, in training and test alike", _by_machine,
        rates=QUARTERS, sign=1, label="labels given by a program",
    ),
    _spec(
        "label-noise-rater", "Labels from one rater each, in training and test alike", _by_rater,
        rates=QUARTERS, sign=-1, label="labels given by a single rater",
    ),
)  # fmt: skip
