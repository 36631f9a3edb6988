"""ALS and SVD, among a few films and among all: ``recommendation-als`` and ``-order-als``.

The protocol is that of ``recommendation``: the same users, films held out and films drawn. ALS has
as many factors as the SVD has vectors, the paper's weight of a rated film and the penalty of EASE;
nothing was tuned.

Seen before: the plan's note that the protocol with 99 drawn films reorders SVD and ALS where the
last rating is held out, no figure. Said before this was measured: (1) ALS hits more among 99 than
SVD does, by more than 1 point; (2) among all films SVD is ahead, or the two cannot be told apart;
(3) so the lead of SVD looks smaller than it is at 20, 50 and 99 drawn, and the less the more are
drawn; (4) control, the first tenth of all, equivalent to 0. Used in chapter 6.
"""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np

from illusionkit.data import movielens
from illusionkit.data.movielens import FILMS, matrix
from illusionkit.experiment.reading import Metric, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import read
from illusionkit.illusions.applications.recommendation import expected, hits
from illusionkit.illusions.material.films import HIT_RATE, Ranked, held_out, ranked
from illusionkit.models.recommenders import als

LEAD = Metric("hits of SVD less hits of ALS", per_row=lambda rows: rows.prediction)
"""A row is a user; its prediction is 1, 0 or -1."""


@lru_cache(maxsize=100)
def ranked_by_als(seed: int, part: str, last: bool) -> Ranked:
    """Return where ALS puts the films held out: users, films and offers are those of `ranked`."""
    users, target, offered, _ = ranked("popularity", seed, part, last)
    table, rng = read(movielens.film_ratings, part), np.random.default_rng([seed, 61])
    kept, each = table.drop(held_out(table, last, rng)), np.arange(len(users))
    given = 1.0 - offered
    given[each, target] = 0
    scores = als(matrix(kept[kept["part"] == "book"]), given)
    own = scores[each, target][:, None]
    above = (scores > own) | ((scores == own) & (rng.random(scores.shape) < 0.5))
    return Ranked(users, target, offered, above & offered)


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``recommendation-als``: how often it hits, among films drawn by chance and among all."""
    found, number = ranked_by_als(seed, part, dose["last"] >= 0.5), round(dose["films"])
    sides = [np.where(hit, found.target, -1) for hit in hits(found, number, seed, arm)]
    rows = [Rows(found.target, side, found.users) for side in sides]
    return Reading.scored(HIT_RATE, *rows, extras={"expected": expected(found, number)})


def order(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``recommendation-order-als``: how far SVD is ahead of ALS, user by user."""
    last, number = dose["last"] >= 0.5, round(dose["films"])
    two = ranked("svd", seed, part, last), ranked_by_als(seed, part, last)
    mine, theirs = (hits(found, number, seed, arm) for found in two)
    leads = (a.astype(int) - b for a, b in zip(mine, theirs, strict=True))
    return Reading.scored(LEAD, *(Rows(two[0].target, lead, two[0].users) for lead in leads))


_experiment = partial(
    Experiment, step="applications", page="recommendation", kind="table", design="same-rows",
    margin=0.02,
    knobs=(
        Knob("films", "films drawn to rank the one held out among", "films", low=10, high=FILMS,
             default=99, doses=(20, 50, 99, 200, 500, 1000)),
        Knob("last", "the rating held out", "1 the last, 0 one at random", low=0, high=1,
             default=1, doses=(0, 1)),
    ),
    data=("film_ratings",), cost=0.5, tolerance=0.005,
)  # fmt: skip

EXPERIMENTS = (
    _experiment(
        id="recommendation-als", title="ALS, ranked among a few films drawn by chance",
        symptom="A factor model of ratings scores well on paper, and serves few of its users.",
        arms=("flawed",), metric=HIT_RATE, sign=1, run=run,
        seeds=tuple(range(20)),
    ),
    _experiment(
        id="recommendation-order-als", title="SVD against ALS, among a few films and among all",
        symptom="A recommender wins on paper, and loses the test with users to the other.",
        caught_by="Compare the two on all items, user by user.",
        arms=("flawed", "control"), metric=LEAD, sign=-1, run=order, seeds=tuple(range(10)),
    ),
)  # fmt: skip
