"""The book's fine-tuned model made smaller in several ways, and what it then says of film reviews.

Whatever the way, the result computes in fp32: what a smaller model answers, and no speed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from illusionkit import cache as kept
from illusionkit.arrays import Array
from illusionkit.data import corpora
from illusionkit.errors import DataError
from illusionkit.experiment.reading import Metric, Rows
from illusionkit.experiment.task import read
from illusionkit.meaning import code_hash
from illusionkit.models import encoders
from illusionkit.training.book_model import finetuned, tables
from illusionkit.training.finetune import probabilities

if TYPE_CHECKING:
    import torch

WHOLE, BLOCK = 32, 32
"""Bits of a weight as it was trained; weights of a row that share a scale in blocks."""


def _loss(rows: Rows) -> Array:
    return np.asarray(rows.truth, dtype=float) - np.asarray(rows.prediction, dtype=float)


RIGHT_LOST = Metric("right answers lost", per_row=_loss, greater_is_better=False)
"""Of rows whose truth is 1 where the whole model is right; prediction, where a smaller one is."""


@cache
def pool(part: str) -> pd.DataFrame:
    """Return the test reviews, one a unit, or those of the confirm part."""
    table = read(lambda of: tables()["test"] if of == "book" else corpora.movie_reviews(of), part)
    return table[table["part"] == part].drop_duplicates("unit").reset_index(drop=True)


def rounded(weight: torch.Tensor, bits: int, block: int | None = None) -> torch.Tensor:
    """Return numbers (rows, columns) rounded to 2 ** bits - 1 levels, symmetric around 0.

    Each row has a scale of its own, or each ``block`` of a row; its largest number stays.
    """
    if not 2 <= bits <= WHOLE:
        raise DataError(f"A weight is rounded to 2 to {WHOLE} bits, not {bits}.")
    if bits == WHOLE:
        return weight
    parts = weight.reshape(len(weight), -1, block or weight.shape[-1])
    scale = parts.abs().amax(dim=-1, keepdim=True).clamp(min=1e-12) / (2 ** (bits - 1) - 1)
    return ((parts / scale).round() * scale).reshape(weight.shape)


def pruned(weight: torch.Tensor, share: float) -> torch.Tensor:
    """Return numbers of which the share nearest to 0 is 0."""
    if not 0 <= share < 1:
        raise DataError(f"A share from 0, below 1, can be pruned, not {share:g}.")
    count = round(share * weight.numel())
    if not count:
        return weight
    edge = weight.abs().flatten().kthvalue(count).values
    return weight.where(weight.abs() > edge, 0.0)


def linear(model: Any) -> Iterator[torch.nn.Linear]:
    """Yield the layers that hold matrices: all but the embeddings and the norms."""
    from torch import nn

    return (module for module in model.modules() if isinstance(module, nn.Linear))


def _round(model: Any, bits: float, block: int | None = None) -> None:
    for layer in linear(model):
        layer.weight.data = rounded(layer.weight.data, round(bits), block)


def _blocks(model: Any, bits: float) -> None:
    _round(model, bits, BLOCK)


def _inputs(model: Any, bits: float) -> None:
    """Round the weights, and whatever goes into a layer, each token by a scale of its own."""

    def before(_: Any, given: tuple[torch.Tensor, ...]) -> torch.Tensor:
        (states,) = given
        return rounded(states.reshape(-1, states.shape[-1]), round(bits)).reshape(states.shape)

    _round(model, bits)
    for layer in linear(model):
        layer.register_forward_pre_hook(before)


def _noise(model: Any, bits: float, turn: int) -> None:
    """Add to each matrix normal noise of the mean square that rounding would have added."""
    import torch

    rng = torch.Generator().manual_seed(turn)
    for layer in linear(model):
        size = (rounded(layer.weight.data, round(bits)) - layer.weight.data).square().mean().sqrt()
        layer.weight.data += size * torch.randn(layer.weight.shape, generator=rng)


def _prune(model: Any, share: float) -> None:
    for layer in linear(model):
        layer.weight.data = pruned(layer.weight.data, share)


@cache
def unseen() -> Array:
    """Return the numbers of the vocabulary's pieces that no training review has, ascending."""
    tokenizer = finetuned().tokenizer
    seen = {piece for text in tables()["train"]["text"] for piece in tokenizer(text)["input_ids"]}
    known = {*seen, *tokenizer.all_special_ids}
    return np.array(sorted(set(range(len(tokenizer))) - known))


def _trim(model: Any, bits: float) -> None:
    """Drop word vectors, of unseen pieces only, until as much is saved as by rounding.

    The last ones go first, which are the rarest; a dropped piece is the unknown one.
    """
    words = model.get_input_embeddings().weight
    saved = (WHOLE - bits) * sum(layer.weight.numel() for layer in linear(model))
    gone = unseen()[::-1][: round(saved / (WHOLE * words.shape[1]))]
    words.data[gone.copy()] = words.data[finetuned().tokenizer.unk_token_id].clone()


WAYS: Mapping[str, Callable[..., None]] = {
    "rounded": _round, "blocks": _blocks, "inputs": _inputs, "noise": _noise, "trimmed": _trim,
    "pruned": _prune,
}  # fmt: skip


def smaller(way: str, amount: float, **more: int) -> Any:
    """Return a copy of the book's model that was made smaller in a way of `WAYS`; "": as it is."""
    model = copy.deepcopy(finetuned().model)
    if way:
        WAYS[way](model, amount, **more)
    return model


@cache
def told(part: str, way: str = "", amount: float = WHOLE, **more: int) -> Array:
    """Return the probabilities (reviews of `pool`, classes) of a smaller model, or of the whole.

    They are kept in the cache, by weights, texts and all that is done here. Do not change them.
    """
    tuned, texts = finetuned(), list(pool(part)["text"])

    def make() -> dict[str, Array]:
        model = smaller(way, amount, **more)
        return {"chances": probabilities(model, tuned.tokenizer, texts)}

    asked = repr((way, amount if way else WHOLE, more, texts, tuned.origin["weights"]))
    versions = map(version, encoders.LIBRARIES)
    key = kept.digest(asked, code_hash(smaller, probabilities, unseen), *versions)
    return kept.arrays("runs", key, make)["chances"]
