"""Language models that learn from each other's texts, one after the other. Used in chapter 8."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.experiment.draws import mixed, pools
from illusionkit.experiment.task import read
from illusionkit.illusions.collect.domain_shift import least
from illusionkit.illusions.material.generated import CLEAR
from illusionkit.illusions.material.trigrams import MARKS, Trigrams, numbered, vocabulary
from illusionkit.illusions.material.written import named

SIZES = (2000, 400, 600)
"""Texts of a generation: to learn from, to fit the weights by, to test."""
MANY, JUDGED = 4, 1000
"""How many times as many texts are plenty; real reviews that judge."""
NAMES = ("negative reviews", "positive reviews")


@dataclass(frozen=True)
class Texts:
    """Texts as `trigrams.numbered` writes them, and the unit of each."""

    words: Array
    unit: Array

    def halved(self, other: Texts, rng: np.random.Generator) -> Texts:
        """Return half of these texts, by lot, and as many of another set as make up the number."""
        kept = rng.permutation(len(self.unit))[: len(self.unit) // 2]
        more = slice(len(self.unit) - len(kept))
        pairs = (self.words[kept], other.words[more]), (self.unit[kept], other.unit[more])
        return Texts(*map(np.concatenate, pairs))


class Lab:
    """Real reviews: the first texts and their vocabulary, pools of others, those that judge.

    As many praise as blame. ``used`` are the units that a model may meet. Raises DataError: too
    few reviews.
    """

    def __init__(self, seed: int, part: str = "book") -> None:
        table = read(corpora.movie_reviews, part)
        table = table[table["label"].isin(CLEAR)].reset_index(drop=True)
        self.seed, self.text = seed, table["text"]
        self.label = table["label"].map(CLEAR).to_numpy()
        self.unit = ("review " + table["unit"].astype(str)).to_numpy(dtype=str)
        rng, book = np.random.default_rng([seed, 94]), (table["part"] == "book").to_numpy()
        *self.pools, judged = pools(self.unit, np.flatnonzero(book), rng, held=0.2, judged=0.3)
        if part != "book":
            judged = rng.permutation(np.flatnonzero(~book))
        self.used = np.unique(self.unit[np.concatenate(self.pools)])
        rows = self._even(self.pools[0], SIZES[0])
        self.known = vocabulary(list(self.text.iloc[rows]))
        self.size = MARKS + len(self.known)
        self.first = self._sets(*self.pools)
        self.judges = self._texts(self._even(judged, 2 * least(self.label, judged, JUDGED // 2)))

    def anew(self, rng: np.random.Generator) -> list[Texts]:
        """Return other real texts of the three `SIZES`, drawn from the same pools."""
        return self._sets(*map(rng.permutation, self.pools))

    def _sets(self, train: Array, held: Array) -> list[Texts]:
        each = self._even(held, sum(SIZES[1:])).reshape(2, -1)
        cut = SIZES[1] // 2
        sides = self._even(train, SIZES[0]), each[:, :cut].ravel(), each[:, cut:].ravel()
        return list(map(self._texts, sides))

    def _even(self, rows: Array, size: int) -> Array:
        return mixed(self.label, rows, rows, NAMES, share=0.0, size=size // 2)

    def _texts(self, rows: Array) -> Texts:
        return Texts(numbered(list(self.text.iloc[rows]), self.known), self.unit[rows])


def generations(lab: Lab, arm: str, count: int) -> Iterator[tuple[Trigrams, list[Texts]]]:
    """Yield the first model and ``count`` others, each with its texts of the three `SIZES`.

    What a model learns from after the first: "control", real texts drawn anew; "cured", half of the
    first real ones, half by the last model; "plenty", `MANY` times as many by the last model;
    "flawed", as many by it.
    """
    sets = lab.first
    for turn in range(count + 1):
        model = Trigrams.learned(sets[0].words, lab.size).fitted(sets[1].words)
        yield model, sets
        rng = np.random.default_rng([lab.seed, 95, turn])
        sets = lab.anew(rng) if arm == "control" else _written(lab, model, arm, rng)


def _written(lab: Lab, model: Trigrams, arm: str, rng: np.random.Generator) -> list[Texts]:
    sizes = (MANY * SIZES[0], *SIZES[1:]) if arm == "plenty" else SIZES
    made = [Texts(model.written(n, rng), np.array(named("written", n))) for n in sizes]
    if arm != "cured":
        return made
    return [real.halved(other, rng) for real, other in zip(lab.first, made, strict=True)]
