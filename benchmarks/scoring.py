"""Tokens per second of evaluation and of encoding, against the naive padded loop.

    python benchmarks/scoring.py           measure, print a table
    python benchmarks/scoring.py --write   keep the record, and the table in README.md

Both are given texts and include their tokenising. About seven minutes on two idle cores.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import bench

NAME = "scoring"
THREADS = min(2, os.cpu_count() or 1)
NAIVE, FULL = "naive", "padded to 128"
ABOUT = (
    "Real tokens (padding not counted) per second, tokenising included, of the same reviews drawn "
    "at random. 'evaluation' is finetune.probabilities, 'encoding' what features.features does for "
    "texts that are not in its cache; 'plain layers' leaves out the quick layers. The naive "
    "loop takes batches of 32 in file order, padded to the longest of the batch; the other one "
    "pads every batch to 128 tokens. Each row in a process of its own, once a round, the order "
    "alternating; ratios are medians of the rounds' ratios."
)


def evaluation(model: Any, tokenizer: Any, texts: Sequence[str]) -> Any:
    """Return the probabilities of each class, by the kit."""
    from illusionkit.training.finetune import probabilities

    return probabilities(model, tokenizer, texts)


def encoding(model: Any, tokenizer: Any, texts: Sequence[str]) -> Any:
    """Return the mean of the last hidden layer, as `models.encoding.features` makes it."""
    from illusionkit.models.fast_layers import use_fast_layers

    with use_fast_layers(model, model.device):
        return plain_encoding(model, tokenizer, texts)


def plain_encoding(model: Any, tokenizer: Any, texts: Sequence[str]) -> Any:
    """Return the same by the layers as the model has them: what batches of like length give."""
    from illusionkit.models.encoding import encode

    return encode(texts, model.base_model, tokenizer)


def padded_evaluation(model: Any, tokenizer: Any, texts: Sequence[str], padding: Any) -> Any:
    """Return the probabilities of each class, batch by batch in file order."""
    import torch

    model.eval()
    with torch.inference_mode():
        found = [
            model(**batch).logits.softmax(-1) for batch in padded(tokenizer, texts, padding)
        ]  # fmt: skip
    return torch.cat(found).numpy()


def padded_encoding(model: Any, tokenizer: Any, texts: Sequence[str], padding: Any) -> Any:
    """Return the mean of the last hidden layer, batch by batch in file order."""
    import torch

    found = []
    with torch.inference_mode():
        for batch in padded(tokenizer, texts, padding):
            hidden, mask = model.base_model(**batch).last_hidden_state, batch["attention_mask"]
            found.append((hidden * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True))
    return torch.cat(found).numpy()


def padded(tokenizer: Any, texts: Sequence[str], padding: Any) -> Iterator[Any]:
    """Yield tokenised batches in file order; ``padding`` as the tokenizer takes it."""
    for start in range(0, len(texts), bench.BATCH):
        yield tokenizer(
            list(texts[start : start + bench.BATCH]), padding=padding, truncation=True,
            max_length=128, return_tensors="pt",
        )  # fmt: skip


WORKS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "evaluation": (evaluation, ()),
    f"evaluation, {NAIVE}": (padded_evaluation, (True,)),
    f"evaluation, {FULL}": (padded_evaluation, ("max_length",)),
    "encoding": (encoding, ()),
    "encoding, plain layers": (plain_encoding, ()),
    f"encoding, {NAIVE}": (padded_encoding, (True,)),
    f"encoding, {FULL}": (padded_encoding, ("max_length",)),
}


def timed(work: str, texts: int, threads: int, seed: int) -> dict[str, Any]:
    """Time one row on some reviews, after a few that warm up."""
    model, tokenizer, train = bench.ready(threads)
    read = bench.drawn(train, texts, seed=seed).texts
    function, more = WORKS[work]
    function(model, tokenizer, read[:64], *more)
    began = time.perf_counter()
    function(model, tokenizer, read, *more)
    seconds = time.perf_counter() - began
    return {"tokens_per_s": bench.tokens_of(tokenizer, read) / seconds}


CASES: dict[str, bench.Case] = dict.fromkeys(WORKS, timed)


def whole(*, rounds: int, texts: int, only: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the record: every row, measured once a round."""

    def measure(name: str, turn: int) -> dict[str, Any]:
        asked: dict[str, Any] = {"work": name, "texts": texts, "threads": THREADS, "seed": turn}
        return bench.measured(__file__, name, **asked)

    names = [name for name in WORKS if not only or name in only]
    return bench.record(ABOUT, rows_of(bench.alternating(names, measure, rounds)))


def rows_of(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the record: medians, and ratios to the two padded loops."""
    for name, rows in found.items():
        speeds = bench.column(rows, "tokens_per_s")
        row = {"case": name, "rounds": len(rows), "texts": rows[0]["texts"], "threads": THREADS}
        row |= bench.spread(speeds, "tokens_per_s")
        for key, loop in (("ratio_to_naive", NAIVE), ("ratio_to_128", FULL)):
            others = found.get(f"{name.partition(',')[0]}, {loop}")
            row[key] = bench.ratio(speeds, others, "tokens_per_s")
        yield {**row, "peak_mb": statistics.median(bench.column(rows, "peak_mb"))}


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the record as a table in Markdown."""
    yield f"{bench.where(found)} Rounds: {found['rows'][0]['rounds']}."
    yield ""
    head = ("What", "tokens/s", "lowest–highest", "× naive", "× padded to 128", "peak MB")
    yield from bench.table(head, (cells(row) for row in found["rows"]))


def cells(row: Mapping[str, Any]) -> list[str]:
    """Return a row's cells."""
    ratios = [bench.figure(row[key], ".2f") for key in ("ratio_to_naive", "ratio_to_128")]
    return [row["case"], *bench.ends(row, "tokens_per_s"), *ratios, f"{row['peak_mb']:,.0f}"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = bench.options_of(NAME, argv, tuple(WORKS), rounds=5, texts=1024)

    def measure() -> dict[str, Any]:
        return whole(rounds=options.rounds, texts=options.texts, only=options.only)

    bench.run(NAME, CASES, options, measure, lines)


if __name__ == "__main__":
    main()
