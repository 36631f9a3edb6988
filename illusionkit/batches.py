"""What training reads: settings, splits, and batches of texts of like length."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from illusionkit.errors import TrainingError
from illusionkit.experiment import Array

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

POOL = 50  # batches whose texts are sorted by length together


@dataclass(frozen=True)
class Settings:
    """How to train: ``warmup`` is a share of all steps; ``clip`` bounds the gradient's norm.

    The learning rate was chosen on validation reviews (movie reviews, packaged encoder, seed 0,
    two epochs): accuracy 0.551 at 5e-5 and 0.578 at 1e-4.
    """

    epochs: int = 2
    batch_size: int = 32
    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    warmup: float = 0.1
    clip: float = 1.0
    max_tokens: int = 128
    seed: int = 0
    restore_best: bool = True

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_size) < 1 or self.max_tokens < 3 or self.seed < 0:
            raise TrainingError("At least 1 epoch, 1 row a batch, 3 tokens, and a seed from 0 on.")
        if not (self.learning_rate > 0 and self.clip > 0 and self.weight_decay >= 0):
            raise TrainingError("Learning rate and clip must be above 0, weight decay not below.")
        if not 0 <= self.warmup <= 1:
            raise TrainingError(f"The warm-up is a share of all steps, not {self.warmup}.")


BUDGETS = {
    "small": Settings(),
    "full": Settings(epochs=3, learning_rate=2e-5, max_tokens=256),
}
"""``small`` is for two CPU cores and the packaged encoder, ``full`` for a GPU."""


@dataclass(frozen=True)
class Split:
    """Texts and their classes, whole numbers from 0."""

    texts: Sequence[str]
    labels: Sequence[int]

    def __len__(self) -> int:
        return len(self.texts)


class Batches:
    """Tokenised texts in batches of like length, so that little is spent on padding.

    Texts are shuffled, sorted by length within pools of 50 batches, cut into batches, and the
    batches shuffled again: an epoch sees every row once, in an order drawn from seed and epoch.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, split: Split, settings: Settings
    ) -> None:
        self._tokenizer = tokenizer
        self._settings = settings
        self._labels = np.asarray(split.labels, dtype=np.int64)
        self._rows = tokenizer(list(split.texts), truncation=True, max_length=settings.max_tokens)[
            "input_ids"
        ]

    def __len__(self) -> int:
        return -(-len(self._rows) // self._settings.batch_size)

    def shuffled(self, epoch: int, device: Any) -> Iterator[tuple[dict[str, Any], torch.Tensor]]:
        """Yield (inputs, labels) of one epoch; shapes (rows, longest) and (rows,)."""
        from tqdm import tqdm

        rng = np.random.default_rng([self._settings.seed, epoch])
        quiet = os.environ.get("ILLUSIONKIT_STRICT") == "1"
        order = self._grouped(rng.permutation(len(self._rows)))
        cuts = list(range(0, len(order), self._settings.batch_size))
        for start in tqdm(rng.permutation(cuts), desc=f"epoch {epoch}", disable=quiet, leave=False):
            yield self._batch(order[start : start + self._settings.batch_size], device)

    def in_order(self, device: Any) -> Iterator[tuple[Array, dict[str, Any], torch.Tensor]]:
        """Yield (row numbers, inputs, labels), the longest texts first."""
        order = np.argsort([-len(row) for row in self._rows], kind="stable")
        for start in range(0, len(order), self._settings.batch_size):
            rows = order[start : start + self._settings.batch_size]
            yield rows, *self._batch(rows, device)

    def _grouped(self, order: Array) -> Array:
        size = POOL * self._settings.batch_size
        pools = [order[start : start + size] for start in range(0, len(order), size)]
        return np.concatenate([sorted(pool, key=lambda i: len(self._rows[i])) for pool in pools])

    def _batch(self, rows: Array, device: Any) -> tuple[dict[str, Any], torch.Tensor]:
        import torch

        texts = [{"input_ids": self._rows[i]} for i in rows]
        inputs = self._tokenizer.pad(texts, return_tensors="pt").to(device)
        return dict(inputs), torch.from_numpy(self._labels[rows]).to(device)
