"""Frozen layers: seconds of an epoch and validation accuracy, by how many lowest layers are frozen.

    python benchmarks/frozen.py           measure, print a table
    python benchmarks/frozen.py --write   keep the record, and the table in README.md

Time is that of some steps, scaled to the training split. Accuracy is that of a small training:
2,000 reviews, one epoch, three seeds. About twelve minutes on two idle cores.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import bench
import ways

NAME = "frozen"
THREADS = min(2, os.cpu_count() or 1)
LAYERS = tuple(range(7))  # of the packaged encoder
ABOUT = (
    "The lowest layers of the packaged encoder frozen, the word vectors with them from one layer "
    "on. 'time': seconds_an_epoch are those of some steps of 32 reviews, scaled to the whole "
    "training split; seconds_once is what comes before the first step (checks, tokenising, and the "
    "frozen layers' states of every review), scaled likewise; times_faster compares the steps with "
    "0 frozen layers, as the median of the rounds' ratios. 'accuracy': of a smaller training than "
    "the book's, one epoch of some reviews, on the validation split, means over seeds; half_width "
    "is half the 95 % interval of the mean."
)


def timed(layers: int, steps: int, threads: int, seed: int) -> dict[str, Any]:
    """Time some steps, and what comes before the first."""
    model, tokenizer, train = bench.ready(threads)
    settings = replace(ways.settings_of(bench.BATCH, seed), frozen_layers=layers)
    ways.fit(model, tokenizer, bench.drawn(train, 3 * bench.BATCH, seed=seed + 1), settings)
    reviews = bench.drawn(train, steps * bench.BATCH, seed=seed)
    began = time.perf_counter()
    with ways.clocked(model) as clock:
        ways.fit(model, tokenizer, reviews, settings)
    scale = len(train) / len(reviews)
    return {
        "seconds_an_epoch": clock.seconds * scale,
        "seconds_once": (clock.began[0] - began) * scale,
    }


def accuracy(layers: int, reviews: int, threads: int, seed: int) -> dict[str, Any]:
    """Train for one epoch on some reviews and score the validation split."""
    import torch

    from illusionkit.models.encoders import classifier
    from illusionkit.training.book_model import splits
    from illusionkit.training.finetune import fit

    torch.set_num_threads(threads)
    parts = splits()
    settings = replace(ways.settings_of(bench.BATCH, seed), frozen_layers=layers)
    drawn = bench.drawn(parts["train"], reviews, seed=seed)
    fitted = fit(*classifier(5, seed=seed), drawn, parts["validation"], settings)
    return {"accuracy": float(fitted.history["validation_accuracy"].iloc[-1])}


CASES: dict[str, bench.Case] = {"time": timed, "accuracy": accuracy}


def whole(*, rounds: int, steps: int, seeds: int, reviews: int) -> dict[str, Any]:
    """Return the record: time, then accuracy, each for every number of frozen layers."""
    asked: dict[str, Any] = {"threads": THREADS}

    def time_of(layers: int, _: int) -> dict[str, Any]:
        return bench.measured(__file__, "time", **asked, layers=layers, steps=steps, seed=0)

    def accuracy_of(layers: int, turn: int) -> dict[str, Any]:
        more: dict[str, Any] = {"layers": layers, "reviews": reviews, "seed": turn}
        return bench.measured(__file__, "accuracy", **asked, **more)

    times = bench.alternating(LAYERS, time_of, rounds)
    scores = bench.alternating(LAYERS, accuracy_of, seeds)
    return bench.record(ABOUT, [*time_rows(times), *accuracy_rows(scores)])


def time_rows(found: Mapping[int, Sequence[Mapping[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Yield the rows of time."""
    for layers, rows in found.items():
        row = {"case": "time", "layers": layers, "rounds": len(rows), "steps": rows[0]["steps"]}
        row |= bench.spread(bench.column(rows, "seconds_an_epoch"), "seconds_an_epoch")
        row["seconds_once"] = statistics.median(bench.column(rows, "seconds_once"))
        slow = bench.column(found[0], "seconds_an_epoch")
        row["times_faster"] = bench.paired_ratio(slow, bench.column(rows, "seconds_an_epoch"))
        yield {**row, "peak_mb": statistics.median(bench.column(rows, "peak_mb"))}


def accuracy_rows(found: Mapping[int, Sequence[Mapping[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Yield the rows of accuracy."""
    for layers, rows in found.items():
        scores = bench.column(rows, "accuracy")
        row = {"case": "accuracy", "layers": layers, "reviews": rows[0]["reviews"], "epochs": 1}
        row |= {"seeds": len(rows), "accuracy": statistics.fmean(scores)}
        row |= {"accuracy_lowest": min(scores), "accuracy_highest": max(scores)}
        row["half_width"] = bench.interval(scores)[1] if len(scores) > 1 else None
        yield {**row, "peak_mb": statistics.median(bench.column(rows, "peak_mb"))}


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the record as a table in Markdown."""
    times = [row for row in found["rows"] if row["case"] == "time"]
    scores = {row["layers"]: row for row in found["rows"] if row["case"] == "accuracy"}
    first = scores[0]
    yield (
        f"{bench.where(found)} Accuracy: {first['reviews']:,} reviews, one epoch, "
        f"{first['seeds']} seeds."
    )
    yield ""
    head = ("Frozen layers", "s an epoch", "lowest–highest", "× faster", "s once", "peak MB")
    rows = (cells(row, scores[row["layers"]]) for row in times)
    yield from bench.table((*head, "accuracy", "lowest–highest"), rows)


def cells(row: Mapping[str, Any], score: Mapping[str, Any]) -> list[str]:
    """Return the cells of one number of frozen layers."""
    once, peak = f"{row['seconds_once']:.0f}", f"{row['peak_mb']:,.0f}"
    time_of = bench.ends(row, "seconds_an_epoch")
    told = bench.ends(score, "accuracy", ".3f")
    return [str(row["layers"]), *time_of, f"{row['times_faster']:.2f}", once, peak, *told]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    bench.main(NAME, argv, CASES, whole, lines, rounds=3, steps=32, seeds=3, reviews=2000)


if __name__ == "__main__":
    main()
