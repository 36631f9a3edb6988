"""What training reads: settings, splits, and batches of texts of like length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from illusionkit.arrays import Array
from illusionkit.errors import TrainingError
from illusionkit.models.graphs import padded_length, square

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

    from illusionkit.models.graphs import Graphs

POOL = 100  # batches whose texts are sorted by length together


@dataclass(frozen=True)
class Settings:
    """How to train: ``warmup`` is a share of all steps; ``clip`` bounds the gradient's norm.

    ``precision`` is what `models.precision.choose` takes. The lowest ``frozen_layers`` layers
    stay as they are, the word vectors with them; 0 trains all. ``tokens_at_once`` bounds how many
    tokens, padding counted, go through the model at once: a batch that has more goes in parts, with
    the gradient of the whole. ``class_weights`` is a weight for each class, or "balanced"; with
    ``patience`` a training ends after so many epochs without a lower validation loss, while the
    learning rate falls as if it went on.

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
    precision: str = "auto"
    frozen_layers: int = 0
    tokens_at_once: int | None = None
    class_weights: str | tuple[float, ...] | None = None
    patience: int | None = None

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_size) < 1 or self.max_tokens < 3 or self.seed < 0:
            raise TrainingError("At least 1 epoch, 1 row a batch, 3 tokens, and a seed from 0 on.")
        if not (self.learning_rate > 0 and self.clip > 0 and self.weight_decay >= 0):
            raise TrainingError("Learning rate and clip must be above 0, weight decay not below.")
        if not 0 <= self.warmup <= 1:
            raise TrainingError(f"The warm-up is a share of all steps, not {self.warmup}.")
        if self.frozen_layers < 0 or (self.tokens_at_once is not None and self.tokens_at_once < 1):
            raise TrainingError("Frozen layers count from 0, and tokens at once from 1.")
        if self.patience is not None and self.patience < 1:
            raise TrainingError(f"Patience is a number of epochs, from 1, not {self.patience}.")


BUDGETS = {
    "small": Settings(),
    "full": Settings(epochs=3, learning_rate=2e-5, max_tokens=256),
}
"""``small`` is for two CPU cores and the packaged encoder, ``full`` for a GPU."""


@dataclass(frozen=True)
class Split:
    """Texts and their classes, whole numbers from 0; ``second``: the other text of each pair.

    For a model with one output the labels are numbers of any kind.
    """

    texts: Sequence[str]
    labels: Sequence[float]
    second: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.texts)


