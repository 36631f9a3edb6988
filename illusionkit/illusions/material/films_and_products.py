"""Sentences on films and on products in one file, its rows and a holdout in one mixture.

Used in chapter 8.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.experiment.draws import first
from illusionkit.experiment.task import Task
from illusionkit.illusions.collect.domain_shift import load
from illusionkit.models import encoding

WORK, HELD, PRODUCTS, HOLDOUT, LEAST = 2000, 2500, 0.2, 0.4, 10
"""Rows of the file and of the holdout; share of product sentences in both; share of the units that
judge; rows of each corpus that a file needs."""
CORPORA = ("movie_reviews", "product_reviews")


@cache
def sentences(part: str) -> tuple[pd.DataFrame, Array]:
    """Return film and product sentences, and their features (rows, 384).

    Columns: ``label``, ``unit``, ``part``; ``ratings`` of all raters; ``product``, whether it is of
    a product; ``words``, their number.
    """
    known = {"movie_reviews": corpora.movie_reviews, "product_reviews": corpora.product_reviews}
    tables = [
        load(name, of).assign(
            ratings=known[name](of)["ratings"], part=of, product=name == CORPORA[1]
        )
        for of in dict.fromkeys(("book", part))
        for name in CORPORA
    ]
    found = [encoding.features(list(rows["text"])) for rows in tables]
    table = pd.concat(tables, ignore_index=True)
    words = table.pop("text").str.split().str.len()
    return table.assign(words=words), np.concatenate(found)


def mixture(task: Task, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the rows of a holdout and of the file, in the same mixture; they share no unit."""
    product = task.table["product"].to_numpy()
    found = []
    for share, side in ((1 - PRODUCTS, ~product), (PRODUCTS, product)):
        held, rest = task.cut(rng, HOLDOUT, rows=np.flatnonzero(side))
        rest = first(rest, max(LEAST, len(rest)), "rows of a corpus to work on")
        sizes = round(share * HELD), round(share * WORK)
        found.append([rng.permutation(r)[:n] for r, n in zip((held, rest), sizes, strict=True)])
    (films, work), (products, more) = found
    return np.concatenate([films, products[: len(films) // 4]]), np.concatenate([work, more])
