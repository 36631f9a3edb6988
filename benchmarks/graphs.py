"""CUDA graphs: milliseconds and memory of a step by `fit` with them and without, and the Trainer.

    python benchmarks/graphs.py               measure all, print a table
    python benchmarks/graphs.py --write       keep the record, and the table in README.md

Every way to train has a process of its own, as long as it trains alone on the GPU: an epoch as a
reader meets it who trains once, with all that is done on first use, and then a few more of the same
training. Two sizes: the packaged encoder, and a BERT of the size of bert-base, whose weights are
random: speed does not care. A last case compares losses with graphs and without.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import bench
import finetune
import ways
from ways import EVERY, FIT, FIT_BF16, FIT_EAGER, FIT_FP16, GROUPED_BF16, TRAINER_BF16

NAME = "graphs"
PACKAGED, BASE = 6, 12
"""Layers of the two sizes: 384 wide (22.7 million parameters), and 768 wide (109 million)."""
SIXTEEN = (TRAINER_BF16, GROUPED_BF16, FIT_EAGER, FIT_BF16)
ROWS = (
    *((way, PACKAGED) for way in SIXTEEN),
    *((way, BASE) for way in SIXTEEN),
    (FIT, PACKAGED),
    (FIT_FP16, PACKAGED),
)
EQUAL = "losses with graphs and without"
ABOUT = (
    "On a GPU. Every row is one training of some epochs in a process of its own, on the same "
    "reviews, drawn at random: 32 a batch, cut at 128 tokens, dropout as the model has it, AdamW, "
    "clipping at 1, a linear schedule with warm-up. layers is 6 for the packaged encoder, 12 for a "
    "BERT of the size of bert-base with random weights. Only the steps are timed. seconds_first is "
    "the first epoch, with all that is done on first use, captures included; ms_a_step the median "
    "of the epochs after it; tokens_per_s real tokens (padding not counted) of those. "
    "ratio_to_trainer and first_to_trainer say how many times as fast as the Trainer with its "
    "defaults in bf16 at that size, in those and in the first epoch; ratio_to_eager how many times "
    "as fast as fit without graphs. gpu_mb is the most memory that tensors took on the GPU, "
    "reserved_mb the most that was held for them. The last rows train twice, with graphs and "
    "without, at the same padding: largest_difference is that of the losses of the steps, in nats, "
    "bit_equal 1 if losses and weights are equal."
)


def model_of(layers: int, threads: int) -> tuple[Any, Any, Any]:
    """Return a classifier of one of the two sizes, the tokenizer and the training split.

    Graphs are switched on in this process.
    """
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    os.environ["ILLUSIONKIT_GRAPHS"] = "1"
    model, tokenizer, train = bench.ready(threads)
    if layers == BASE:
        torch.manual_seed(0)
        model = BertForSequenceClassification(BertConfig(num_labels=5))
    return model, tokenizer, train


def epochs(way: str, layers: int, steps: int, rounds: int, threads: int) -> dict[str, Any]:
    """Time the epochs of one training: the first, and the others from their first step on."""
    import torch

    model, tokenizer, train = model_of(layers, threads)
    reviews = bench.drawn(train, steps * bench.BATCH, seed=0)
    settings = replace(ways.settings_of(bench.BATCH), epochs=rounds + 1, learning_rate=5e-5)
    with ways.clocked(model, steps) as clock:
        EVERY[way].train(model, tokenizer, reviews, settings)
    stamps = clock.stamps
    if len(stamps) != steps * (rounds + 1):
        raise SystemExit(f"{way} made {len(stamps)} updates, not {steps * (rounds + 1)}.")
    ends = [(stamps[k * steps], stamps[(k + 1) * steps - 1]) for k in range(1, rounds + 1)]
    return {
        "first": stamps[steps - 1] - clock.began[0],
        "ms": [1000 * (last - first) / (steps - 1) for first, last in ends],
        "tokens": bench.tokens_of(tokenizer, reviews.texts),
        "gpu_mb": torch.cuda.max_memory_allocated() / 1e6 if torch.cuda.is_available() else 0.0,
        "reserved_mb": torch.cuda.max_memory_reserved() / 1e6 if torch.cuda.is_available() else 0.0,
    }


def equality(layers: int, bits: int, steps: int, threads: int) -> dict[str, Any]:
    """Train with graphs and without, and compare the losses of all steps, and the weights."""
    from unittest.mock import patch

    import torch

    from illusionkit.models.graphs import Graphs
    from illusionkit.training.session import Session

    stepped, losses, weights = Session.stepped, [], []

    def note(self: Any, rows: Any) -> None:
        losses.append(self._guard._last[0].clone())
        stepped(self, rows)

    for capture in (Graphs._capture, lambda *_: False):
        model, tokenizer, train = model_of(layers, threads)
        reviews = bench.drawn(train, steps * bench.BATCH, seed=0)
        settings = replace(ways.settings_of(bench.BATCH), learning_rate=5e-5)
        with patch.object(Session, "stepped", note), patch.object(Graphs, "_capture", capture):
            precision = "fp32" if bits == 32 else "bf16"
            ways.fit(model, tokenizer, reviews, settings, precision=precision)
        weights.append([tensor.clone() for tensor in model.state_dict().values()])
    with_graphs, without = torch.stack(losses).view(2, steps).cpu()
    same = all(one.equal(other) for one, other in zip(*weights, strict=True))
    return {
        "largest_difference": float((with_graphs - without).abs().max()),
        "bit_equal": int(same and with_graphs.equal(without)),
        "first_loss": float(with_graphs[0]), "last_loss": float(with_graphs[-1]),
    }  # fmt: skip


CASES: dict[str, bench.Case] = {**dict.fromkeys(EVERY, epochs), EQUAL: equality}


def whole(*, rounds: int, steps: int) -> dict[str, Any]:
    """Return the record; errors as in `bench.require_gpu`."""
    bench.require_gpu()
    asked = {"steps": steps, "threads": finetune.THREADS}
    found, equal = [], []
    for way, layers in ROWS:
        case = {"way": way, "layers": layers, "rounds": rounds, **asked}
        found.append(bench.measured(__file__, way, gpu=True, **case))
        print(json.dumps(found[-1]), file=sys.stderr, flush=True)  # not lost if it is cut short
    for layers in (PACKAGED, BASE):
        for bits in (32, 16):
            case = {"layers": layers, "bits": bits, **asked}
            equal.append(bench.measured(__file__, EQUAL, gpu=True, **case))
            print(json.dumps(equal[-1]), file=sys.stderr, flush=True)
    return bench.record(ABOUT, rows_of(found, equal), gpu=True)


def rows_of(
    found: Sequence[Mapping[str, Any]], equal: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Yield a row of the record for each way to train and for each comparison of losses."""
    known = {(row["way"], row["layers"]): row for row in found}
    for row in found:
        trainer, eager = (known[way, row["layers"]] for way in (TRAINER_BF16, FIT_EAGER))
        yield {
            "case": row["way"], "layers": row["layers"], "rounds": row["rounds"],
            "batch": bench.BATCH, "bits": EVERY[row["way"]].bits, "updates": row["steps"],
            "seconds_first": row["first"], **bench.spread(row["ms"], "ms_a_step"),
            "tokens_per_s": 1000 * row["tokens"] / row["steps"] / statistics.median(row["ms"]),
            "ratio_to_trainer": bench.paired_ratio(trainer["ms"], row["ms"]),
            "first_to_trainer": trainer["first"] / row["first"],
            "ratio_to_eager": bench.paired_ratio(eager["ms"], row["ms"]),
            "gpu_mb": row["gpu_mb"], "reserved_mb": row["reserved_mb"], "peak_mb": row["peak_mb"],
        }  # fmt: skip
    kept = ("layers", "bits", "largest_difference", "bit_equal", "first_loss", "last_loss")
    kept += ("peak_mb",)
    for row in equal:
        yield {"case": EQUAL, "updates": row["steps"], **{name: row[name] for name in kept}}


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the record as a table in Markdown."""
    first, machine = found["rows"][0], found["machine"]
    yield (
        f"{bench.where(found)} CPU: {machine['cpu']}, {machine['cores']} cores. "
        f"An epoch: {first['updates']} batches; {first['rounds']} epochs after the first."
    )
    yield ""
    head = ("Way to train", "layers", "s, first epoch", "ms a step", "lowest–highest", "tokens/s")
    against = ("× Trainer", "× Trainer, first epoch", "× without graphs")
    timed = [row for row in found["rows"] if row["case"] != EQUAL]
    yield from bench.table((*head, *against, "MB of tensors", "MB held"), map(cells, timed))
    yield ""
    for row in found["rows"]:
        if row["case"] == EQUAL:
            bits = "fp32" if row["bits"] == 32 else "bf16"
            told = "equal to the bit" if row["bit_equal"] else "not equal"
            yield (
                f"- {row['updates']} losses with graphs and without, {row['layers']} layers, "
                f"{bits}: {told} (largest difference {row['largest_difference']:.2g} nats)"
            )


def cells(row: Mapping[str, Any]) -> list[str]:
    """Return a row's cells."""
    keys = ("ratio_to_trainer", "first_to_trainer", "ratio_to_eager")
    told = [row["case"], str(row["layers"]), f"{row['seconds_first']:.1f}"]
    told += [*bench.ends(row, "ms_a_step", ".2f"), f"{row['tokens_per_s']:,.0f}"]
    told += [f"{row[key]:.2f}" for key in keys]
    return [*told, f"{row['gpu_mb']:,.0f}", f"{row['reserved_mb']:,.0f}"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    bench.main(NAME, argv, CASES, whole, lines, rounds=3, steps=100)


if __name__ == "__main__":
    main()
