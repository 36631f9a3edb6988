"""Sentences on films and on products in one file, its rows and a holdout in one mixture.

Used in chapter 8.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.experiment.task import Task
from illusionkit.illusions.collect.domain_shift import load
from illusionkit.models import encoding

WORK, HELD, PRODUCTS, HOLDOUT = 2000, 2500, 0.2, 0.4
"""Rows of the file and of the holdout; share of product sentences in both; of units that judge."""
CORPORA = ("movie_reviews", "product_reviews")


@cache
def sentences(part: str) -> tuple[pd.DataFrame, Array]:
    """Return film and product sentences with their ratings, and their features (rows, 384)."""
    known = {"movie_reviews": corpora.movie_reviews, "product_reviews": corpora.product_reviews}
    tables = [
        load(name, of).assign(
            ratings=known[name](of)["ratings"], part=of, product=name == CORPORA[1]
        )
        for of in dict.fromkeys(("book", part))
        for name in CORPORA
    ]
    found = [encoding.features(list(rows["text"])) for rows in tables]
    return pd.concat(tables, ignore_index=True).drop(columns="text"), np.concatenate(found)


def mixture(task: Task, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the rows of a holdout and of the file, in the same mixture; they share no unit."""
    product = task.table["product"].to_numpy()
    found = []
    for share, side in ((1 - PRODUCTS, ~product), (PRODUCTS, product)):
        held, rest = task.cut(rng, HOLDOUT, rows=np.flatnonzero(side))
        sizes = round(share * HELD), round(share * WORK)
        found.append([rng.permutation(r)[:n] for r, n in zip((held, rest), sizes, strict=True)])
    (films, work), (products, more) = found
    return np.concatenate([films, products[: len(films) // 4]]), np.concatenate([work, more])