class Batches:
    """Tokenised texts in batches of like length, so that little is spent on padding.

    Texts are shuffled, sorted by length within pools of 100 batches, cut into batches, and the
    batches shuffled again: an epoch sees every row once, in an order drawn from seed and epoch.

    ``states`` is None, or what frozen layers made of each text, shapes (tokens, width); a batch
    then holds that instead of the words (see `training.frozen_layers`). With ``few_lengths``
    batches are padded up to the lengths of `models.graphs.padded_length`, their masks square.
    ``types`` is None, or tells of each token of a pair which text it belongs to.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, split: Split, settings: Settings
    ) -> None:
        self._settings = settings
        self._most = settings.tokens_at_once
        self.labels = numbers(split.labels)
        self.states: list[torch.Tensor] | None = None
        self.few_lengths = False
        self.scoring: Graphs | None = None
        self._left, self._fill = tokenizer.padding_side == "left", tokenizer.pad_token_id or 0
        texts = [list(split.texts), *([] if split.second is None else [list(split.second)])]
        read = tokenizer(*texts, truncation=True, max_length=settings.max_tokens)
        self._rows = read["input_ids"]
        self.types = None if split.second is None else read.get("token_type_ids")

    def __len__(self) -> int:
        return -(-len(self._rows) // self._settings.batch_size)

    def order(self, epoch: int) -> list[Array]:
        """Return the row numbers of each batch of an epoch."""
        rng = np.random.default_rng([self._settings.seed, epoch])
        size = self._settings.batch_size
        order = self._grouped(rng.permutation(len(self._rows)))
        cuts = list(range(0, len(order), size))
        return [order[start : start + size] for start in rng.permutation(cuts)]

    def shuffled(self, epoch: int, device: Any) -> Iterator[tuple[dict[str, Any], torch.Tensor]]:
        """Yield (inputs, labels) of one epoch; shapes (rows, longest) and (rows,)."""
        for rows in self.order(epoch):
            yield self.batch(rows, device)

    def by_length(self) -> list[Array]:
        """Return row numbers in batches, the longest texts first."""
        order = np.argsort([-len(row) for row in self._rows], kind="stable")
        size = self._settings.batch_size
        return np.split(order, range(size, len(order), size))

    def in_order(self, device: Any) -> Iterator[tuple[Array, dict[str, Any], torch.Tensor]]:
        """Yield (row numbers, inputs, labels), the longest texts first."""
        for rows in self.by_length():
            yield rows, *self.batch(rows, device)

    def batch(self, rows: Array, device: Any) -> tuple[dict[str, Any], torch.Tensor]:
        """Return (inputs, labels) of some rows; shapes (rows, longest) and (rows,).

        With ``states`` the inputs are those, shape (rows, longest, width), in place of the words.
        """
        import torch

        if self.few_lengths:
            ids, mask, labels = (one.to(device, non_blocking=True) for one in self.pinned(rows))
            return {"input_ids": ids, "attention_mask": square(mask)}, labels
        ids, mask, labels = (one.to(device) for one in self._tensors(rows))
        if self.states is None:
            inputs = {"input_ids": ids, "attention_mask": mask}
            if self.types is not None:
                types = [self.types[row] for row in rows]
                inputs["token_type_ids"] = self._padded(types, ids.shape[1]).to(device)
            return inputs, labels
        states = [self.states[i] for i in rows]
        side = "left" if self._left else "right"
        padded = torch.nn.utils.rnn.pad_sequence(states, batch_first=True, padding_side=side)
        return {"inputs_embeds": padded.to(device), "attention_mask": mask}, labels

    def pinned(self, rows: Array) -> list[torch.Tensor]:
        """Return words, mask and labels of some rows, from where a GPU fetches them by itself.

        Shapes (rows, padded length) twice, and (rows,).
        """
        longest = padded_length(max(map(self._length, rows)), self._settings.max_tokens)
        return [one.pin_memory() for one in self._tensors(rows, longest)]

    def _tensors(self, rows: Array, length: int = 0) -> list[torch.Tensor]:
        """Return words, mask and labels, padded to a length or else to the longest of the rows."""
        import torch

        texts = [self._rows[row] for row in rows]
        length = length or max(map(len, texts))
        ids, mask = self._padded(texts, length, self._fill), self._padded(map(_ones, texts), length)
        return [ids, mask, torch.from_numpy(self.labels[rows])]

    def _padded(self, rows: Iterable[list[int]], length: int, fill: int = 0) -> torch.Tensor:
        """Return lists of whole numbers as one tensor, shape (rows, length)."""
        import torch

        given = list(rows)
        padded = np.full((len(given), length), fill, dtype=np.int64)
        for number, row in enumerate(given):
            places = slice(length - len(row), None) if self._left else slice(len(row))
            padded[number, places] = row
        return torch.from_numpy(padded)

    def parts(self, rows: Array) -> list[Array]:
        """Cut rows into parts that go through the model at once, none of them empty.

        A text that alone has more tokens than are allowed is a part of its own.
        """
        parts: list[list[int]] = []
        longest = 0
        for row in rows:
            longest = max(longest, self._length(row))
            if not parts or (self._most and (len(parts[-1]) + 1) * longest > self._most):
                parts.append([])
                longest = self._length(row)
            parts[-1].append(row)
        return [np.array(part) for part in parts]

    def halve(self, rows: Array) -> bool:
        """Allow half as many tokens at once as the largest part of ``rows`` has.

        False if its parts are single texts already.
        """
        parts = self.parts(rows)
        if all(len(part) == 1 for part in parts):
            return False
        self._most = max(len(part) * max(map(self._length, part)) for part in parts) // 2
        return True

    def _length(self, row: int) -> int:
        return len(self._rows[row])

    def _grouped(self, order: Array) -> Array:
        size = POOL * self._settings.batch_size
        pools = [order[start : start + size] for start in range(0, len(order), size)]
        return np.concatenate([sorted(pool, key=self._length) for pool in pools])


def numbers(labels: Sequence[float]) -> Array:
    """Return labels as int64 where all of them are whole, else as fp32; shape (rows,)."""
    given = np.asarray(labels, dtype=float)
    return given.astype(np.float32 if (given % 1).any() else np.int64)


def _ones(row: list[int]) -> list[int]:
    return [1] * len(row)
