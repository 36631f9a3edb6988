"""What the words of a map are compared with: a list, chance, other words, and their removal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd
from scipy.stats import hypergeom, spearmanr

from illusionkit.arrays import Array
from illusionkit.data.lexicon import sentiment_words
from illusionkit.data.slips import rewritten, words_of
from illusionkit.illusions.material.attributed import NEUTRAL, spans
from illusionkit.illusions.material.compressed import pool
from illusionkit.training.book_model import tables

SHORTEST, LONGEST = 8, 18
"""The words of the shortest review that is asked about, and of the longest."""


@cache
def asked(part: str) -> pd.DataFrame:
    """Return short test reviews, one a unit, that are good or bad and have a word of the list.

    A column ``side`` is 1 for good and 0 for bad.
    """
    rows = pool(part)
    fits = [SHORTEST <= len(spans(t)) <= LONGEST and listed(t).any() for t in rows["text"]]
    rows = rows[np.array(fits, dtype=bool) & (rows["label"] != NEUTRAL).to_numpy()]
    return rows.assign(side=(rows["label"] > NEUTRAL).astype(int)).reset_index(drop=True)


def listed(text: str) -> Array:
    """Return of each word of a text whether it stands in the list of sentiment words."""
    return np.array([text[a:b].lower() in _known() for a, b in spans(text)], dtype=bool)


@cache
def _known() -> frozenset[str]:
    return frozenset(sentiment_words()["word"])


def rarity(text: str) -> Array:
    """Return a number for each word of a text, the greater the rarer it is in training reviews."""
    return -np.array([_counts()[text[a:b].lower()] for a, b in spans(text)], dtype=float)


@cache
def _counts() -> Counter[str]:
    return Counter(word for text in tables()["train"]["text"] for word in words_of(text))


def top(numbers: Array, count: int) -> Array:
    """Return the places of the words with the greatest numbers, the greatest first."""
    return np.argsort(-numbers, kind="stable")[:count]


def without(text: str, words: Array) -> str:
    """Return a text from which the words at these places were cut out."""
    found = spans(text)
    return rewritten(text, [(*found[word], "") for word in words])


def cuts(
    texts: Sequence[str], words: Sequence[Array], draws: int, seed: int | Sequence[int]
) -> list[str]:
    """Return of each text: itself, without its words, and without as many random ones, ``draws``.

    The random words are drawn by ``seed``, text by text. `falls` reads what a model says of them.
    """
    rng, found = np.random.default_rng(seed), []
    for text, own in zip(texts, words, strict=True):
        others = [rng.permutation(len(spans(text)))[: len(own)] for _ in range(draws)]
        found += [text, *(without(text, each) for each in (own, *others))]
    return found


def falls(chances: Array, draws: int) -> Array:
    """Return how far each text's probability falls by each of its `cuts`, (texts, 1 + draws)."""
    whole, *rest = chances.reshape(-1, draws + 2).T
    return np.array([whole - each for each in rest]).T


def against(one: float, other: float) -> float:
    """Return 1 for more, 0 for less and a half for as much."""
    return 0.5 + 0.5 * float(np.sign(round(one - other, 9)))


def against_random(known: Array, words: Array) -> float:
    """Return the chance that as many random words have fewer hits, and half of that of as many.

    ``known`` says of each word of a text whether it is a hit.
    """
    hits, chance = int(known[words].sum()), hypergeom(len(known), int(known.sum()), len(words))
    return float(chance.cdf(hits - 1) + chance.pmf(hits) / 2)


def by_deletion(falls: Array) -> Array:
    """Return how often the first fall is larger than the others, from (texts, 1 + others)."""
    return np.array([np.mean([against(own, each) for each in rest]) for own, *rest in falls])


def alike(some: list[Array], others: list[Array]) -> float:
    """Return the mean rank correlation of maps of the same texts."""
    pairs = zip(some, others, strict=True)
    return float(np.nanmean([spearmanr(one, other).statistic for one, other in pairs]))
