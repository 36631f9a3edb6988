"""A greedy search for the worst slips of a text, and random tries beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from illusionkit import cache as store
from illusionkit.arrays import Array
from illusionkit.data.slips import Edit, drawn, rewritten
from illusionkit.illusions.material.misspelled import chances, misspelled, reader
from illusionkit.meaning import code_hash

EACH, BUDGET, AT_ONCE = 2, 3, 8
"""Slips tried of every word, the most words that a search misspells, texts read together."""


def lead(texts: Sequence[str], label: int) -> Array:
    """Return by how much a class leads all others, (texts,); below 0 it is not the answer."""
    told = chances(texts)
    return np.asarray(told[:, label] - np.delete(told, label, axis=1).max(axis=1))


def search(text: str, label: int, slips: Sequence[Edit]) -> tuple[list[int], list[int], float]:
    """Return what a greedy search finds that ends when ``label`` is no longer the answer.

    The slips it made, one a word, by number; how many texts it read for each; and which share of
    the single slips makes the answer wrong. Nothing is made where it was wrong from the start.
    """
    made: list[int] = []
    tries, breaks, left = [], 0.0, float(lead([text], label)[0])
    while left > 0 and len(made) < BUDGET:
        cut = {slips[number][0] for number in made}
        free = [number for number, slip in enumerate(slips) if slip[0] not in cut]
        if not free:
            break
        own = [slips[number] for number in made]
        leads = lead([rewritten(text, [*own, slips[number]]) for number in free], label)
        breaks = breaks if made else float((leads < 0).mean())
        made.append(free[int(leads.argmin())])
        tries.append(len(free))
        left = float(leads.min())
    return made, tries, breaks


def found(rows: pd.DataFrame, seed: int) -> tuple[list[list[Edit]], Array, Array]:
    """Return the slips that the search made in each review, its tries (rows, BUDGET) and breaks.

    A search is run once and kept.
    """
    known = misspelled()
    streams = (np.random.default_rng([seed, 73, row]) for row in rows.index)
    pairs = zip(rows["text"], streams, strict=True)
    slips = [drawn(text, known, rng, EACH) for text, rng in pairs]

    def make() -> dict[str, Array]:
        each = zip(rows["text"], rows["label"], slips, strict=True)
        made, tries, breaks = zip(*(search(*one) for one in each), strict=True)
        padded = {"made": _padded(made, -1), "tries": _padded(tries, 0)}
        return {**padded, "breaks": np.array(breaks)}

    weights = reader()[0].origin["weights"]
    told = [repr(slips), weights, code_hash(search), *rows["text"], *map(str, rows["label"])]
    kept = store.arrays("runs", store.digest(*told), make)
    numbers = zip(slips, kept["made"], strict=True)
    edits = [[own[number] for number in row if number >= 0] for own, row in numbers]
    return edits, kept["tries"].cumsum(axis=1), kept["breaks"]


def _padded(lists: Sequence[list[int]], fill: int) -> Array:
    return np.array([one + [fill] * (BUDGET - len(one)) for one in lists])


def tried(text: str, label: int, words: int, tries: int, rng: np.random.Generator) -> str:
    """Return a text with so many random slips: the first of many tries that breaks it, or the last.

    Up to eight tries are read together.
    """
    known, one = misspelled(), text
    for start in range(0, tries, AT_ONCE):
        number = min(AT_ONCE, tries - start)
        made = [rewritten(text, drawn(text, known, rng)[:words]) for _ in range(number)]
        leads = lead(made, label)
        one = made[int(leads.argmin())] if leads.min() < 0 else made[-1]
        if leads.min() < 0:
            break
    return one
