"""What a run of the book needs: peak memory and time, measured on this machine.

    python benchmarks/training.py                  measure all, print a table
    python benchmarks/training.py --write          the same, and keep the record in results/
    python benchmarks/training.py --memory-only    no timings: for a machine that is busy

Every case runs in a process of its own, so that its peak memory is its own. Timings want an idle
machine. The whole takes about five minutes on two cores. See README.md.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import time
from collections.abc import Iterator, Mapping
from typing import Any

import bench

NAME = "training"
BATCHES = (8, 16, 32, 64, 128)
LENGTHS = (16, 32, 64, 128, 256)  # tokens of every text, in batches of 32
BUDGETS_OF_TOKENS = (1000, 2000, 4000)  # at once, of a batch of 128
THREADS = (1, 2)
ROUNDS = 3
STEPS = 16
TEXTS = 384
ABOUT = (
    "Each case in a process of its own; peak_mb is the peak of its resident memory. 'peak' trains "
    "on the longest reviews of the training split, so that no step of an epoch asks for more (over "
    "many steps of different lengths the process may hold on to a few percent more). 'length' does "
    "so with texts of one length, reviews joined and cut; 'parts' with a batch that goes through "
    "the model in parts of so many tokens (tokens_at_once). "
    "'epoch' times some steps on reviews drawn at random, and scales them to the whole training "
    "split; 'encode' passes reviews through the frozen encoder. Medians over rounds; the order of "
    "one and two threads alternates, and times_faster is the median of the rounds' ratios."
)
measured = functools.partial(bench.measured, __file__)


def interpreter(**_: int) -> dict[str, Any]:
    """Python, with nothing imported."""
    return {}


def libraries(**_: int) -> dict[str, Any]:
    """What a page imports that trains."""
    import accelerate
    import torch
    import transformers

    from illusionkit.models import encoders
    from illusionkit.training import book_model, finetune

    return {"modules": len({torch, transformers, accelerate, finetune, book_model, encoders})}


def encoder(**_: int) -> dict[str, Any]:
    """The packaged encoder, loaded and doing nothing."""
    from illusionkit.models.encoders import encoder as load

    model = load()[0]
    return {"parameters": sum(weights.numel() for weights in model.parameters())}


def peak(batch: int, threads: int, **more: int) -> dict[str, Any]:
    """Train for two epochs on as many of the longest reviews as a batch holds, and as many others.

    In the second epoch AdamW has its moments and the best weights are kept: there the peak lies.
    """
    from illusionkit.training.batches import Split

    model, tokenizer, train = bench.ready(threads)
    tokens = [len(tokenizer(text)["input_ids"]) for text in train.texts]
    order = sorted(range(len(train)), key=tokens.__getitem__)
    rows = order[-batch:] + order[len(order) // 2 :][:batch]
    drawn = Split([train.texts[row] for row in rows], [train.labels[row] for row in rows])
    few = bench.drawn(train, 8, seed=2)
    _fit(model, tokenizer, drawn, few, batch=batch, epochs=2, **more)
    return {"parameters": sum(w.numel() for w in model.parameters()), "tokens": max(tokens)}


def length(batch: int, threads: int, tokens: int) -> dict[str, Any]:
    """Train for two epochs on texts of so many tokens, reviews joined and cut; as `peak`."""
    from illusionkit.training.batches import Split

    model, tokenizer, train = bench.ready(threads)
    some = bench.drawn(train, 2 * batch, seed=0)
    joined = [" ".join([text, *train.texts[:64]]) for text in some.texts]
    texts = Split(joined, some.labels)
    few = bench.drawn(train, 8, seed=2)
    _fit(model, tokenizer, texts, few, batch=batch, epochs=2, max_tokens=tokens)
    return {}


def parts(batch: int, threads: int, tokens_at_once: int) -> dict[str, Any]:
    """Train as `peak` does, the batch in parts of at most so many tokens."""
    return peak(batch, threads, tokens_at_once=tokens_at_once)


def epoch(batch: int, threads: int, steps: int = STEPS) -> dict[str, Any]:
    """Time some steps of the book's small budget, after a short warm-up."""
    model, tokenizer, train = bench.ready(threads)
    warm, timed = (
        bench.drawn(train, 2 * batch, seed=1), bench.drawn(train, steps * batch, seed=0)
    )  # fmt: skip
    judged = bench.drawn(train, 8, seed=2)
    _fit(model, tokenizer, warm, judged, batch=batch, epochs=1)
    fitted = _fit(model, tokenizer, timed, judged, batch=batch, epochs=1)
    seconds = float(fitted.history["seconds"].iloc[-1])
    whole = -(-len(train) // batch)
    return {"steps": steps, "seconds": seconds, "seconds_an_epoch": seconds / steps * whole}


def encode(batch: int, threads: int, steps: int = TEXTS) -> dict[str, Any]:
    """Time the frozen encoder on reviews drawn at random (``steps``: how many)."""
    import torch

    from illusionkit.models.encoders import encoder as load
    from illusionkit.models.encoding import encode as passed
    from illusionkit.training.book_model import splits

    torch.set_num_threads(threads)
    model, tokenizer = load()
    texts = bench.drawn(splits()["train"], steps, seed=0).texts
    passed(texts[:64], model, tokenizer)
    began = time.perf_counter()
    passed(texts, model, tokenizer)
    seconds = time.perf_counter() - began
    return {"texts": steps, "seconds": seconds, "texts_a_second": steps / seconds}


CASES: dict[str, bench.Case] = {
    function.__name__: function
    for function in (interpreter, libraries, encoder, peak, length, parts, epoch, encode)
}


def _fit(
    model: Any, tokenizer: Any, train: Any, judged: Any, *, batch: int, epochs: int, **more: int
) -> Any:
    from dataclasses import replace

    from illusionkit.training.batches import BUDGETS
    from illusionkit.training.finetune import fit

    settings = replace(BUDGETS["small"], batch_size=batch, epochs=epochs, **more)
    return fit(model, tokenizer, train, judged, settings)


def memory_rows() -> Iterator[dict[str, Any]]:
    """Yield the cases whose peak memory is measured."""
    for case in ("interpreter", "libraries", "encoder"):
        yield measured(case)
    for batch in BATCHES:
        yield measured("peak", batch=batch, threads=max(THREADS))
    for tokens in LENGTHS:
        yield measured("length", batch=32, threads=max(THREADS), tokens=tokens)
    for budget in BUDGETS_OF_TOKENS:
        yield measured("parts", batch=128, threads=max(THREADS), tokens_at_once=budget)


def timed_rows(case: str, *, batch: int, steps: int) -> Iterator[dict[str, Any]]:
    """Yield one row a number of threads: medians over rounds, and of the rounds' ratios."""

    def measure(threads: int, _: int) -> dict[str, Any]:
        return measured(case, batch=batch, threads=threads, steps=steps)

    found = bench.alternating(THREADS, measure, ROUNDS)
    yield from (summary(rows, found[min(THREADS)]) for rows in found.values())


def summary(rows: list[dict[str, Any]], slowest: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the median of every measured number, and how many times faster than ``slowest``."""
    numbers = [name for name, value in rows[0].items() if isinstance(value, float)]
    middle = {name: statistics.median(bench.column(rows, name)) for name in numbers}
    seconds = bench.column(rows, "seconds")
    ratio = bench.paired_ratio(bench.column(slowest, "seconds"), seconds)
    spread = bench.spread(seconds, "seconds")
    return {**rows[0], **middle, "rounds": len(rows), **spread, "times_faster": ratio}


def whole(*, timed: bool) -> dict[str, Any]:
    """Return the record: every case, and where and when it was measured."""
    rows = list(memory_rows())
    if timed:
        rows += timed_rows("epoch", batch=32, steps=STEPS)
        rows += timed_rows("encode", batch=64, steps=TEXTS)
    return bench.record(ABOUT, rows)


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the record as a table for a terminal."""
    yield f"{found['machine']['cpu']}, {found['date']}, {found['machine']['precision']}"
    for row in found["rows"]:
        rest = {k: v for k, v in row.items() if k not in ("case", "batch", "threads", "peak_mb")}
        told = "  ".join(f"{name} {value:g}" for name, value in rest.items())
        head = f"{row['case']:12}{row.get('batch', ''):>5}{row.get('threads', ''):>3}"
        yield f"{head}{row['peak_mb']:>9.0f} MB  {told}"


def main(argv: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks/training.py", description="See README.md.")
    parser.add_argument("--write", action="store_true", help="keep the record in results/")
    parser.add_argument("--memory-only", action="store_true", help="leave the timings out")
    parser.add_argument("--case", nargs=2, metavar=("NAME", "JSON"), help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.case:
        bench.say(CASES, *options.case)
        return
    found = whole(timed=not options.memory_only)
    print(*lines(found), sep="\n")
    if options.write:
        bench.write(NAME, found)


if __name__ == "__main__":
    main()
