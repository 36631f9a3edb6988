"""Ten of a hundred for ten of all films: ``recommendation`` and ``recommendation-MODEL``.

The protocol of each number. Of each user one rating is held out: the last, ties of one second
broken by chance (or one at random, where the knob ``last`` is 0). The rest, and the ratings of all
others, are learned from. A *hit*: the film held out stands among the first ten. Honest: of all
films that the user has not rated. Flawed (apparent): of itself and some that are drawn from these
by chance. Same model, same users, same films held out.

Seen before, in a pilot with other settings (all / 99 drawn; last rating): popularity .081/.405,
item-kNN .111/.609, SVD .128/.610, EASE .139/.665. So the sizes are known roughly. Said before this
was measured: the optimism is positive for every model, and falls with the films drawn. *Control*,
the same share of the list (first ten of a hundred against the first tenth of all): equivalent to 0,
the drawn films are a fair sample. *Cured*, the place among all estimated from the place in the
sample (Krichene and Rendle 2020, doi:10.1145/3394486.3403226): nearer to 0 than the flawed arm,
and not 0, since a place in a small sample says little. Order (``recommendation-order``): SVD is
ahead of item-kNN among all films; the fewer are drawn the less, and at 20 it is behind. Used in
chapter 6.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy.stats import hypergeom

from illusionkit.arrays import Array
from illusionkit.data.movielens import FILMS
from illusionkit.experiment.reading import Metric, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.illusions.material.films import HIT_RATE, LIST, Ranked, drawn, ranked

LEAD = Metric("hits of SVD less hits of item-kNN", per_row=lambda rows: rows.prediction)
"""A row is a user; its prediction is 1, 0 or -1."""


def hits(found: Ranked, number: int, seed: int, arm: str) -> tuple[Array, Array]:
    """Return who hits among the films drawn, and who hits among all, as an arm counts it."""
    offered, sample = found.offered.sum(axis=1), drawn(found.offered, number, seed)
    few, better = sample.sum(axis=1), found.above.sum(axis=1)  # above the film held out
    here = (found.above & sample).sum(axis=1)
    if arm == "control":
        return here < LIST, better < LIST * (offered + 1) / (few + 1)
    return here * (offered / few if arm == "cured" else 1) < LIST, better < LIST


def expected(found: Ranked, number: int) -> float:
    """Return the share of hits among so many films, over all draws: exact, by the places in all."""
    offered, better = found.offered.sum(axis=1), found.above.sum(axis=1)
    return float(hypergeom.cdf(LIST - 1, offered, better, np.minimum(number, offered)).mean())


def run(dose: Dose, seed: int, arm: str, part: str, model: str) -> Reading:
    """Read how often a model hits: among so many films drawn by chance, and among all."""
    found, number = ranked(model, seed, part, dose["last"] >= 0.5), round(dose["films"])
    sides = [np.where(hit, found.target, -1) for hit in hits(found, number, seed, arm)]
    rows = [Rows(found.target, side, found.users) for side in sides]
    return Reading.scored(HIT_RATE, *rows, extras={"expected": expected(found, number)})


def order(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``recommendation-order``: how far SVD is ahead of item-kNN, user by user."""
    two = [ranked(model, seed, part, dose["last"] >= 0.5) for model in ("svd", "neighbours")]
    mine, theirs = (hits(found, round(dose["films"]), seed, arm) for found in two)
    leads = (a.astype(int) - b for a, b in zip(mine, theirs, strict=True))
    return Reading.scored(LEAD, *(Rows(two[0].target, lead, two[0].users) for lead in leads))


_experiment = partial(
    Experiment, step="applications", page="recommendation", kind="table", design="same-rows",
    margin=0.02, seeds=tuple(range(20)),
    knobs=(
        Knob("films", "films drawn to rank the one held out among", "films", low=10, high=FILMS,
             default=99, doses=(20, 50, 99, 200, 500, 1000)),
        Knob("last", "the rating held out", "1 the last, 0 one at random", low=0, high=1,
             default=1, doses=(0, 1)),
    ),
    data=("film_ratings",), cost=0.5, tolerance=0.005,
)  # fmt: skip

protocol = partial(_experiment, metric=HIT_RATE, sign=1)
"""What the specs of all models have in common."""

EXPERIMENTS = (
    protocol(
        id="recommendation", title="EASE, ranked among a few films drawn by chance",
        symptom="A recommender hits most of the time on paper, and rarely in use.",
        caught_by="Rank every film that could be shown, and name the candidates beside the score.",
        run=partial(run, model="ease"),
    ),
    protocol(
        id="recommendation-svd", title="SVD, ranked among a few films drawn by chance",
        symptom="Two papers score one recommender on the same ratings, far apart.",
        arms=("flawed",), run=partial(run, model="svd"),
    ),
    protocol(
        id="recommendation-neighbours", title="Item-kNN, ranked among a few films drawn by chance",
        symptom="A plain recommender catches up with a better one when fewer items are ranked.",
        arms=("flawed",), run=partial(run, model="neighbours"),
    ),
    protocol(
        id="recommendation-popularity", title="Popularity, ranked among a few films",
        symptom="A list that is the same for everybody scores well.",
        arms=("flawed",), run=partial(run, model="popularity"),
    ),
    _experiment(
        id="recommendation-order", title="SVD against item-kNN, among a few films and among all",
        symptom="Which of two recommenders is better depends on how many items were ranked.",
        caught_by="Compare the two on all items, user by user.", metric=LEAD, sign=-1, run=order,
    ),
)  # fmt: skip
