"""Models whose maps are kept in the cache, and what their maps win."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from illusionkit import cache
from illusionkit.arrays import Array
from illusionkit.illusions.material.attributed import METHODS, NEUTRAL, Told, maps, spans, untaught
from illusionkit.illusions.material.map_tests import (
    against,
    against_random,
    alike,
    cuts,
    falls,
    listed,
    top,
)
from illusionkit.meaning import code_hash
from illusionkit.models import encoders
from illusionkit.training.book_model import Finetuned, finetuned
from illusionkit.training.finetune import probabilities

TAUGHT = -1
"""The number of the book's fine-tuned model, in place of how many parts are pre-trained."""
WORDS, DRAWS = 3, 3
"""A map's words; draws of as many random ones."""


@functools.cache
def book_model() -> Finetuned:
    """Return the book's fine-tuned model, read once."""
    return finetuned()


def side(chances: Array, sides: Array) -> Array:
    """Return the probability of each text's side from those of the classes (texts, classes)."""
    halves = [chances[:, :NEUTRAL].sum(axis=1), chances[:, NEUTRAL + 1 :].sum(axis=1)]
    return np.where(sides == 1, halves[1], halves[0])


@dataclass(frozen=True)
class Reader:
    """A model that reads reviews; what it says is kept in the cache, by weights and texts.

    ``kept`` is the number of pre-trained parts, or `TAUGHT` for the book's fine-tuned model.
    """

    kept: int
    seed: int

    def maps(
        self, texts: Sequence[str], sides: Sequence[int], method: str = METHODS[0]
    ) -> list[Told]:
        """Return what `maps` says of texts and their sides."""
        texts, sides = list(texts), list(map(int, sides))

        def make() -> dict[str, Array]:
            told = maps(self._model(), texts, sides, method)
            sums = np.array([[each.whole, each.change] for each in told])
            return {"words": np.concatenate([each.words for each in told]), "sums": sums}

        found = cache.arrays("runs", self._key("maps", texts, sides, method), make)
        ends = np.cumsum([len(spans(text)) for text in texts])[:-1]
        parts = zip(np.split(found["words"], ends), found["sums"], strict=True)
        return [Told(words, float(whole), float(change)) for words, (whole, change) in parts]

    def chances(self, texts: Sequence[str], sides: Sequence[int] | Array) -> Array:
        """Return the probability of each text's side, shape (texts,)."""
        texts = list(texts)

        def make() -> dict[str, Array]:
            return {"chances": probabilities(self._model(), book_model().tokenizer, texts)}

        found = cache.arrays("runs", self._key("chances", texts), make)
        return side(found["chances"], np.asarray(sides))

    def _model(self) -> Any:
        return book_model().model if self.kept == TAUGHT else untaught(self.kept, self.seed)

    def _key(self, *asked: Any) -> str:
        seed = None if self.kept == TAUGHT else self.seed
        origin = book_model().origin
        versions = map(version, (*encoders.LIBRARIES, "captum"))
        code = code_hash(maps, untaught, probabilities)
        return cache.digest(
            repr((self.kept, seed, asked)), origin["key"], origin["weights"], code, *versions
        )


@dataclass(frozen=True)
class Case:
    """A model and the reviews whose maps are tested."""

    reader: Reader
    texts: list[str]
    sides: list[int]

    def numbers(self, method: str = METHODS[0]) -> list[Array]:
        """Return the map of each review, by a method of `METHODS`."""
        return [each.words for each in self.reader.maps(self.texts, self.sides, method)]

    def by_list(self, words: list[Array], others: list[Array] | None = None) -> Array:
        """Return how often such words win by the list, over random ones or over others."""
        known = [listed(text) for text in self.texts]
        if others is None:
            return np.array([against_random(*pair) for pair in zip(known, words, strict=True)])
        three = zip(known, words, others, strict=True)
        return np.array([against(on[own].sum(), on[other].sum()) for on, own, other in three])

    def falls(self, seed: int) -> Array:
        """Return how far the right side falls without the map's words, and without random ones.

        Shape (reviews, 1 + draws); the random words are drawn by ``seed``.
        """
        cut = cuts(self.texts, self.words(), DRAWS, [seed, 85])
        return falls(self.reader.chances(cut, np.repeat(self.sides, DRAWS + 2)), DRAWS)

    def words(self) -> list[Array]:
        """Return the places of each map's words."""
        return [top(each, WORDS) for each in self.numbers()]


def missed(case: Case) -> dict[str, float]:
    """Return how far the maps' sums are off, as a share of the changes they should add up to."""
    told = case.reader.maps(case.texts, case.sides)
    off = sum(abs(each.whole - each.change) for each in told)
    return {"missed": off / sum(abs(each.change) for each in told)}


def agreement(case: Case, other: Case) -> dict[str, float]:
    """Return the rank correlations of a case's maps: by another method, and with another's maps."""
    own = case.numbers()
    return {
        "methods": alike(own, case.numbers(METHODS[2])),
        "as_other": alike(own, other.numbers()),
    }


def marked(case: Case) -> dict[str, float]:
    """Return which share of the maps' words stands in the list, and which of all words."""
    known = [listed(text) for text in case.texts]
    hits = [on[words].mean() for on, words in zip(known, case.words(), strict=True)]
    return {"hits": float(np.mean(hits)), "listed": float(np.mean([on.mean() for on in known]))}


def lowered(case: Case, seed: int) -> dict[str, float]:
    """Return the right side's probability, and its fall without the map's and random words."""
    chances, falls = case.reader.chances(case.texts, case.sides), case.falls(seed)
    told = {
        "chance": chances.mean(),
        "fall": falls[:, 0].mean(),
        "fall_random": falls[:, 1:].mean(),
    }
    return {name: float(value) for name, value in told.items()}
