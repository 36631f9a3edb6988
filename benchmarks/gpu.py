"""Fine-tuning on a GPU: seconds and memory of an epoch by `fit` and by the Trainer.

    python benchmarks/gpu.py                  measure all, print a table
    python benchmarks/gpu.py --write          keep the record, and the table in README.md

Every way to train has a process of its own, as long as it trains alone on the GPU: an epoch as a
reader meets it who trains once, with all that is done on first use, and then a few more. The ways
take their turns one after the other.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import bench
import finetune
import ways
from ways import FIT, FIT_BF16, GROUPED, GROUPED_BF16, TRAINER, WAYS

NAME = "gpu"
ROWS = (TRAINER, FIT, GROUPED, FIT_BF16, GROUPED_BF16)
ABOUT = (
    "On a GPU. Every row trains the packaged encoder for some epochs in a process of its own, on "
    "the same reviews, drawn at random: 32 a batch, cut at 128 tokens, dropout as the model has "
    "it, AdamW, clipping at 1, a linear schedule with warm-up. Only the steps are timed. "
    "seconds_first is the first epoch of the process, seconds the median of those after it, "
    "tokens_per_s real tokens (padding not counted) of those. ratio_to_trainer, ratio_to_grouped "
    "and first_to_grouped say how many times as fast: as the Trainer with its defaults in fp32, "
    "as the Trainer with length grouping in the row's own precision, and as that in the first "
    "epoch. gpu_mb is the most memory that tensors took on the GPU."
)


def epochs(way: str, steps: int, rounds: int, threads: int) -> dict[str, Any]:
    """Time some epochs of one way to train, each with fresh weights and other reviews."""
    import torch

    seconds, tokens = [], []
    for seed in range(rounds + 1):
        model, tokenizer, train = bench.ready(threads)
        reviews = bench.drawn(train, steps * bench.BATCH, seed=seed)
        with ways.clocked(model, steps) as clock:
            WAYS[way].train(model, tokenizer, reviews, ways.settings_of(bench.BATCH, seed))
        if len(clock.stamps) != steps:
            raise SystemExit(f"{way} made {len(clock.stamps)} updates, not {steps}.")
        seconds.append(clock.seconds)
        tokens.append(bench.tokens_of(tokenizer, reviews.texts))
    return {"seconds": seconds, "tokens": tokens, "gpu_mb": torch.cuda.max_memory_allocated() / 1e6}


CASES: dict[str, bench.Case] = dict.fromkeys(ROWS, epochs)


def whole(*, rounds: int, steps: int) -> dict[str, Any]:
    """Return the record; errors as in `bench.require_gpu`."""
    bench.require_gpu()
    asked = {"steps": steps, "rounds": rounds, "threads": finetune.THREADS}
    found = {}
    for way in ROWS:
        found[way] = bench.measured(__file__, way, gpu=True, way=way, **asked)
        print(json.dumps(found[way]), file=sys.stderr, flush=True)  # not lost if it is cut short
    return bench.record(ABOUT, rows_of(found), gpu=True)


def rows_of(found: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield a row of the record for each way to train."""
    first = {way: row["seconds"][0] / row["tokens"][0] for way, row in found.items()}
    speeds = {way: _speeds(row) for way, row in found.items()}
    for way, row in found.items():
        bits = WAYS[way].bits
        grouped = ways.grouped_in(bits)
        yield {
            "case": way, "rounds": row["rounds"], "batch": bench.BATCH, "bits": bits,
            "updates": row["steps"], "seconds_first": row["seconds"][0],
            **bench.spread(row["seconds"][1:], "seconds"),
            "tokens_per_s": statistics.median(speeds[way]),
            "ratio_to_trainer": bench.paired_ratio(speeds[way], speeds[TRAINER]),
            "ratio_to_grouped": bench.paired_ratio(speeds[way], speeds[grouped]),
            "first_to_grouped": first[grouped] / first[way],
            "gpu_mb": row["gpu_mb"], "peak_mb": row["peak_mb"],
        }  # fmt: skip


def _speeds(row: Mapping[str, Any]) -> list[float]:
    """Return the tokens per second of every epoch but the first."""
    return [n / s for n, s in zip(row["tokens"][1:], row["seconds"][1:], strict=True)]


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the record as a table in Markdown."""
    first, machine = found["rows"][0], found["machine"]
    yield (
        f"{bench.where(found)} CPU: {machine['cpu']}, {machine['cores']} cores. "
        f"An epoch: {first['updates']} batches; {first['rounds']} epochs after the first."
    )
    yield ""
    head = ("Way to train", "s, first epoch", "s an epoch", "lowest–highest", "tokens/s")
    against = ("× Trainer", "× grouped", "× grouped, first epoch")
    yield from bench.table((*head, *against, "MB on the GPU"), map(cells, found["rows"]))


def cells(row: Mapping[str, Any]) -> list[str]:
    """Return a row's cells."""
    keys = ("ratio_to_trainer", "ratio_to_grouped", "first_to_grouped")
    told = [row["case"], f"{row['seconds_first']:.1f}", *bench.ends(row, "seconds", ".1f")]
    told += [f"{row['tokens_per_s']:,.0f}", *(f"{row[key]:.2f}" for key in keys)]
    return [*told, f"{row['gpu_mb']:,.0f}"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    bench.main(NAME, argv, CASES, whole, lines, rounds=3, steps=100)


if __name__ == "__main__":
    main()
