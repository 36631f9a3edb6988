"""Tokens per second of fine-tuning: the kit's `fit` against the Transformers `Trainer`.

    python benchmarks/finetune.py                  measure all, print a table
    python benchmarks/finetune.py --json           the same, as JSON
    python benchmarks/finetune.py --write          keep the record, and the table in README.md
    python benchmarks/finetune.py --table          only write that table anew, from the record
    python benchmarks/finetune.py --only fit --only Trainer --rounds 1 --steps 4

Every row is measured once a round, in a process of its own; rows are compared within a round. All
rows but those of `OFTEN` take part in the first rounds only (``--others``). The ways to train stand
in `ways.py`. Timings want an idle machine: about 55 minutes on two cores.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import bench
import limit
import ways
from ways import FIT, FIT_BF16, GROUPED, GROUPED_BF16, TRAINER, WAYS

NAME = "finetune"
LISTING, LIMIT, ABLE = "the document's listing", "limit", "able"
THREADS = min(2, os.cpu_count() or 1)
LISTED_STEPS, LISTED_TEXTS = 3, 64
WARM = 3  # batches of the training that warms the process up
ROWS = (*WAYS, LISTING)
OFTEN = (LIMIT, TRAINER, GROUPED, FIT, GROUPED_BF16, FIT_BF16)  # measured in every round
STEPS = 200
"""An epoch, in batches: as many as the Trainer needs to sort by length within its largest pools,
of 50 batches. In a shorter one they are smaller (a quarter of it), and it pads more than in use."""
ABOUT = (
    "Real tokens (padding not counted) of the training steps, per second; loading, tokenising and "
    "scoring are not timed. Every row trains the packaged encoder for one epoch on the same "
    "reviews, drawn at random: 32 a batch, cut at 128 tokens, dropout as the model has it, AdamW, "
    "clipping at 1, a linear schedule with warm-up, as many updates; after a short training that "
    "warms up. Each row in a process of its own, once a round, the order alternating; some rows "
    "in the first rounds only, see rounds. Ratios are medians of the rounds' ratios. "
    "ratio_to_trainer: to the Trainer with its defaults, in fp32. "
    "ratio_to_grouped: to the Trainer with length grouping, in the row's own precision. The limit "
    "is the rate of matrix products of the model's own shapes in fp32, forward and backward, each "
    "by the faster of torch.mm and oneDNN, measured in every round; share_of_limit is 6 times the "
    "parameters outside the embeddings times tokens per second, over that rate, and share_of_mm "
    "over the rate of torch.mm alone. The document's listing is extrapolated: a few training "
    "steps, and the scoring of a part of the test set, scaled to all of it after every step."
)


def timed(way: str, steps: int, threads: int, seed: int) -> dict[str, Any]:
    """Time one way to train on ``steps`` batches of reviews, after a short training."""
    model, tokenizer, train = bench.ready(threads)
    settings, run = ways.settings_of(bench.BATCH, seed), WAYS[way].train
    reviews = bench.drawn(train, steps * bench.BATCH, seed=seed)
    others = bench.drawn(train, min(WARM, steps) * bench.BATCH, seed=seed + 1)
    run(model, tokenizer, others, settings)
    with ways.clocked(model) as clock:
        run(model, tokenizer, reviews, settings)
    if len(clock.stamps) != steps and not WAYS[way].changes:
        raise SystemExit(f"{way} made {len(clock.stamps)} updates, not {steps}.")
    tokens = bench.tokens_of(tokenizer, reviews.texts)
    return {"updates": len(clock.stamps), "tokens": tokens, "tokens_per_s": tokens / clock.seconds}


def listing(steps: int, threads: int, seed: int) -> dict[str, Any]:
    """Time the document's listing on a part, and scale it to the whole test set a step."""
    import torch

    from illusionkit.training.book_model import splits

    model, tokenizer, train = bench.ready(threads)
    test, some = splits()["test"], min(steps, LISTED_STEPS)
    reviews = bench.drawn(train, some * bench.BATCH, seed=seed)
    scored = bench.drawn(test, LISTED_TEXTS, seed=seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    spent = {"training": 0.0, "scoring": 0.0}
    model.train()
    for batch in padded(tokenizer, reviews):
        began = time.perf_counter()
        loss = model(**batch).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        middle = time.perf_counter()
        model.eval()  # the listing never goes back to training mode
        for judged in padded(tokenizer, scored):
            with torch.no_grad():
                loss = model(**judged).loss
        spent["training"] += middle - began
        spent["scoring"] += time.perf_counter() - middle
    seconds = spent["training"] + spent["scoring"] * len(test) / len(scored)
    tokens = bench.tokens_of(tokenizer, reviews.texts)
    return {"updates": some, "tokens": tokens, "tokens_per_s": tokens / seconds, "extrapolated": 1}


def padded(tokenizer: Any, split: Any) -> Iterator[dict[str, Any]]:
    """Yield batches in file order, padded to 128 tokens, as the listing reads them."""
    import torch

    for start in range(0, len(split), bench.BATCH):
        rows = slice(start, start + bench.BATCH)
        batch = tokenizer(
            split.texts[rows], truncation=True, padding="max_length", max_length=128,
            return_tensors="pt",
        )  # fmt: skip
        yield {**batch, "labels": torch.tensor(split.labels[rows])}


CASES: dict[str, bench.Case] = {
    **dict.fromkeys(WAYS, timed), LISTING: listing, LIMIT: limit.rate, ABLE: ways.able
}  # fmt: skip


def measured(name: str, turn: int, steps: int) -> dict[str, Any]:
    """Measure a row in a process of its own; one that may fail and does is empty."""
    asked: dict[str, Any] = {"steps": steps, "threads": THREADS, "seed": turn}
    if name in WAYS:
        asked["way"] = name
    try:
        return bench.measured(__file__, name, **asked)
    except bench.CaseFailed as error:
        if name in WAYS and WAYS[name].optional:
            print(error, file=sys.stderr)
            return {}
        raise


def chosen(only: Sequence[str] | None) -> list[str]:
    """Return the rows to measure, without those in bf16 where the CPU lacks it."""
    names = [name for name in ROWS if not only or name in only]
    needs = [name for name in names if name in WAYS and WAYS[name].bits == 16]
    if needs and not bench.measured(__file__, ABLE)["bf16"]:
        names = [name for name in names if name not in needs]
    return names


def whole(
    *, rounds: int, steps: int, others: int, only: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return the record: every row, and the limit, each measured once a round.

    The rows that are not in `OFTEN` take part in the first ``others`` rounds only.
    """
    names = chosen(only)
    found = bench.alternating(
        [LIMIT, *names],
        lambda name, turn: measured(name, turn, steps),
        rounds,
        {name: max(1, others) for name in names if name not in OFTEN},
    )
    lost = [name for name, rows in found.items() if not all(rows)]
    missing = [name for name in ROWS if name in lost or (not only and name not in names)]
    about = ABOUT + "".join(f" '{name}' can't run on this machine." for name in missing)
    return bench.record(about, rows_of({k: v for k, v in found.items() if k not in lost}))


def rows_of(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Yield a row of the record for the limit, and for each way that was measured."""
    for name, rows in found.items():
        paired = {key: measured[: len(rows)] for key, measured in found.items()}  # the same rounds
        rates = paired[LIMIT]
        row = {"case": name, "rounds": len(rows), "threads": rows[0]["threads"]}
        row["peak_mb"] = statistics.median(bench.column(rows, "peak_mb"))
        if name == LIMIT:
            for key in ("operations_per_s", "operations_per_s_mm"):
                row |= bench.spread(bench.column(rows, key), key)
            yield {**row, "parameters": rows[0]["parameters"]}
            continue
        bits = WAYS[name].bits if name in WAYS else 32
        row |= {"batch": bench.BATCH, "bits": bits, "extrapolated": rows[0].get("extrapolated", 0)}
        row |= {"updates": rows[0]["updates"]}
        speeds = bench.column(rows, "tokens_per_s")
        row |= bench.spread(speeds, "tokens_per_s")
        against = {"ratio_to_trainer": TRAINER, "ratio_to_grouped": ways.grouped_in(bits)}
        for key, other in against.items():
            row[key] = bench.ratio(speeds, paired.get(other), "tokens_per_s")
        for key, rate in (("limit", "operations_per_s"), ("mm", "operations_per_s_mm")):
            work = [6 * rates[0]["parameters"] * speed for speed in speeds]
            share = bench.paired_ratio(work, bench.column(rates, rate))
            row[f"share_of_{key}"] = share if bits == 32 else None
        yield row


def shown(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record in the form that ``--json`` prints."""
    keys = ("ratio_to_trainer", "ratio_to_grouped", "share_of_limit", "peak_mb")
    rows = []
    for row in found["rows"][1:]:  # the first is the limit
        ends = {"median": "", "min": "_lowest", "max": "_highest"}
        speeds = {key: row[f"tokens_per_s{end}"] for key, end in ends.items()}
        told = {"name": row["case"], "precision": "fp32" if row["bits"] == 32 else "bf16"}
        told |= {"tokens_per_s": speeds, **{key: row[key] for key in keys}}
        rows.append({**told, "extrapolated": True} if row["extrapolated"] else told)
    return {"machine": found["machine"], "rows": rows}


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the record as a table in Markdown."""
    updates = max(row["updates"] for row in found["rows"][1:])
    yield f"{bench.where(found)} An epoch: {updates} batches."
    yield ""
    head = ("Way to train", "rounds", "tokens/s", "lowest–highest", "× Trainer", "× grouped")
    rates, *rows = found["rows"]
    yield from bench.table(
        (*head, "of the limit", "of torch.mm", "peak MB"), (cells(row) for row in rows)
    )
    best, mm = (rates[f"operations_per_s{end}"] / 1e9 for end in ("", "_mm"))
    yield ""
    yield f"The limit: {best:.0f} billion operations a second in fp32; by torch.mm alone {mm:.0f}."


def cells(row: Mapping[str, Any]) -> list[str]:
    """Return a row's cells."""
    name = row["case"] + (" (extrapolated)" if row["extrapolated"] else "")
    ratios = [bench.figure(row[key], ".2f") for key in ("ratio_to_trainer", "ratio_to_grouped")]
    shares = [bench.figure(row[key], ".0%") for key in ("share_of_limit", "share_of_mm")]
    told = [name, str(row["rounds"]), *bench.ends(row, "tokens_per_s"), *ratios, *shares]
    return [*told, f"{row['peak_mb']:,.0f}"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = bench.options_of(NAME, argv, ROWS, rounds=5, others=2, steps=STEPS)

    def measure() -> dict[str, Any]:
        rounds, others, steps = options.rounds, options.others, options.steps
        return whole(rounds=rounds, others=others, steps=steps, only=options.only)

    bench.run(NAME, CASES, options, measure, lines, shown)


if __name__ == "__main__":
    main()
