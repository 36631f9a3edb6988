"""What a generated text takes word for word from the texts that its generator was made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from illusionkit.arrays import Array
from illusionkit.data.slips import words_of

RUN = 6
"""Words in a row that are not the same in two texts by chance."""


class Sources:
    """Texts that may have been copied; case and marks do not count."""

    def __init__(self, texts: Sequence[str]) -> None:
        told = [words_of(text) for text in texts]
        self._runs = {run for words in told for run in _runs(words)}
        self._all = "\n".join(_line(words) for words in told)

    def whole(self, text: str) -> bool:
        """Return whether all of a text stands in one source, unbroken and in order."""
        words = words_of(text)
        return bool(words) and _line(words) in self._all

    def share(self, text: str) -> float:
        """Return the share of a text's words that lie in a run of `RUN` words of one source."""
        words = words_of(text)
        covered: Array = np.zeros(max(len(words), 1), dtype=bool)
        for place, run in enumerate(_runs(words)):
            if run in self._runs:
                covered[place : place + RUN] = True
        return float(covered.mean())


def _runs(words: list[str]) -> list[tuple[str, ...]]:
    return [tuple(words[place : place + RUN]) for place in range(len(words) - RUN + 1)]


def _line(words: list[str]) -> str:
    return f" {' '.join(words)} "
