"""Film reviews that praise or blame, and texts that a generator makes of them or without them.

Features are rounded as `written` keeps them, real and generated ones alike. Used in chapter 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.experiment.task import read_encoded
from illusionkit.illusions.material.chain import chain, spoken
from illusionkit.illusions.material.copied import Sources
from illusionkit.illusions.material.written import named, rounded, written
from illusionkit.models import encoding

CLEAR = {0: 0, 1: 0, 3: 1, 4: 1}
"""The class of two that each of the five classes of `corpora` falls into; neutral ones are out."""
CHAINED = 300
"""Texts that the chain of each label writes."""


@cache
def reviews(part: str) -> tuple[pd.DataFrame, Array]:
    """Return clear reviews, and their rounded features (rows, 384).

    Columns: ``text``; ``label``, 1 = praise; ``unit``; ``part``. The neutral class is left out.
    """
    table, features = read_encoded(corpora.movie_reviews, part)
    clear = table["label"].isin(CLEAR).to_numpy()
    table = table.loc[clear, ["text", "label", "unit", "part"]].reset_index(drop=True)
    table = table.assign(
        label=table["label"].map(CLEAR), unit="review " + table["unit"].astype(str)
    )
    return table, rounded(features[clear])


@cache
def chained(sources: tuple[tuple[str, ...], ...], seed: int) -> tuple[pd.DataFrame, Array]:
    """Return texts by a Markov chain for each label, and their rounded features.

    ``sources`` has the texts of label 0, then of label 1. Columns: ``label``, ``unit``; ``whole``,
    1.0 where a text stands in one source; ``copied``, see `copied.Sources`.
    """
    rng = np.random.default_rng([seed, 93])
    texts, rows = [], []
    for label, known in enumerate(sources):
        of, found = chain(known), Sources(known)
        made = [spoken(of, rng) for _ in range(CHAINED)]
        texts += made
        rows += [(label, float(found.whole(text)), found.share(text)) for text in made]
    table = pd.DataFrame(rows, columns=["label", "whole", "copied"])
    return table.assign(unit=named("chained", len(table))), rounded(encoding.features(texts))


def generated(kind: str, known: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, Array]:
    """Return the texts of a generator, "written" or "chained" from ``known`` reviews."""
    if kind == "written":
        return written()
    sources = tuple(tuple(known.loc[known["label"] == label, "text"]) for label in (0, 1))
    return chained(sources, seed)


def together(*parts: tuple[pd.DataFrame, Array]) -> tuple[pd.DataFrame, Array]:
    """Return tables below each other with ``label``, ``unit`` and ``part``, and their features."""
    tables = [table.reindex(columns=["label", "unit", "part"]) for table, _ in parts]
    table = pd.concat(tables, ignore_index=True).fillna({"part": "book"})
    return table, np.concatenate([features for _, features in parts]).astype(np.float32)


def shares(table: pd.DataFrame, columns: Sequence[str] = ("whole", "copied")) -> dict[str, float]:
    """Return the means of some columns where a table has them."""
    return {name: float(table[name].mean()) for name in columns if name in table}
