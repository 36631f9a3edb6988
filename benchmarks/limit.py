"""The limit of training speed: how fast this machine multiplies matrices of the model's shapes."""

from __future__ import annotations

import statistics
import time
from typing import Any

import bench
import ways

QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)  # the batches, by size, whose shapes the rate is taken at


def rate(steps: int, threads: int, seed: int) -> dict[str, Any]:
    """Measure the rate of matrix products of the model's own shapes, operations a second.

    At the sizes of some typical batches: rows times longest text. ``parameters`` are those outside
    the embeddings.
    """
    from illusionkit.training.batches import Batches

    model, tokenizer, train = bench.ready(threads)
    reviews = bench.drawn(train, steps * bench.BATCH, seed=seed)
    order = Batches(tokenizer, reviews, ways.settings_of(bench.BATCH)).shuffled(1, "cpu")
    sizes = sorted(batch["attention_mask"].numel() for batch, _ in order)
    typical = [sizes[int(part * len(sizes))] for part in QUANTILES]
    width, wide = model.config.hidden_size, model.config.intermediate_size
    spent, best, done = 0.0, 0.0, 0
    for rows in typical:
        for inputs, outputs, layers in ((width, width, 4), (width, wide, 1), (wide, width, 1)):
            by_mm, fastest = times(rows, inputs, outputs)
            spent, best = spent + layers * by_mm, best + layers * fastest
            done += layers * 6 * rows * inputs * outputs
    embedded = {id(weights) for weights in model.base_model.embeddings.parameters()}
    outside = [w.numel() for w in model.parameters() if id(w) not in embedded]
    return {
        "operations_per_s": done / best,
        "operations_per_s_mm": done / spent,
        "parameters": sum(outside),
    }


def of_a_layer(rows: int = 512, width: int = 384, wide: int = 1536) -> dict[str, float]:
    """Return the rates of one layer's products alone, operations a second; a tenth of a second."""
    by_mm, best = times(rows, width, wide)
    done = 6 * rows * width * wide
    return {"operations_per_s": done / best, "operations_per_s_mm": done / by_mm}


def times(rows: int, inputs: int, outputs: int) -> tuple[float, float]:
    """Return the seconds of a layer's three products: by torch.mm, and each by what is faster.

    The layer's result, the gradient of its inputs and that of its weights.
    """
    import torch

    from illusionkit.models import fast_layers

    x, weight, grad = (torch.randn(s) for s in ((rows, inputs), (outputs, inputs), (rows, outputs)))
    by_mm = [median(torch.mm, *pair) for pair in ((x, weight.t()), (grad, weight), (grad.t(), x))]
    product = fast_layers._product()
    if product is None:
        return sum(by_mm), sum(by_mm)
    others = [
        median(product, x, weight, None),
        median(product, grad, weight.t(), None),
        min(median(product, grad.t(), x.t(), None), median(product, x.t(), grad.t(), None)),
    ]
    return sum(by_mm), sum(map(min, by_mm, others))


def median(function: Any, *given: Any, repeats: int = 5) -> float:
    """Return the median of a call's seconds, the first two calls not counted."""
    seconds = []
    for _ in range(repeats + 2):
        began = time.perf_counter()
        function(*given)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[2:])
