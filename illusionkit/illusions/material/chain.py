"""A Markov chain of words: a generator of texts in a few lines. Used in chapter 8.

A word is followed by one of the words that followed it in the sources, as often as there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from illusionkit.errors import DataError

LONGEST = 60
"""Words after which a text is broken off."""

Chain = Mapping[str, Sequence[str]]
"""The words that followed each word; what follows "" begins a text, and "" ends it."""


def chain(sources: Sequence[str]) -> Chain:
    """Return the chain of some texts. Raises DataError: there is not one word."""
    followers: dict[str, list[str]] = defaultdict(list)
    for words in map(str.split, sources):
        for word, after in zip(["", *words], [*words, ""], strict=True):
            if word or after:
                followers[word].append(after)
    if not followers:
        raise DataError("A chain needs sources with at least one word.")
    return followers


def spoken(of: Chain, rng: np.random.Generator) -> str:
    """Return one text by the chain."""
    words, word = [], of[""][rng.integers(len(of[""]))]  # type: ignore[call-overload, var-annotated]
    while word and len(words) < LONGEST:
        words.append(word)
        word = of[word][rng.integers(len(of[word]))]  # type: ignore[call-overload]
    return " ".join(words)
