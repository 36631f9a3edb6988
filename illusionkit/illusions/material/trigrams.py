"""A language model of two words' memory that can be trained a hundred times: counts, interpolated.

What followed the last two words, the last one, and any word: three relative frequencies and a small
share for everything, mixed by weights that fit texts held aside (Jelinek and Mercer 1980). A text
is a row of word numbers: `END` closes it, zeros fill it up. Used in chapter 8.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from illusionkit.arrays import Array
from illusionkit.data.slips import words_of
from illusionkit.errors import DataError
from illusionkit.illusions.material.chain import LONGEST

START, END, STRANGE = 0, 1, 2
"""Before a text, after it, and every word that is not in the vocabulary."""
MARKS = 3
FLOOR, ROUNDS, TWICE = 0.001, 30, 2
"""The share of every guess that is for any word; rounds of fitting; a known word's least count."""


def vocabulary(texts: Sequence[str]) -> dict[str, int]:
    """Return the number, from `MARKS` up, of each word that stands at least twice in the texts."""
    counts = Counter(word for text in texts for word in words_of(text))
    known = sorted(word for word, count in counts.items() if count >= TWICE)
    return {word: MARKS + place for place, word in enumerate(known)}


def numbered(texts: Sequence[str], known: Mapping[str, int]) -> Array:
    """Return texts as word numbers, shape (texts, `LONGEST`); what is longer is broken off."""
    rows = np.zeros((len(texts), LONGEST), dtype=np.int64)
    for row, text in zip(rows, texts, strict=True):
        words = [*(known.get(word, STRANGE) for word in words_of(text)), END][:LONGEST]
        row[: len(words)] = words
    return rows


def places(texts: Array) -> tuple[Array, Array]:
    """Return each word behind the two before it, shape (words, 3), and the number of its text."""
    padded = np.pad(texts, ((0, 0), (2, 0)), constant_values=START)
    threes = np.stack([padded[:, :-2], padded[:, 1:-1], padded[:, 2:]], axis=-1)
    return threes[texts != START], np.nonzero(texts)[0]


@dataclass(frozen=True)
class Trigrams:
    """Runs of three, two and one words, each written as one number and sorted; and how to mix.

    ``weights`` are those of the three frequencies; ``size`` counts vocabulary and marks.
    """

    runs: tuple[Array, ...]
    size: int
    weights: Array

    @classmethod
    def learned(cls, texts: Array, size: int, weights: Array | None = None) -> Trigrams:
        """Return what is counted in some texts. Raises DataError: they have not one word."""
        threes, _ = places(texts)
        if not len(threes):
            raise DataError("A language model needs texts with at least one word.")
        runs = tuple(np.sort(_joined(threes[:, k:], size)) for k in range(3))
        return cls(runs, size, np.full(3, 1 / 3) if weights is None else weights)

    def fitted(self, texts: Array) -> Trigrams:
        """Return the model with the weights that fit other texts best (expectation, maximum)."""
        shares, weights = self._shares(places(texts)[0]), self.weights
        for _ in range(ROUNDS):
            each = weights * (1 - FLOOR) * shares
            each /= each.sum(axis=1, keepdims=True) + FLOOR / (self.size - 1)
            weights = each.sum(axis=0) / each.sum()
        return replace(self, weights=weights)

    def chances(self, threes: Array) -> Array:
        """Return the probability of each last word after its two; over all words they add to 1."""
        mixed = self._shares(threes) @ self.weights
        return np.asarray(FLOOR / (self.size - 1) + (1 - FLOOR) * mixed)

    def written(self, count: int, rng: np.random.Generator) -> Array:
        """Return texts by the model, shape (count, `LONGEST`)."""
        texts = np.zeros((count, LONGEST), dtype=np.int64)
        last, going = np.full((count, 2), START), np.arange(count)
        mix = [*(1 - FLOOR) * self.weights, FLOOR]
        for step in range(LONGEST):
            memory = rng.choice(4, size=len(going), p=mix)  # 0: two words are remembered
            word = rng.integers(1, self.size, len(going))
            for k in (2, 1, 0):
                low, high = self._after(last[going, k:], k)
                one = low + (rng.random(len(going)) * (high - low)).astype(np.int64)
                met = (memory <= k) & (high > low)
                word[met] = self.runs[k][one[met]] % self.size
            texts[going, step] = word
            last[going] = np.column_stack([last[going, 1], word])
            going = going[word != END]
        return texts

    def _after(self, before: Array, k: int) -> tuple[Array, Array]:
        """Return from where to where the runs stand that begin with some words."""
        first = _joined(before, self.size) * self.size
        low, high = (np.searchsorted(self.runs[k], first + more) for more in (0, self.size))
        return low, high

    def _shares(self, threes: Array) -> Array:
        """Return how often each word followed two, one and no words, shape (words, 3).

        Where the words before it were never met, that of one word fewer stands in.
        """
        shares = np.zeros((len(threes), 3))
        for k in (2, 1, 0):
            low, high = self._after(threes[:, k:2], k)
            run = _joined(threes[:, k:], self.size)
            count = self._count(run, k)
            known = count / np.maximum(high - low, 1)
            shares[:, k] = np.where(high > low, known, shares[:, min(k + 1, 2)])
        return shares

    def _count(self, run: Array, k: int) -> Array:
        low, high = (np.searchsorted(self.runs[k], run, side=side) for side in ("left", "right"))
        return np.asarray(high - low)


def _joined(words: Array, size: int) -> Array:
    """Return each row of words as one number."""
    number = np.zeros(len(words), dtype=np.int64)
    for column in words.T:
        number = number * size + column
    return number
