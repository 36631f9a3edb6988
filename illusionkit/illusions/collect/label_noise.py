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

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.data.raters import classes, dealt
from illusionkit.errors import DataError
from illusionkit.experiment.draws import turns
from illusionkit.experiment.reading import ACCURACY, Reading
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task, read_encoded
from illusionkit.models.learners import Probe, discriminant

PANEL, FOLDS = 7, 5
TEST_SHARE, TEACHER_SHARE = 0.3, 0.2
CLASSES = len(corpora.CLASS_NAMES)
LEAST = 20
"""Rows of every class that each side of the split must have."""


@dataclass(frozen=True)
class Draw:
    """What a seed draws, by row: both panels' classes, one rater's, and the sides of the split."""

    first: Array
    second: Array
    rater: Array
    test: Array
    teacher: Array
    train: Array


def draw(task: Task, rng: np.random.Generator) -> Draw:
    """Return the panels and the split, whose sides share no unit."""
    scores = dealt(task.table["ratings"], 2 * PANEL, rng)
    first, second = (classes(half.mean(axis=1)) for half in np.split(scores, 2, axis=1))
    sides = task.cut(rng, TEST_SHARE, TEACHER_SHARE)
    for name, side in zip(("test", "teacher", "train"), sides, strict=True):
        _require_classes(first[side], name)
    return Draw(first, second, classes(scores[:, 0]), *sides)


def _require_classes(labels: Array, side: str) -> None:
    """Raise `DataError` unless there are enough rows of every class to train on and to test."""
    counts = np.bincount(labels, minlength=CLASSES)
    if counts.min() < LEAST:
        short = ", ".join(np.array(corpora.CLASS_NAMES)[counts < LEAST])
        raise DataError(
            f"At least {LEAST} texts of every class are needed on each side of the split; the "
            f"{side} side has fewer of: {short}. Use more texts, or fewer classes."
        )


def coin(texts: Array, drawn: Draw, rng: np.random.Generator) -> Array:
    """Return for each row another class than the panel's, evenly drawn."""
    return (drawn.first + rng.integers(1, CLASSES, len(texts))) % CLASSES


def machine(texts: Array, drawn: Draw, rng: np.random.Generator) -> Array:
    """Return for each row the class that a program gives which counts words."""
    return counted(texts, drawn.first, drawn.teacher)


def rater(texts: Array, drawn: Draw, rng: np.random.Generator) -> Array:
    """Return for each row the class of one rater of the first panel."""
    return drawn.rater


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
    fold = turns(unit, rng) % FOLDS
    chances = np.empty((len(labels), CLASSES))
    for held in (fold == number for number in range(FOLDS)):
        probe = discriminant().fit(features[~held], labels[~held])
        chances[held] = probe.predict_proba(features[held])
    return np.asarray(find_label_issues(labels, chances, n_jobs=1))


Kind = Callable[[Array, Draw, np.random.Generator], Array]
"""From texts and a draw to the labels, one a row, that replace those of the first panel."""


def run(dose: Dose, seed: int, arm: str, part: str, *, kind: Kind) -> Reading:
    """Read one kind of label noise: the labels one has against a panel that touched nothing."""
    table, features = read_encoded(corpora.movie_reviews, part)
    task, rng = Task(table, Probe(features, discriminant)), np.random.default_rng([seed, 6])
    drawn = draw(task, rng)
    train, test = drawn.train, drawn.test
    replaced = rng.random(len(table)) < dose["rate"]
    given = np.where(replaced, kind(table["text"].to_numpy(), drawn, rng), drawn.first)
    labels, extras = given, {"changed": float(np.mean(given[test] != drawn.first[test]))}
    if arm == "cured":
        flagged = np.zeros(len(table), dtype=bool)
        for side in (train, test):
            flagged[side] = suspects(features[side], given[side], task.unit[side], rng)
        labels = np.where(flagged, drawn.first, given)
        extras |= _cleaning(task, given, flagged, drawn)
    predicted = _predicted(task, train, labels)
    extras["train_score"] = float(np.mean(predicted[train] == labels[train]))
    shown = drawn.first if arm == "control" else labels
    apparent, honest = (task.rows(test, predicted[test], who) for who in (shown, drawn.second))
    return task.reading(ACCURACY, apparent, honest, **extras)


def _predicted(task: Task, train: Array, labels: Array) -> Array:
    """Return the predicted class of every row after training on the labels of rows ``train``."""
    (chances,) = task.chances(train, np.arange(len(labels)), labels=labels[train])
    return chances.argmax(axis=1)


def _cleaning(task: Task, given: Array, flagged: Array, drawn: Draw) -> dict[str, float]:
    """Return what confident learning found among the test rows, as shares of them.

    ``flagged``; ``found``, flagged and not the first panel's label; ``wrong``, not the second
    panel's; ``wrong_flagged``. Then what comes of *dropping* the flagged rows on both sides:
    ``dropped_apparent`` on the kept test rows, ``dropped_honest`` on all of them.
    """
    train, test = (side[~flagged[side]] for side in (drawn.train, drawn.test))
    predicted = _predicted(task, train, given)
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


QUARTERS = (0.0, 0.25, 0.5, 1.0)

_experiment = partial(
    Experiment,
    step="collect", page="label-noise", kind="ratings",
    design="same-rows", metric=ACCURACY, margin=0.02, seeds=tuple(range(20)),
    null_dose=0.0, data=("movie_reviews",), weights=("minilm",), cost=1.0, tolerance=0.004,
)  # fmt: skip

EXPERIMENTS = (
    _experiment(
        id="label-noise",
        title="Labels replaced by a coin, in training and test alike",
        symptom="The score stays low whatever is tried, and users say that the answers are good.",
        caught_by="Judge against the consensus of several raters.",
        sign=-1,
        knobs=(Knob.share(
            "rate", "labels replaced by another class, evenly drawn", (0.0, 0.1, 0.2, 0.4, 0.6),
        ),),
        run=partial(run, kind=coin),
    ),
    _experiment(
        id="label-noise-systematic",
        title="Labels from a program that counts words, in training and test alike",
        symptom="The model agrees with our labels, which a program made, and not with people.",
        caught_by="Have people label a sample, and score against them.",
        sign=1,
        knobs=(Knob.share("rate", "labels given by a program", QUARTERS),),
        run=partial(run, kind=machine),
    ),
    _experiment(
        id="label-noise-rater",
        title="Labels from one rater each, in training and test alike",
        symptom="Two people disagree about a label as often as the model does.",
        caught_by="Let one rater be judged by the others, as the model is.",
        sign=-1,
        knobs=(Knob.share("rate", "labels given by a single rater", QUARTERS),),
        run=partial(run, kind=rater),
    ),
)  # fmt: skip
