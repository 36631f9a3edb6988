"""Fine-tuning on a GPU: tokens per second and memory of `fit` and the Trainer, and accuracy.

    python benchmarks/gpu.py                  measure all, print two tables
    python benchmarks/gpu.py --write          keep the record, and the tables in README.md

A process needs longer to start on a GPU than an epoch takes there. So, other than in the programs
for the CPU, all is measured in one process: every way to train trains a little first, then an epoch
once a round, in alternating order.

What 16 bits do to accuracy is asked as in `equal_accuracy.py`, of eight fresh seeds, with its
margin of 0.02: bf16 and fp16 each against fp32, all on the GPU. That was fixed before any of it was
run; no seeds are added afterwards.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import bench
import equal_accuracy
import finetune
from equal_accuracy import Pairs
from ways import (
    EVERY,
    FIT,
    FIT_BF16,
    FIT_FP16,
    GROUPED,
    GROUPED_BF16,
    GROUPED_FP16,
    TRAINER,
)

NAME = "gpu"
OURS = {FIT: GROUPED, FIT_BF16: GROUPED_BF16, FIT_FP16: GROUPED_FP16}
"""The kit's ways to train on a GPU, and what each is compared with."""
ROWS = (TRAINER, *(name for pair in OURS.items() for name in pair))
SEEDS = range(53, 61)
STUDY = (Pairs(FIT_BF16, FIT, SEEDS), Pairs(FIT_FP16, FIT, SEEDS))
ABOUT = (
    "On a GPU, all in one process. The first rows: real tokens (padding not counted) of the "
    "training steps, per second, of an epoch of the same reviews, drawn at random: 32 a batch, "
    "cut at 128 tokens, dropout as the model has it, AdamW, clipping at 1, a linear schedule with "
    "warm-up; loading, tokenising and scoring are not timed. Every row once a round, the order "
    "alternating; ratios are medians of the rounds' ratios. ratio_to_trainer: to the Trainer with "
    "its defaults, in fp32; ratio_to_grouped: to the Trainer with length grouping, in the row's "
    "own precision. gpu_mb is the largest memory that tensors took on the GPU. The other rows: "
    f"pairs of ways, as in the records of equal accuracy. {equal_accuracy.ABOUT}"
).replace(", one thread.", ".")


def epoch(way: str, steps: int, seed: int) -> dict[str, Any]:
    """Time an epoch of one way to train, and read the most memory that it took on the GPU."""
    import torch

    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    found = finetune.timed(way, steps, finetune.THREADS, seed)
    return {**found, "gpu_mb": torch.cuda.max_memory_allocated() / 1e6}


def speeds(rounds: int, steps: int) -> Iterator[dict[str, Any]]:
    """Yield a row of the record for each way to train."""
    found = bench.alternating(ROWS, lambda way, turn: epoch(way, steps, turn), rounds)
    for way, rows in found.items():
        measured = bench.column(rows, "tokens_per_s")
        grouped = found[OURS.get(way, way if way in OURS.values() else GROUPED)]
        yield {
            "case": way, "rounds": rounds, "batch": bench.BATCH, "bits": EVERY[way].bits,
            "updates": rows[0]["updates"], **bench.spread(measured, "tokens_per_s"),
            "ratio_to_trainer": bench.ratio(measured, found[TRAINER], "tokens_per_s"),
            "ratio_to_grouped": bench.ratio(measured, grouped, "tokens_per_s"),
            "gpu_mb": statistics.median(bench.column(rows, "gpu_mb")), "peak_mb": bench.peak_mb(),
        }  # fmt: skip


def accuracies(reviews: int) -> Iterator[dict[str, Any]]:
    """Yield a row for each pair of precisions, then the single trainings."""
    found = {}
    for way, seed in equal_accuracy.wanted(STUDY, (FIT, FIT_BF16, FIT_FP16)):
        print(f"accuracy: {way}, seed {seed}", file=sys.stderr)
        said = equal_accuracy.accuracy(way, reviews, finetune.THREADS, seed)
        asked = {"seed": seed, "reviews": reviews, "peak_mb": bench.peak_mb()}
        found[way, seed] = {**asked, **said}
    yield from equal_accuracy.rows_of(STUDY, found)
    yield from equal_accuracy.single(found)


def whole(*, rounds: int, steps: int, reviews: int) -> dict[str, Any]:
    """Return the record.

    Raises
    ------
    SystemExit
        There is no GPU that can be used.
    """
    from illusionkit.precision import choose

    if choose().device != "cuda":
        raise SystemExit("This program wants a CUDA GPU, and found none.")
    return bench.record(ABOUT, [*speeds(rounds, steps), *accuracies(reviews)], gpu=True)


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the record as two tables in Markdown."""
    rows = [row for row in found["rows"] if "tokens_per_s" in row]
    yield f"{bench.where(found)} An epoch: {rows[0]['updates']} batches."
    yield ""
    head = ("Way to train", "rounds", "tokens/s", "lowest–highest", "× Trainer", "× grouped")
    yield from bench.table((*head, "MB on the GPU"), map(cells, rows))
    yield ""
    pairs = [row for row in found["rows"] if "margin" in row]
    yield from equal_accuracy.table(pairs, "Accuracy on the GPU:")


def cells(row: Mapping[str, Any]) -> list[str]:
    """Return a row's cells."""
    ratios = [bench.figure(row[key], ".2f") for key in ("ratio_to_trainer", "ratio_to_grouped")]
    told = [row["case"], str(row["rounds"]), *bench.ends(row, "tokens_per_s"), *ratios]
    return [*told, f"{row['gpu_mb']:,.0f}"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    asked = {"rounds": 5, "steps": finetune.STEPS, "reviews": equal_accuracy.REVIEWS}
    options = bench.options_of(NAME, argv, **asked)

    def measure() -> dict[str, Any]:
        return whole(rounds=options.rounds, steps=options.steps, reviews=options.reviews)

    bench.run(NAME, {}, options, measure, lines)


if __name__ == "__main__":
    main()
