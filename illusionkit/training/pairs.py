"""Sentence pairs of real documents, in three places that share none, and masked batches of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.errors import DataError, TrainingError
from illusionkit.models.needs import require_texts
from illusionkit.models.objective import IGNORED, mask_tokens, sentence_pairs

if TYPE_CHECKING:
    import pandas as pd
    import torch
    from transformers import PreTrainedTokenizerBase

SHARES = {"train": 0.8, "development": 0.1, "held_out": 0.1}
WITH_DOCUMENTS = ("editorials", "product_reviews")
"""The corpora whose sentences stand in documents."""
SHORTEST = 5
"""A pair needs three special tokens and one word a sentence."""
POOL = 20  # batches whose pairs are sorted by length together


def read_pairs(
    names: Sequence[str] = WITH_DOCUMENTS, *, seed: int = 0, part: str = "book"
) -> dict[str, pd.DataFrame]:
    """Return the pairs of training, development and held-out documents (about 80, 10, 10 %).

    A unit (documents that share a sentence) falls into its place by a hash, and a stranger is drawn
    within place and corpus: no sentence of a held-out document stands in a training pair. ``seed``
    draws the strangers only. ``part="confirm"`` gives the confirm part's documents as held-out
    ones, and the rest as ever. Columns as in `models.objective.sentence_pairs`, but that
    ``unit`` is a text that names the corpus too; and ``corpus``. Used in chapter 4.

    Raises
    ------
    DataError
        No corpus has this name, or it has no consecutive sentences.
    """
    import pandas as pd

    rng = np.random.default_rng(seed)
    pairs: dict[str, list[pd.DataFrame]] = {place: [] for place in SHARES}
    for name in names:
        for place, rows in _places(name, part).items():
            table = sentence_pairs(rows, rng)
            unit = [f"{name} {unit}" for unit in table["unit"]]
            pairs[place].append(table.assign(unit=unit, corpus=name))
    return {place: pd.concat(tables, ignore_index=True) for place, tables in pairs.items()}


def _places(name: str, part: str) -> dict[str, pd.DataFrame]:
    """Return a corpus by place; where the confirm part is asked for, it is held out."""
    if name not in corpora.CORPORA:
        raise DataError(f"No corpus is called '{name}': {', '.join(corpora.CORPORA)}.")
    load = corpora.CORPORA[name]
    places = documents(load())
    return places if part == "book" else places | {"held_out": load(part)}


def documents(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows of a corpus in three places that share no unit; a row never moves.

    Raises
    ------
    DataError
        The table has no column ``document``: its sentences stand alone.
    """
    if "document" not in table.columns:
        raise DataError("This corpus has no documents: no two of its texts are consecutive.")
    key = table.groupby("unit")["text"].transform("min")
    draws = [int(hashlib.sha256(f"pairs:{text}".encode()).hexdigest()[:8], 16) for text in key]
    edges = np.cumsum(list(SHARES.values())[:-1]) * 2**32
    place = np.searchsorted(edges, np.array(draws, dtype=float), side="right")
    return {name: table[place == number] for number, name in enumerate(SHARES)}


@dataclass(frozen=True)
class Masked:
    """A batch: what the model sees, and what it has to guess.

    ``inputs`` has input_ids (masked), token_type_ids and attention_mask, each (rows, tokens), like
    ``labels``, which are `IGNORED` where nothing is to be guessed; ``strangers`` (rows,) is 1 where
    the second sentence does not follow; ``rows`` numbers the pairs of the table.
    """

    inputs: dict[str, torch.Tensor]
    labels: torch.Tensor
    strangers: torch.Tensor
    rows: Array

    @property
    def chosen(self) -> torch.Tensor:
        """Return where something is to be guessed, (rows, tokens)."""
        return self.labels != IGNORED

    def to(self, device: Any) -> Masked:
        """Return the batch on a device."""
        inputs = {name: tensor.to(device) for name, tensor in self.inputs.items()}
        return Masked(inputs, self.labels.to(device), self.strangers.to(device), self.rows)


class PairBatches:
    """Pairs as batches of like length, masked anew each time they are drawn.

    A pair with more than ``max_tokens`` tokens is cut at the end of its longer sentence, so that
    both keep something.

    Raises
    ------
    DataError
        There is no pair, or something in it is no text.
    TrainingError
        ``max_tokens`` leaves no room for two sentences, or no pair is asked for in a batch.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        pairs: pd.DataFrame,
        *,
        max_tokens: int = 48,
        batch_size: int = 16,
    ) -> None:
        if max_tokens < SHORTEST or batch_size < 1:
            raise TrainingError(
                f"Two sentences take {SHORTEST} tokens, a batch one pair: not {max_tokens} and "
                f"{batch_size}."
            )
        sentences = [require_texts(list(pairs[side])) for side in ("first", "second")]
        self.tokenizer, self.max_tokens, self._size = tokenizer, max_tokens, batch_size
        self._strangers = np.asarray(pairs["label"], dtype=np.int64)
        self.encoded = tokenizer(*sentences, truncation="longest_first", max_length=max_tokens)

    def __len__(self) -> int:
        return len(self._strangers)

    def word_counts(self) -> Array:
        """Return how often each word of the vocabulary stands in the pairs, special tokens never.

        Shape (words,), whole numbers as floats.
        """
        words = np.concatenate([np.asarray(row) for row in self.encoded["input_ids"]])
        words = words[~np.isin(words, self.tokenizer.all_special_ids)]
        return np.bincount(words, minlength=len(self.tokenizer)).astype(float)

    def shuffled(self, seed: int) -> Iterator[Masked]:
        """Yield batches for ever: each epoch holds every pair once, in a new order, masked anew."""
        import torch

        rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
        while True:
            groups = self._cut(self._grouped(rng.permutation(len(self))))
            for number in rng.permutation(len(groups)):
                yield self._masked(groups[number], generator)

    def fixed(self, pairs: int | None = None, *, seed: int = 1) -> list[Masked]:
        """Return some pairs (all without a number), drawn and masked once and for all by a seed.

        To judge with: whoever is judged by it sees the same masks.
        """
        import torch

        rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
        order = self._by_length(rng.permutation(len(self))[:pairs])
        return [self._masked(rows, generator) for rows in self._cut(order)]

    def _by_length(self, rows: Array) -> Array:
        lengths = [len(self.encoded["input_ids"][row]) for row in rows]
        return rows[np.argsort(lengths, kind="stable")]

    def _grouped(self, order: Array) -> Array:
        pool = POOL * self._size
        return np.concatenate(
            [self._by_length(order[start : start + pool]) for start in range(0, len(order), pool)]
        )

    def _cut(self, order: Array) -> list[Array]:
        return [order[start : start + self._size] for start in range(0, len(order), self._size)]

    def _masked(self, rows: Array, generator: torch.Generator) -> Masked:
        import torch

        texts = [{name: column[row] for name, column in self.encoded.items()} for row in rows]
        inputs = dict(self.tokenizer.pad(texts, return_tensors="pt"))
        inputs["input_ids"], labels = mask_tokens(inputs["input_ids"], self.tokenizer, generator)
        return Masked(inputs, labels, torch.from_numpy(self._strangers[rows]), rows)
