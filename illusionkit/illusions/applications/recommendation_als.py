"""ALS beside SVD, among a few films and among all: ``recommendation-als``.

The protocol is that of ``recommendation``: the same users, films held out and films drawn. ALS has
as many factors as the SVD has vectors, the paper's weight of a rated film and the penalty of EASE;
nothing was tuned.

Seen before: the plan's note that the protocol with 99 drawn films reorders SVD and ALS where the
last rating is held out, no figure. Said before this was measured: (1) ALS hits more among 99 than
SVD does, by more than 1 point; (2) among all films SVD is ahead, or the two cannot be told apart;
(3) so the lead of SVD looks smaller than it is at 20, 50 and 99 drawn, and the less the more are
drawn. A comparison user by user was said to follow, with the first tenth of all as its control; it
took too long and was not measured. Used in chapter 6.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from illusionkit.data import movielens
from illusionkit.data.movielens import FILMS, matrix
from illusionkit.experiment.reading import Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import read
from illusionkit.illusions.applications.recommendation import expected, hits
from illusionkit.illusions.material.films import HIT_RATE, Ranked, held_out, ranked
from illusionkit.models.recommenders import als


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


EXPERIMENTS = (
    Experiment(
        id="recommendation-als", step="applications", page="recommendation", kind="table",
        title="ALS, ranked among a few films drawn by chance",
        symptom="A factor model of ratings scores well on paper, and serves few of its users.",
        design="same-rows", metric=HIT_RATE, margin=0.02, sign=1, seeds=tuple(range(20)),
        knobs=(
            Knob("films", "films drawn to rank the one held out among", "films", low=10,
                 high=FILMS, default=99, doses=(20, 50, 99, 200, 500, 1000)),
            Knob("last", "the rating held out", "1 the last, 0 one at random", low=0, high=1,
                 default=1, doses=(0, 1)),
        ),
        arms=("flawed",), data=("film_ratings",), cost=0.5, tolerance=0.005, run=run,
    ),
)  # fmt: skip
