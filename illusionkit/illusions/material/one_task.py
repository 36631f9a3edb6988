"""One small task for several tools: the same rows, the same first weights, for every one of them.

A linear probe on frozen features of film reviews, and a small fine-tuning: the encoder's last
layer under a new head, on the states that the layers below it give. All is plain numpy, so that a
tool needs no other tool to read it. Used in chapter 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from illusionkit.arrays import Array
from illusionkit.errors import DataError

CLASSES = 5
BATCH, RATE = 32, 0.1
"""Rows of a step, and the learning rate of plain SGD."""
ROWS, JUDGED = 1570, 1000
"""Reviews of the probe: 49 batches of 32, and one of two. Those it is judged on come next."""
TUNED, TOKENS, TUNED_BATCH = 320, 64, 16
"""Reviews of the fine-tuning, the tokens at which they are cut, and reviews of a step."""
LAYERS = 5
"""Layers of the encoder that stay as they are in the fine-tuning: all but the last."""


class Rows(NamedTuple):
    """Features (rows, width) in fp32 and labels (rows,), to train on or to judge by."""

    features: Array
    labels: Array


def reviews() -> tuple[Rows, Rows]:
    """Return the probe's rows and those it is judged on: standardised features, five classes."""
    from illusionkit.training.book_model import units

    table, features = units()
    labels = table["label"].to_numpy(dtype=np.int64)
    order = np.random.default_rng(70).permutation(len(labels))[: ROWS + JUDGED]
    chosen = Rows(features[order].astype(np.float32), labels[order])
    return Rows(*(each[:ROWS] for each in chosen)), Rows(*(each[ROWS:] for each in chosen))


def states() -> tuple[Array, Array, Array]:
    """Return what the layers below the last give, the mask, and labels of reviews to tune on.

    Shapes (reviews, tokens, 384), (reviews, tokens) with 1 for a token and 0 for padding, and
    (reviews,).
    """
    import torch

    from illusionkit.models.encoders import encoder
    from illusionkit.training.book_model import units

    table, _ = units()
    order = np.random.default_rng(71).permutation(len(table))[:TUNED]
    model, tokenizer = encoder()
    given = tokenizer(
        list(table["text"].iloc[order]), padding="max_length", truncation=True, max_length=TOKENS,
        return_tensors="pt",
    )  # fmt: skip
    with torch.inference_mode():
        below = model(**given, output_hidden_states=True).hidden_states[LAYERS].numpy()
    return below, given["attention_mask"].numpy(), table["label"].to_numpy(np.int64)[order]


def last_layer() -> dict[str, Array]:
    """Return the weights of the encoder's last layer by name, and of a head drawn at random."""
    from illusionkit.models.encoders import encoder

    model: Any = encoder()[0]
    layer = model.encoder.layer[LAYERS]
    weights = {name: tensor.detach().numpy() for name, tensor in layer.named_parameters()}
    drawn = np.random.default_rng(72).normal(0, 0.02, (CLASSES, 384)).astype(np.float32)
    return {**weights, "head.weight": drawn, "head.bias": np.zeros(CLASSES, np.float32)}


def by_class(rows: Rows) -> Rows:
    """Return rows sorted by their class, as a table often comes."""
    order = np.argsort(rows.labels, kind="stable")
    return Rows(rows.features[order], rows.labels[order])


def judged(weight: Array, bias: Array, rows: Rows) -> tuple[float, float]:
    """Return mean loss and accuracy of a probe; ``weight`` has shape (classes, width)."""
    each = losses_of(rows.features @ weight.T + bias, rows.labels)
    right = (rows.features @ weight.T + bias).argmax(1) == rows.labels
    return float(each.mean()), float(right.mean())


def losses_of(scores: Array, labels: Array) -> Array:
    """Return the cross-entropy of each row in nats; ``scores`` has shape (rows, classes)."""
    top = scores.max(axis=1, keepdims=True)
    whole = top[:, 0] + np.log(np.exp(scores - top).sum(axis=1))
    return np.asarray(whole - scores[np.arange(len(labels)), labels])


def mean_of_means(losses: Array, batch: int) -> float:
    """Return the mean of the batches' means, as many a loop reports it.

    Raises DataError: a batch of no rows, or no losses.
    """
    if batch < 1 or len(losses) == 0:
        raise DataError(f"A mean needs losses and batches of at least one row, not {batch}.")
    cuts = range(batch, len(losses), batch)
    return float(np.mean([part.mean() for part in np.split(losses, cuts)]))


def smoothed(values: Sequence[float], weight: float) -> Array:
    """Return the curve that TensorBoard draws of values: a moving average without its bias.

    ``weight``, from 0 to 1, is what the slider called *smoothing* says.
    """
    last, kept = 0.0, []
    for step, value in enumerate(values, 1):
        last = weight * last + (1 - weight) * value
        kept.append(last / (1 - weight**step))
    return np.array(kept)


def steps_of(row: Mapping[str, float]) -> list[float]:
    """Return the losses of a row of the record "tools", step by step."""
    return [row[name] for name in sorted(row) if name.startswith("loss_")]


def differences(losses: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return how far each tool's losses are at most from those of the first one."""
    first, *_ = losses.values()
    return {name: float(np.abs(np.subtract(each, first)).max()) for name, each in losses.items()}
