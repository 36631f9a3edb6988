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

from functools import cache, partial

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.experiment.draws import mixed, pools
from illusionkit.experiment.reading import ACCURACY, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task
from illusionkit.models.calibration import temperature
from illusionkit.models.learners import Probe, linear_probe

CLASSES = ("negative", "neutral", "positive")
NAMES = tuple(f"{name} sentences" for name in CLASSES)
OF_FIVE = (0, 0, 1, 2, 2)
"""The class of three that each of the five classes of `corpora` falls into."""
TRAIN, HELD, JUDGED = 300, 120, 180
"""Sentences of each class that are trained on, held out by the lab, and judged at the end."""
HELD_SHARE, JUDGED_SHARE = 0.2, 0.32
"""Units of a population that are kept for the lab's test, and for the final one."""
SOURCE = "movie_reviews"


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


@cache
def _sentences(target: str, part: str) -> tuple[pd.DataFrame, Probe]:
    """Return the target's sentences behind the film reviews; for film reviews, them alone.

    ``home`` marks the target. Its confirm part is read for ``part="confirm"`` only.
    """
    from illusionkit.models.encoding import features

    asked = dict.fromkeys([(SOURCE, "book"), (target, "book"), (target, part)])
    parts = [load(name, of).assign(home=name == target, part=of) for name, of in asked]
    found = np.concatenate([features(list(rows["text"])) for rows in parts])
    return pd.concat(parts, ignore_index=True), Probe(found, linear_probe)


def run(dose: Dose, seed: int, arm: str, part: str, *, target: str) -> Reading:
    """Read one target: a share of all that was collected comes from elsewhere, film reviews.

    Honest: accuracy on sentences of the target. Flawed: the lab holds out a random part of what
    it collected. Control: the same, but elsewhere is the target as well. Cured: the lab collects
    as in the flawed arm, and tests on labelled sentences of the target. Estimated: no label of
    the target is read; see `believed`.
    """
    task, rng = Task(*_sentences(target, part)), np.random.default_rng([seed, 21])
    home = task.table["home"].to_numpy()
    cut = partial(pools, task.unit, rng=rng, held=HELD_SHARE, judged=JUDGED_SHARE)
    train, held, judged = cut(np.flatnonzero(home & task.book))
    if part != "book":
        judged = rng.permutation(np.flatnonzero(~task.book))
    far_train, far_held = train[::-1], held[::-1]  # the same rows, drawn from the other end
    if arm != "control" and not home.all():
        far_train, far_held, _ = cut(np.flatnonzero(~home))
    mix = partial(mixed, task.label, names=NAMES)
    lab = mix(held, far_held, share=0.0 if arm == "cured" else dose["foreign"], size=HELD)
    train = mix(train, far_train, share=dose["foreign"], size=TRAIN)
    size = JUDGED if part == "book" else least(task.label, judged, JUDGED)
    final = mix(judged, judged, share=0.0, size=size)
    seen, honest, chances = trusted(task, arm, train=train, held=lab, judged=final)
    if arm != "estimated":
        return task.reading(ACCURACY, seen, honest)
    sure = mean_confidence(chances[0], task.label[lab], chances[1])
    return task.reading(ACCURACY, seen, honest, mean_confidence=sure)


def least(label: Array, rows: Array, most: int) -> int:
    """Return how many rows of each class there are, at most ``most`` and at least 1."""
    return max(1, min(most, *(int((label[rows] == k).sum()) for k in np.unique(label))))


def trusted(
    task: Task, arm: str, *, train: Array, held: Array, judged: Array
) -> tuple[Rows, Rows, list[Array]]:
    """Return what the lab trusts, what judges it, and the chances of both sets of rows.

    Trusted are the held rows; by arm "estimated" what is `believed` of the judged ones.
    """
    chances = task.chances(train, held, judged)
    lab, honest = (
        task.rows(where, each.argmax(axis=1))
        for where, each in zip((held, judged), chances, strict=True)
    )
    if arm == "estimated":
        right = believed(chances[0], lab.truth, chances[1])
        lab = Rows(honest.truth, np.where(right, honest.truth, -1), honest.unit)
    return lab, honest, chances


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
    from scipy.special import softmax

    sure, asked = (np.log(np.clip(chances, 1e-12, None)) for chances in (held, unlabelled))
    calibrated = softmax(asked / temperature(sure, truth), axis=1)
    return float(calibrated.max(axis=1).mean())


_experiment = partial(
    Experiment,
    step="collect", page="domain-shift", kind="text",
    design="two-populations", metric=ACCURACY, margin=0.04, sign=1, seeds=tuple(range(60)),
    knobs=(Knob.share(
        "foreign", "collected sentences that come from elsewhere",
        (0.0, 0.25, 0.5, 0.75, 0.9, 1.0),
    ),),
    arms=("flawed", "control", "cured", "estimated"), null_dose=0.0, weights=("minilm",), cost=0.3,
    tolerance=0.006,
)  # fmt: skip

EXPERIMENTS = (
    _experiment(
        id="domain-shift-products",
        title="Trained on film reviews, used on product reviews",
        symptom="A model that is good on one kind of review is poorer on the next kind.",
        caught_by="Score a few labelled rows of the place where it will be used.",
        data=("movie_reviews", "product_reviews"), run=partial(run, target="product_reviews"),
    ),
    _experiment(
        id="domain-shift-tweets",
        title="Trained on film reviews, used on tweets",
        symptom="The model was excellent on edited text, and users write short messages.",
        caught_by="Label a hundred messages of its users, and score those.",
        data=("movie_reviews", "tweets"), run=partial(run, target="tweets"),
    ),
    _experiment(
        id="domain-shift-editorials",
        title="Trained on film reviews, used on editorials",
        symptom="The held-out test was fine, and in another department the answers are poor.",
        caught_by="Score each source by itself before anything is pooled.",
        data=("movie_reviews", "editorials"), run=partial(run, target="editorials"),
    ),
    _experiment(
        id="domain-shift-movies",
        title="Trained on film reviews, used on other film reviews",
        symptom="The score on data of the same source, collected later, is what the test said.",
        sign=0,
        arms=("control",), data=("movie_reviews",), run=partial(run, target="movie_reviews"),
    ),
)  # fmt: skip
