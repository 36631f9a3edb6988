"""The illusion of the wrong population: ``domain-shift-products``, ``-tweets``, ``-editorials``.

A model is trained on film reviews, tested on film reviews that were held out, and used on
something else. The source document (§3.1) says that a text classifier which is excellent on its
own data drops severely on new data, because the distributions differ, and names skew as a cause.
Used in chapter 3.

Skew is taken out here: every set of rows holds as many negative as neutral as positive sentences,
drawn anew without replacement. What remains between two populations is their language.

Said before anything was measured, with no look at a model's score: at dose 1 the optimism is
positive in all three domains and larger than the margin; it is least for product reviews, which
are reviews too, and most for editorials. The control and the cure are equivalent to 0. The
estimate from unlabelled target data errs on the hopeful side in every domain, by less than the
lab's own score does. A quarter of target examples (dose 0.75) buys back at least half of what a
training set of nothing but target examples would add. ``domain-shift-movies``, where elsewhere is
the same population, is equivalent to 0 at every dose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.errors import DataError
from illusionkit.experiment.spec import ACCURACY, Experiment, Knob, Reading, Rows

CLASSES = ("negative", "neutral", "positive")
OF_FIVE = (0, 0, 1, 2, 2)
"""The class of three that each of the five classes of `corpora` falls into."""
TRAIN, HELD, JUDGED = 300, 120, 180
"""Sentences of each class that are trained on, held out by the lab, and judged at the end."""
HELD_SHARE, JUDGED_SHARE = 0.2, 0.32
"""Units of a population that are kept for the lab's test, and for the final one."""


def load(corpus: str, part: str) -> pd.DataFrame:
    """Return a corpus in three classes, its units named so that no two corpora share one.

    Columns: ``text``; ``label``, 0 to 2 (`CLASSES`); ``unit``. Used in chapter 3.
    """
    known = {
        "movie_reviews": corpora.movie_reviews,
        "product_reviews": corpora.product_reviews,
        "tweets": corpora.tweets,
        "editorials": corpora.editorials,
    }
    rows = known[corpus](part)[["text", "label", "unit"]]
    label = np.array(OF_FIVE)[rows["label"].to_numpy()]
    return rows.assign(label=label, unit=corpus + " " + rows["unit"].astype(str))


@dataclass(frozen=True)
class _Task:
    """What a reading works on, by sentence: the features (rows, 384), label, unit.

    ``home`` marks the population that the model will be used on, ``confirm`` its confirm part.
    """

    features: Array
    label: Array
    unit: Array
    home: Array
    confirm: Array

    def rows(self, where: Array, predicted: Array) -> Rows:
        """Return what a score of rows ``where`` is computed from."""
        return Rows(self.label[where], predicted, self.unit[where])

    def chances(self, train: Array, judged: Array) -> Array:
        """Return probabilities (judged, classes) after training a linear probe on ``train``."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
        model.fit(self.features[train], self.label[train])
        return np.asarray(model.predict_proba(self.features[judged]))


@cache
def _task(target: str, part: str) -> _Task:
    """Return the target's sentences behind the movie reviews; for movies, them alone.

    The confirm part, of the target only, is read for ``part="confirm"`` only.
    """
    from illusionkit.models.encoding import features

    asked = [("movie_reviews", "book"), (target, "book"), (target, part)]
    parts = [
        load(*place).assign(home=place[0] == target, confirm=place[1] != "book")
        for place in dict.fromkeys(asked)
    ]
    table = pd.concat(parts, ignore_index=True)
    found = np.concatenate([features(list(rows["text"])) for rows in parts])
    return _Task(found, *(table[name].to_numpy() for name in ("label", "unit", "home", "confirm")))


@dataclass(frozen=True)
class _Pools:
    """Rows of one population that may be trained on, held out, judged: each by class, shuffled."""

    train: list[Array]
    held: list[Array]
    judged: list[Array]

    def reversed(self) -> _Pools:
        """Return the same rows, drawn from the other end."""
        train, held = ([rows[::-1] for rows in pool] for pool in (self.train, self.held))
        return _Pools(train, held, [])


def _pools(task: _Task, home: bool, part: str, rng: np.random.Generator) -> _Pools:
    """Return a population's rows, whole units to one pool; confirm rows can be judged only."""
    rows = rng.permutation(np.flatnonzero((task.home == home) & ~task.confirm))
    train, held, judged = by_units(task.unit, rows, HELD_SHARE, JUDGED_SHARE, rng)
    final = judged if part == "book" else rng.permutation(np.flatnonzero(task.confirm))
    sets = (train, held, final if home else rows[:0])
    return _Pools(*([found[task.label[found] == c] for c in range(len(CLASSES))] for found in sets))


def by_units(
    unit: Array, rows: Array, held: float, judged: float, rng: np.random.Generator
) -> list[Array]:
    """Cut ``rows``, by whole units: to train on, a share to hold out, and one to judge by."""
    names, place = np.unique(unit[rows], return_inverse=True)
    rank = (rng.permutation(len(names)) / max(1, len(names)))[place]
    cuts = (rank >= judged + held, (rank >= judged) & (rank < judged + held), rank < judged)
    return [rows[cut] for cut in cuts]


