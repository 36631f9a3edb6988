"""The future of others in the training data of a recommender: ``temporal-ratings``.

A strict pair: which films does a user rate next? Both models are asked about the same users at the
same moment, are given the same first half of each one's ratings, and are trained on as many ratings
of other users. Honest: all of them were given before the moment. Flawed (apparent): a share is
replaced by ratings given after it. The learner is EASE (Steck 2019, arXiv:1905.03375).
Control: the other users are dealt anew into a past and a future, whatever their dates. Cured:
trained as in the flawed arm, and films that nobody had rated by the moment are not on offer.

Said before this was measured: a leak of the future is told to flatter (Ji et al. 2023,
arXiv:2010.11060). A pilot of another design, in which the users' own past was thinned as well, had
gone the other way: .186 without, .156 with the future. Expected here, with the users' own past left
alone: the same sign, negative, and smaller, since the future recommends films that are not there
yet. If that is the reason, the cured arm is nearer to 0 than the flawed one. The control is
equivalent to 0. Used in chapter 3.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import movielens
from illusionkit.data.movielens import FILMS, Asked, matrix
from illusionkit.experiment.draws import first, turns
from illusionkit.experiment.reading import ACCURACY, Metric, Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import joined, read
from illusionkit.models.recommenders import ease

TRAIN, NEXT, LIST, TENTHS = 20_000, 10, 10, (3, 4, 5, 6)
"""Ratings that are trained on; next films of a user; the length of a list; the tenths of the users,
by moment and from 0, that are judged: enough others lie before and after."""
HIT_RATE = Metric("next films among ten recommended", per_row=ACCURACY.per_row)
"""A row is one film that a user rated next; its prediction is that film, or -1 for a miss."""


def listed(scores: Array, given: Array, offered: Array) -> Array:
    """Return the ten best films (users, ten) that are on offer and were not given."""
    allowed = np.where(offered & (given == 0), scores, -np.inf)
    return np.argsort(-allowed, axis=1, kind="stable")[:, :LIST]


def sides(others: pd.DataFrame, asked: Asked, rng: np.random.Generator, arm: str) -> list[Array]:
    """Return the rows of other users before and after the moment, users in random order.

    In the control the same users are dealt into two sides by chance, each with all these rows.
    """
    time, turn = others["time"].to_numpy(), turns(others["unit"].to_numpy(), rng)
    masks = [time < asked.start, time > asked.end]
    if arm == "control":
        masks = [(masks[0] | masks[1]) & (turn % 2 == side) for side in (0, 1)]
    order = np.argsort(turn, kind="stable")
    return [order[mask[order]] for mask in masks]


def _pair(
    table: pd.DataFrame, asked: Asked, share: float, arm: str, rng: np.random.Generator
) -> list[tuple[Rows, float]]:
    """Return what two models say, and the share of their lists that nobody had rated by then."""
    others = table[(table["part"] == "book") & ~table["unit"].isin(asked.users)]
    before, after = sides(others, asked, rng, arm)
    there = np.isin(np.arange(FILMS), table.loc[table["time"] <= asked.end, "film"] - 1)
    made = []
    for count in (round(share * TRAIN), 0):
        train = [first(before, TRAIN - count, "ratings"), first(after, count, "later ratings")]
        scores = ease(matrix(others.iloc[np.concatenate(train)]), asked.given)
        best = listed(scores, asked.given, there if arm == "cured" else np.full(FILMS, True))
        made.append((_rows(asked, best), float(1 - there[best].mean())))
    return made


def _rows(asked: Asked, best: Array) -> Rows:
    hit = (asked.targets[:, :, None] == best[:, None, :]).any(axis=2)
    found = np.where(hit, asked.targets, -1)
    return Rows(asked.targets.ravel(), found.ravel(), np.repeat(asked.users, NEXT))


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``temporal-ratings``: a share of the training from later, against none of it."""
    table = read(movielens.film_ratings, part)
    rng, other = (np.random.default_rng([seed, number]) for number in (42, 43))
    tenths = movielens.asked(table, part, TENTHS, NEXT, rng)
    pairs = [_pair(table, tenth, dose["future"], arm, other) for tenth in tenths]
    (seen, early), (honest, _) = (zip(*side, strict=True) for side in zip(*pairs, strict=True))
    return Reading.scored(
        HIT_RATE, joined(seen), joined(honest), train_sizes=(TRAIN, TRAIN),
        extras={"not_there_yet": float(np.mean(early))},
    )  # fmt: skip


EXPERIMENTS = (
    Experiment(
        id="temporal-ratings", step="evaluate", page="temporal-leakage", kind="table",
        title="A recommender trained on what others did later",
        symptom="A recommender was tested on the past and trained on the future as well.",
        caught_by="Train on as many ratings from before, and ask the same users.",
        design="paired-models", metric=HIT_RATE, margin=0.01, sign=-1, seeds=tuple(range(20)),
        knobs=(Knob.share(
            "future", "training ratings given after the moment", (0.0, 0.25, 0.5, 1.0),
        ),),
        null_dose=0.0, data=("film_ratings",), cost=1.2, tolerance=0.005, run=run,
    ),
)  # fmt: skip
