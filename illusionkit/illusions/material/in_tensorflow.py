"""The one small task in TensorFlow, which only ``make tools`` installs. Used in chapter 7.

Transformers has no TensorFlow classes since its version 5, so the encoder's last layer is written
out by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from illusionkit.arrays import Array
from illusionkit.illusions.material.one_task import BATCH, CLASSES, RATE, Rows

HEADS, NARROW = 12, 1e-12
"""Attention heads of the packaged encoder, and what its layer norm adds to a variance."""


def train(model: Any, rows: Sequence[Any], rate: float, batch: int) -> list[float]:
    """Return the loss of every step of plain SGD, the rows in their order, the labels last."""
    import tensorflow as tf

    sgd = tf.keras.optimizers.SGD(rate)
    losses = []
    for *inputs, labels in tf.data.Dataset.from_tensor_slices(tuple(rows)).batch(batch):
        with tf.GradientTape() as tape:
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, model(*inputs))
            loss = tf.reduce_mean(each)
        weights = model.trainable_variables
        sgd.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        losses.append(float(loss))
    return losses


def probe(width: int, classes: int) -> Any:
    """Return a linear probe with weights of zero."""
    import tensorflow as tf

    head = tf.keras.layers.Dense(classes, kernel_initializer="zeros")
    head.build((None, width))
    return head


def last_layer(weights: Mapping[str, Array]) -> Any:
    """Return the encoder's last layer under a head: (states, mask) to scores (rows, classes)."""
    import tensorflow as tf

    class Tail(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.own = {name: tf.Variable(each) for name, each in weights.items()}

        def linear(self, name: str, given: Any) -> Any:
            product = tf.tensordot(given, tf.transpose(self.own[f"{name}.weight"]), 1)
            return product + self.own[f"{name}.bias"]

        def norm(self, name: str, given: Any) -> Any:
            mean, variance = tf.nn.moments(given, axes=[-1], keepdims=True)
            scaled = (given - mean) * tf.math.rsqrt(variance + NARROW)
            return scaled * self.own[f"{name}.weight"] + self.own[f"{name}.bias"]

        def attended(self, states: Any, mask: Any) -> Any:
            shape = (states.shape[0], states.shape[1], HEADS, states.shape[2] // HEADS)
            asked, known, said = (
                tf.reshape(self.linear(f"attention.self.{part}", states), shape)
                for part in ("query", "key", "value")
            )
            scores = tf.einsum("bqhd,bkhd->bhqk", asked, known) / np.sqrt(shape[-1])
            shares = tf.nn.softmax(scores + (1.0 - mask[:, None, None, :]) * -1e9)
            return tf.reshape(tf.einsum("bhqk,bkhd->bqhd", shares, said), states.shape)

        def __call__(self, states: Any, mask: Any) -> Any:
            told = self.linear("attention.output.dense", self.attended(states, mask))
            middle = self.norm("attention.output.LayerNorm", told + states)
            wide = tf.nn.gelu(self.linear("intermediate.dense", middle))
            hidden = self.norm("output.LayerNorm", self.linear("output.dense", wide) + middle)
            shown = mask[:, :, None]
            mean = tf.reduce_sum(hidden * shown, 1) / tf.reduce_sum(shown, 1)
            return self.linear("head", mean)

    return Tail()


def tensors(*arrays: Array) -> list[Any]:
    """Return arrays as tensors: labels as they are, features, states and masks in fp32."""
    import tensorflow as tf

    return [tf.constant(each if each.ndim == 1 else each.astype(np.float32)) for each in arrays]


def held(model: Any) -> tuple[Array, Array]:
    """Return a probe's weight (classes, width) and bias."""
    kernel, bias = model.get_weights()
    return kernel.T, bias


def untold(rows: Rows, **asked: Any) -> tuple[Any, list[float], dict[str, list[float]]]:
    """Train a probe for an epoch by Keras's `fit` with its defaults; return it, losses, history.

    ``asked`` are arguments of `fit`, in place of its defaults. A loss is a batch's own.
    """
    import tensorflow as tf

    class Heard(tf.keras.losses.SparseCategoricalCrossentropy):
        def call(self, labels: Any, scores: Any) -> Any:
            each = super().call(labels, scores)
            losses.append(float(tf.reduce_mean(each)))
            return each

    losses: list[float] = []
    width = rows.features.shape[1]
    head = tf.keras.layers.Dense(CLASSES)
    model = tf.keras.Sequential([tf.keras.Input((width,)), head])
    model.compile(loss=Heard(from_logits=True), metrics=["accuracy"], run_eagerly=True)
    seen = model.fit(rows.features, rows.labels, verbose=0, **asked)
    return head, losses, seen.history


def unsaid(rows: Rows) -> tuple[Any, dict[str, list[float]]]:
    """Train the probe of zeros where nobody says that it gives scores, not probabilities.

    Rate, batch and order are those of the task; returned are the probe and Keras's history.
    """
    import tensorflow as tf

    head = probe(rows.features.shape[1], CLASSES)
    model = tf.keras.Sequential([tf.keras.Input((rows.features.shape[1],)), head])
    model.compile(tf.keras.optimizers.SGD(RATE), loss="sparse_categorical_crossentropy")
    seen = model.fit(rows.features, rows.labels, batch_size=BATCH, shuffle=False, verbose=0)
    return head, seen.history