def mixed(own: Sequence[Array], foreign: Sequence[Array], share: float, size: int) -> Array:
    """Return ``size`` rows of each class, a share of them from elsewhere: equal prevalence.

    ``own`` and ``foreign`` hold the rows of each class; they are taken from the front.

    Raises
    ------
    DataError
        A class has too few rows, so that equal prevalence can't be reached.
    """
    count = round(share * size)
    chosen = []
    for name, pool, rest in zip(CLASSES, foreign, own, strict=True):
        for rows, wanted in ((pool, count), (rest, size - count)):
            if len(rows) < wanted:
                raise DataError(
                    f"Equal prevalence can't be reached: {wanted} {name} sentences are needed "
                    f"and {len(rows)} are there. Ask for fewer, or leave that class out."
                )
            chosen.append(rows[:wanted])
    return np.concatenate(chosen)


def _final(judged: Sequence[Array], part: str) -> Array:
    """Return the rows to judge by: `JUDGED` of each class, or what the confirm part has."""
    least = min(len(rows) for rows in judged)
    size = JUDGED if part == "book" else max(1, min(JUDGED, least))
    return mixed(judged, judged, 0.0, size)


def _shifted(target: str, dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read one target: a share of all that was collected comes from elsewhere, film reviews.

    Honest: accuracy on sentences of the target. Flawed: the lab holds out a random part of what
    it collected. Control: the same, but elsewhere is the target as well. Cured: the lab collects
    as in the flawed arm, and tests on labelled sentences of the target. Estimated: no label of
    the target is read; see `believed`.
    """
    task, rng = _task(target, part), np.random.default_rng([seed, 21])
    own = _pools(task, True, part, rng)
    alone = arm == "control" or bool(task.home.all())
    foreign = own.reversed() if alone else _pools(task, False, part, rng)
    share = dose["foreign"]
    train = mixed(own.train, foreign.train, share, TRAIN)
    held = mixed(own.held, foreign.held, 0.0 if arm == "cured" else share, HELD)
    final = _final(own.judged, part)
    chances = np.split(task.chances(train, np.concatenate([held, final])), [len(held)])
    seen, honest = (
        task.rows(where, found.argmax(axis=1))
        for where, found in zip((held, final), chances, strict=True)
    )
    if arm != "estimated":
        return Reading.scored(ACCURACY, seen, honest)
    right = believed(chances[0], seen.truth, chances[1])
    guess = Rows(honest.truth, np.where(right, honest.truth, -1), honest.unit)
    sure = mean_confidence(chances[0], seen.truth, chances[1])
    return Reading.scored(ACCURACY, guess, honest, extras={"mean_confidence": sure})


def believed(held: Array, truth: Array, unlabelled: Array) -> Array:
    """Return which unlabelled rows the model takes to be right, by average thresholded confidence.

    ``held`` and ``unlabelled`` are probabilities (rows, classes), ``truth`` the labels of the held
    rows. The threshold is the confidence below which lie as many held rows as are wrong.
    Source: Garg et al. 2022, arXiv:2201.04234. Used in chapter 3.
    """
    wrong = float(np.mean(held.argmax(axis=1) != truth))
    return unlabelled.max(axis=1) > np.quantile(held.max(axis=1), wrong)


def mean_confidence(held: Array, truth: Array, unlabelled: Array) -> float:
    """Return the mean confidence on unlabelled rows, after calibration on the held rows.

    Calibration by one temperature (Guo et al. 2017, arXiv:1706.04599); arguments as in `believed`.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax, softmax

    logs = np.log(np.clip(held, 1e-12, None))

    def loss(slope: float) -> float:
        return -float(log_softmax(slope * logs, axis=1)[np.arange(len(truth)), truth].mean())

    slope = minimize_scalar(loss, bounds=(0.05, 20.0), method="bounded").x
    found = softmax(slope * np.log(np.clip(unlabelled, 1e-12, None)), axis=1)
    return float(found.max(axis=1).mean())


def _products(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read ``domain-shift-products``."""
    return _shifted("product_reviews", dose, seed, arm, part)


def _tweets(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read ``domain-shift-tweets``."""
    return _shifted("tweets", dose, seed, arm, part)


def _editorials(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read ``domain-shift-editorials``."""
    return _shifted("editorials", dose, seed, arm, part)


def _movies(dose: Mapping[str, float], seed: int, arm: str, part: str) -> Reading:
    """Read ``domain-shift-movies``: elsewhere is the same population."""
    return _shifted("movie_reviews", dose, seed, arm, part)


_experiment = partial(
    Experiment,
    step="collect",
    design="two-populations",
    metric=ACCURACY,
    knobs=(
        Knob(
            name="foreign",
            label="collected sentences that come from elsewhere",
            unit="share",
            low=0.0,
            high=1.0,
            default=1.0,
            doses=(0.0, 0.25, 0.5, 0.75, 0.9, 1.0),
        ),
    ),
    seeds=tuple(range(60)),
    margin=0.04,
    sign=1,
    page="domain-shift",
    cost=0.3,
    tolerance=0.006,
    arms=("flawed", "control", "cured", "estimated"),
    weights=("minilm",),
)

EXPERIMENTS = (
    _experiment(
        id="domain-shift-products",
        title="Trained on film reviews, used on product reviews",
        data=("movie_reviews", "product_reviews"),
        run=_products,
    ),
    _experiment(
        id="domain-shift-tweets",
        title="Trained on film reviews, used on tweets",
        data=("movie_reviews", "tweets"),
        run=_tweets,
    ),
    _experiment(
        id="domain-shift-editorials",
        title="Trained on film reviews, used on editorials",
        data=("movie_reviews", "editorials"),
        run=_editorials,
    ),
    _experiment(
        id="domain-shift-movies",
        title="Trained on film reviews, used on other film reviews",
        data=("movie_reviews",),
        arms=("control",),
        sign=0,
        run=_movies,
    ),
)
