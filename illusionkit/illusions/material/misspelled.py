"""The book's model as a reader of misspelled reviews, and a corrector before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache

import numpy as np

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.data.slips import Corrector, slips, usable, words_of
from illusionkit.models import encoders
from illusionkit.training.book_model import Finetuned, finetuned, tables
from illusionkit.training.finetune import probabilities


@cache
def reader() -> tuple[Finetuned, dict[str, Array]]:
    """Return the fine-tuned model, and what it said so far: probabilities by text."""
    return finetuned(), {}


def chances(texts: Sequence[str]) -> Array:
    """Return the model's probabilities (texts, classes); a text is read once and remembered."""
    tuned, said = reader()
    if new := [text for text in dict.fromkeys(texts) if text not in said]:
        told = probabilities(tuned.model, tuned.tokenizer, new)
        said.update(zip(new, told, strict=True))
    return np.array([said[text] for text in texts])


@cache
def review_words() -> frozenset[str]:
    """Return the words of the film reviews."""
    return frozenset(word for text in corpora.movie_reviews()["text"] for word in words_of(text))


@cache
def misspelled() -> dict[str, tuple[str, ...]]:
    """Return the slips of each word; none of them is a word of the reviews or of the encoder's."""
    pieces = (piece for piece in encoders.encoder()[1].get_vocab() if piece.isalpha())
    return usable(slips(), {*pieces, *review_words()})


@cache
def corrector() -> Corrector:
    """Return the corrector that knows the training reviews and the list's correct words."""
    counts = Counter(word for text in tables()["train"]["text"] for word in words_of(text))
    return Corrector(counts, frozenset(slips()["word"]))
