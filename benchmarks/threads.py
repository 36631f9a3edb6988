"""Threads, seeds and processes: what changes the weights, and what two processes cost.

    python benchmarks/threads.py           measure, print a table
    python benchmarks/threads.py --write   keep the record, and the table in README.md

Two trainings of one seed are compared to the bit, and trainings on one and two threads by their
largest difference. Then one process on two threads against two processes on one thread each,
started by `accelerate launch`, for two sizes of data. About six minutes on two idle cores.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import bench
import ways

NAME = "threads"
LAUNCH = (
    sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes=2",
    "--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no", "--main_process_port=0",
)  # fmt: skip
SIZES = (512, 2048)
PROCESSES = (1, 2)
ABOUT = (
    "'same seed': two trainings of one seed on as many threads; 'thread count': one thread against "
    "two; largest_difference is that of any weight after some steps of 32 reviews, largest_change "
    "how far any weight moved in that training. 'processes': one epoch of some reviews, by one "
    "process on two threads or by two on one thread each, which share every batch; seconds are "
    "those of the call of fit, seconds_started those of the whole program, tokens the real ones of "
    "the steps; peak_mb is the sum of the processes' peaks. Medians over rounds, the order "
    "alternating; times_faster compares the steps with one process, as the median of the rounds' "
    "ratios."
)


def weights(threads: int, seed: int, steps: int, file: str) -> dict[str, Any]:
    """Train for some steps on so many threads, and write the weights to a file."""
    from safetensors.torch import save_file

    model, tokenizer, train = bench.ready(threads)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    reviews = bench.drawn(train, steps * bench.BATCH, seed=seed)
    ways.fit(model, tokenizer, reviews, ways.settings_of(bench.BATCH, seed))
    after = model.state_dict()
    save_file(after, file)
    return {"largest_change": max(float((after[k] - before[k]).abs().max()) for k in before)}


def difference(one: str, other: str) -> dict[str, Any]:
    """Compare the weights in two files."""
    from safetensors.torch import load_file

    first, second = load_file(one), load_file(other)
    far = [float((first[name] - second[name]).abs().max()) for name in first]
    equal = all(first[name].equal(second[name]) for name in first)
    return {"largest_difference": max(far), "bit_equal": int(equal)}


def epoch(reviews: int, threads: int, seed: int, processes: int) -> dict[str, Any] | None:
    """Time the training of one epoch by as many processes as were started; the first one tells."""
    from accelerate.utils import gather_object

    from illusionkit.training.session import accelerator_of

    model, tokenizer, train = bench.ready(threads)
    accelerator = accelerator_of("fp32")
    if accelerator.num_processes != processes:
        raise SystemExit(f"{accelerator.num_processes} processes were started, not {processes}.")
    drawn = bench.drawn(train, reviews, seed=seed)
    began = time.perf_counter()
    with ways.clocked(model) as clock:
        ways.fit(model, tokenizer, drawn, ways.settings_of(bench.BATCH, seed))
    seconds = time.perf_counter() - began
    peaks = gather_object([bench.peak_mb()])
    accelerator.end_training()
    if not accelerator.is_main_process:
        return None
    speed = bench.tokens_of(tokenizer, drawn.texts) / clock.seconds
    return {"tokens_per_s": speed, "seconds": seconds, "peak_mb": sum(peaks)}


CASES: dict[str, bench.Case] = {
    "weights": weights, "difference": difference, "processes": epoch
}  # fmt: skip


def compared(steps: int, folder: str) -> Iterator[dict[str, Any]]:
    """Yield the comparisons of weights."""
    changes = {}

    def trained(threads: int, name: str) -> str:
        file = str(Path(folder) / name)
        asked: dict[str, Any] = {"threads": threads, "seed": 0, "steps": steps, "file": file}
        changes[file] = bench.measured(__file__, "weights", **asked)
        return file

    one, two = ((trained(n, f"{n}-a"), trained(n, f"{n}-b")) for n in (1, 2))
    for case, threads, pair in (
        ("same seed", 1, one), ("same seed", 2, two), ("thread count", 2, (one[0], two[0]))
    ):  # fmt: skip
        found = bench.measured(__file__, "difference", one=pair[0], other=pair[1])
        trained_as = changes[pair[1]]
        told = {key: found[key] for key in ("largest_difference", "bit_equal")}
        told |= {key: trained_as[key] for key in ("largest_change", "peak_mb")}
        yield {"case": case, "threads": threads, "steps": steps, **told}


def shared(reviews: int, rounds: int) -> Iterator[dict[str, Any]]:
    """Yield one row a number of processes, for one size of data."""

    def measure(number: int, turn: int) -> dict[str, Any]:
        asked: dict[str, Any] = {"reviews": reviews, "seed": turn, "processes": number}
        launcher = LAUNCH if number > 1 else ()
        began = time.perf_counter()
        said = bench.measured(
            __file__, "processes", launcher=launcher, threads=2 // number, **asked
        )  # fmt: skip
        return {**said, "seconds_started": time.perf_counter() - began}

    found = bench.alternating(PROCESSES, measure, rounds)
    for number, rows in found.items():
        row = {"case": "processes", "processes": number, "threads": rows[0]["threads"]}
        row |= {"reviews": reviews, "rounds": len(rows)}
        speeds = bench.column(rows, "tokens_per_s")
        row |= bench.spread(speeds, "tokens_per_s")
        row["times_faster"] = bench.ratio(speeds, found[1], "tokens_per_s")
        for key in ("seconds", "seconds_started", "peak_mb"):
            row[key] = statistics.median(bench.column(rows, key))
        yield row


def whole(*, rounds: int, steps: int, sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """Return the record: the comparisons of weights, then the processes."""
    with tempfile.TemporaryDirectory() as folder:
        rows = list(compared(steps, folder))
    for size in sizes:
        rows += shared(size, rounds)
    return bench.record(ABOUT, rows)


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the record as two tables in Markdown."""
    yield bench.where(found)
    yield ""
    rows = [row for row in found["rows"] if row["case"] != "processes"]
    head = (
        "Two trainings",
        "threads",
        "steps",
        "largest difference",
        "largest change",
        "bit equal",
    )
    yield from bench.table(head, (compared_cells(row) for row in rows))
    yield ""
    rows = [row for row in found["rows"] if row["case"] == "processes"]
    top = ("Processes × threads", "reviews", "tokens/s", "lowest–highest", "× one process")
    yield from bench.table((*top, "s in fit", "s in all", "peak MB"), map(shared_cells, rows))


def compared_cells(row: Mapping[str, Any]) -> list[str]:
    """Return the cells of a comparison of weights."""
    far, moved = (f"{row[key]:.1e}" for key in ("largest_difference", "largest_change"))
    threads = str(row["threads"]) if row["case"] == "same seed" else "1 and 2"
    return [
        row["case"], threads, str(row["steps"]), far, moved, "yes" if row["bit_equal"] else "no"
    ]  # fmt: skip


def shared_cells(row: Mapping[str, Any]) -> list[str]:
    """Return the cells of a number of processes."""
    speed = [*bench.ends(row, "tokens_per_s"), bench.figure(row["times_faster"], ".2f")]
    seconds = [f"{row['seconds']:.0f}", f"{row['seconds_started']:.0f}"]
    name = f"{row['processes']} × {row['threads']}"
    return [name, f"{row['reviews']:,}", *speed, *seconds, f"{row['peak_mb']:,.0f}"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    bench.main(NAME, argv, CASES, whole, lines, rounds=3, steps=20)


if __name__ == "__main__":
    main()
