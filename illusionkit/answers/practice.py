"""The answers to the exercises of chapter 5."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from illusionkit.answers.answer import Answer, claimed


@cache
def _bert_memory() -> float:
    """Return the MB of weights, gradients and AdamW's moments of bert-base-cased."""
    import torch
    from transformers import AutoConfig, BertForSequenceClassification

    config: Any = AutoConfig.for_model("bert", vocab_size=28996, num_labels=5)
    with torch.device("meta"):
        model = BertForSequenceClassification(config)
    return 16 * sum(weights.numel() for weights in model.parameters()) / 1e6


def _batch_memory() -> float:
    """Return the MB that one more review in a batch takes, by the kept record."""
    from illusionkit.experiment.records import record

    large, small = (record("training").row("peak", batch=size)["peak_mb"] for size in (128, 64))
    return float(large - small) / (128 - 64)


def _pinned_lines() -> float:
    """Return how many requirements of the exercise's list allow one version only."""
    return 2.0


@cache
def _guess_loss() -> float:
    """Return the test loss, in nats, of naming the class shares of the training reviews."""
    from illusionkit.training.book_model import tables

    parts = tables()
    shares = np.bincount(parts["train"]["label"]) / len(parts["train"])
    return float(-np.log(shares[parts["test"]["label"]]).mean())


@cache
def _fewer_raters() -> float:
    """Return how often the mean of five of a test review's raters falls into its class."""
    from illusionkit.data.raters import classes
    from illusionkit.training.book_model import tables

    test, rng = tables()["test"], np.random.default_rng(1)
    agreed = []
    for ratings, label in zip(test["ratings"], test["label"], strict=True):
        order = rng.permuted(np.tile(ratings, (200, 1)), axis=1)
        agreed.append(np.mean(classes(order[:, :5].mean(axis=1)) == label))
    return float(np.mean(agreed))


def _test_size() -> float:
    """Return how many test reviews it takes for a margin of error of one point at 0.56."""
    return 1.96**2 * 0.56 * (1 - 0.56) / 0.01**2


def _rows_until_mixed() -> float:
    """Return how many first training reviews it takes until a fifth of them is negative."""
    from illusionkit.training.book_model import splits

    negative = np.asarray(splits()["train"].labels) < 2
    shares = negative.cumsum() / np.arange(1, len(negative) + 1)
    return float(np.flatnonzero(shares >= 0.2)[0] + 1)


def _warm_up_steps() -> float:
    """Return over how many steps the rate of the small budget climbs on all training reviews."""
    from illusionkit.training.batches import BUDGETS
    from illusionkit.training.book_model import splits

    small = BUDGETS["small"]
    batches = -(-len(splits()["train"]) // small.batch_size)
    return float(round(small.warmup * small.epochs * batches))


def _nothing_moved() -> float:
    """Return in how many readings of the table no probability of the report moved at all."""
    import json

    from illusionkit.illusions import results

    moved = results("silent-bug").table["extras"].map(lambda text: json.loads(text)["moved"])
    return float((moved == 0).sum())


def _undecayed() -> float:
    """Return the share of the classifier's parameters, in per cent, that get no weight decay."""
    from illusionkit.models.encoders import classifier

    counts = [(w.ndim > 1, w.numel()) for w in classifier(5)[0].parameters()]
    return 100 * sum(n for matrix, n in counts if not matrix) / sum(n for _, n in counts)


def _own_half_width() -> float:
    """Return the margin of error, in points, of a share of one half among 135 rows."""
    return 100 * 1.96 * (0.5 * 0.5 / 135) ** 0.5


def _all_frozen() -> float:
    """Return how many times as fast an epoch is with all six layers frozen, by the record."""
    from illusionkit.experiment.records import record

    took = record("frozen").table("time").set_index("layers")
    return float(took["times_faster"][6])


ANSWERS = {
    "round-of-forty": claimed("filling of the Trainer, 40 batches, %", 10.37, within=0.6),
    "batches-of-eight": claimed("filling, random batches of eight, %", 38.43, within=0.3),
    "bert-memory": Answer(_bert_memory, within=10),
    "batch-memory": Answer(_batch_memory, within=0.2),
    "pinned-lines": Answer(_pinned_lines, within=0.1),
    "guess-loss": Answer(_guess_loss, within=0.005),
    "fewer-raters": Answer(_fewer_raters, within=0.01),
    "test-size": Answer(_test_size, within=400),
    "rows-until-mixed": Answer(_rows_until_mixed, within=0.5),
    "warm-up-steps": Answer(_warm_up_steps, within=0.5),
    "nothing-moved": Answer(_nothing_moved, within=0.5),
    "all-frozen": Answer(_all_frozen, within=0.05),
    "own-half-width": Answer(_own_half_width, within=0.2),
    "undecayed": Answer(_undecayed, within=0.02),
}
