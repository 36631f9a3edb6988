"""Films held out, one of each user, and where a recommender puts them.

What all experiments on recommendation share. The rating held out is a user's last, ties of one
second broken by chance, or one at random; all others, and those of all other users, are learned
from. Used in chapter 6.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import movielens
from illusionkit.data.movielens import FILMS, matrix
from illusionkit.errors import DataError
from illusionkit.experiment.reading import ACCURACY, Metric
from illusionkit.experiment.task import read
from illusionkit.models.recommenders import MODELS

LIST = 10
"""The length of a list."""

HIT_RATE = Metric("films held out that are among ten", per_row=ACCURACY.per_row)
"""HR@10. A row is a user: the film held out, and that film again, or -1 for a miss."""


class Ranked(NamedTuple):
    """Users, the film held out of each, and what stood beside it in the ranking.

    ``users`` and ``target`` have the shape (users,); ``offered`` says which other films were on
    offer, ``above`` which of these the recommender put above it, both (users, films).
    """

    users: Array
    target: Array
    offered: Array
    above: Array


def held_out(table: pd.DataFrame, last: bool, rng: np.random.Generator) -> pd.Index:
    """Return one row of each unit, units ascending: its last, or one by chance."""
    turned = table.assign(turn=rng.permutation(len(table)))
    turned = turned.sort_values(["unit", *(["time"] if last else []), "turn"])
    return turned.drop_duplicates("unit", keep="last").index


@lru_cache(maxsize=100)
def ranked(model: str, seed: int, part: str, last: bool) -> Ranked:
    """Return where a model puts the films held out of the users of a part; ties go by chance.

    On offer are all films that the user has not rated. Trained on the book's users.
    """
    table, rng = read(movielens.film_ratings, part), np.random.default_rng([seed, 61])
    held = held_out(table, last, rng)
    kept, asked = table.drop(held), table.loc[held]
    asked = asked[asked["part"] == part]
    users, target = asked["unit"].to_numpy(), asked["film"].to_numpy() - 1
    given = matrix(kept[kept["unit"].isin(users)])
    if len(given) < len(users):
        raise DataError("A user with one rating has no other to go by: leave such users out.")
    scores = MODELS[model](matrix(kept[kept["part"] == "book"]), given)
    own, each = scores[np.arange(len(users)), target][:, None], np.arange(FILMS)
    offered = (given == 0) & (each != target[:, None])
    above = (scores > own) | ((scores == own) & (rng.random(scores.shape) < 0.5))
    return Ranked(users, target, offered, above & offered)


def drawn(offered: Array, number: int, seed: int) -> Array:
    """Return so many of the films on offer to each user, by chance; at most all.

    Fewer are always among more, and all models are asked about the same.
    """
    turn = np.where(offered, np.random.default_rng([seed, 62]).random(offered.shape), np.inf)
    return np.asarray(offered & (turn <= np.partition(turn, number - 1)[:, [number - 1]]))
