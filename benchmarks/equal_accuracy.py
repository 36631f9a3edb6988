"""Whether `fit` learns as well as the Trainer: validation accuracy of paired seeds, with dropout.

    python benchmarks/equal_accuracy.py           measure, print a table
    python benchmarks/equal_accuracy.py --write   keep the record, and the table in README.md

Fixed before anything was measured. A pair is one seed: the same first weights, head and reviews
(2,000 of the training split, one epoch), trained by `fit` and by the Trainer with length grouping;
what is compared is the accuracy on the validation split. The margin is 0.02, five seeds. Equal
means that the 95 % interval of the mean difference (Student's t) lies within the margin on both
sides. The ways that change the computation are judged in the same manner; there the difference is
a finding. About 25 minutes on two idle cores, five with `--only fit`.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import bench
import ways
from ways import GROUPED, WAYS

NAME = "equal-accuracy"
THREADS = min(2, os.cpu_count() or 1)
MARGIN = 0.02
SEEDS = 5
REVIEWS = 2000
ABLE = "able"
ARMS = (GROUPED, "fit", "fit, token budget", "fit, embeddings frozen", "fit, bf16")
ABOUT = (
    "Validation accuracy after one epoch of some reviews, with dropout. A pair is one seed: the "
    "same first weights and reviews, trained by the row's way and by the Trainer with length "
    "grouping. accuracy and accuracy_of_trainer are means over seeds, half_width is half the 95 % "
    "interval (Student's t) of the mean difference, within_margin is 1 where all of that interval "
    "lies within the margin, which was fixed beforehand, on both sides. The rows with a seed are "
    "the single trainings."
)


def accuracy(way: str, reviews: int, threads: int, seed: int) -> dict[str, Any]:
    """Train one way on some reviews and return its accuracy on the validation split."""
    import torch

    from illusionkit.finetune import evaluate
    from illusionkit.finetuned import splits
    from illusionkit.models import classifier

    torch.set_num_threads(threads)
    parts, settings = splits(), ways.settings_of(bench.BATCH, seed)
    model, tokenizer = classifier(5, seed=seed)
    WAYS[way].train(model, tokenizer, bench.drawn(parts["train"], reviews, seed=seed), settings)
    scores = evaluate(model, tokenizer, parts["validation"], replace(settings, precision="fp32"))
    return {"accuracy": float(scores["validation_accuracy"])}


CASES: dict[str, bench.Case] = {**dict.fromkeys(ARMS, accuracy), ABLE: ways.able}


def whole(*, seeds: int, reviews: int, only: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the record: every way against the grouped Trainer, then the single trainings."""

    def measure(way: str, seed: int) -> dict[str, Any]:
        asked: dict[str, Any] = {"way": way, "reviews": reviews, "threads": THREADS, "seed": seed}
        return bench.measured(__file__, way, **asked)

    arms = [arm for arm in ARMS if not only or arm in only or arm == GROUPED]
    if not bench.measured(__file__, ABLE)["bf16"]:
        arms = [arm for arm in arms if WAYS[arm].bits != 16]
    found = bench.alternating(arms, measure, seeds)
    return bench.record(ABOUT, [*rows_of(found), *seed_rows(found)])


def rows_of(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Yield one row a way: the mean difference, its interval, and whether that is small enough."""
    theirs = bench.column(found[GROUPED], "accuracy")
    for way, rows in found.items():
        if way == GROUPED:
            continue
        ours = bench.column(rows, "accuracy")
        mean, half = bench.interval([one - other for one, other in zip(ours, theirs, strict=True)])
        yield {
            "case": f"{way} against {GROUPED}", "seeds": len(rows), "reviews": rows[0]["reviews"],
            "accuracy": statistics.fmean(ours), "accuracy_of_trainer": statistics.fmean(theirs),
            "half_width": half, "margin": MARGIN, "within_margin": int(abs(mean) + half <= MARGIN),
            "peak_mb": statistics.median(bench.column(rows, "peak_mb")),
        }  # fmt: skip


def seed_rows(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Yield the single trainings."""
    for way, rows in found.items():
        for row in rows:
            kept = {key: row[key] for key in ("seed", "reviews", "accuracy", "peak_mb")}
            yield {"case": way, **kept}


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the record as a table in Markdown."""
    rows = [row for row in found["rows"] if "margin" in row]
    first = rows[0]
    yield (
        f"{bench.where(found)} {first['seeds']} pairs, {first['reviews']:,} reviews, one epoch; "
        f"margin {first['margin']:g}."
    )
    yield ""
    head = (
        "Pair",
        "accuracy",
        "of the Trainer",
        "difference",
        "95 % interval",
        "within the margin",
    )
    yield from bench.table(head, map(cells, rows))


def cells(row: Mapping[str, Any]) -> list[str]:
    """Return a row's cells."""
    ours, theirs, half = row["accuracy"], row["accuracy_of_trainer"], row["half_width"]
    mean = ours - theirs
    told = [
        f"{ours:.3f}",
        f"{theirs:.3f}",
        f"{mean:+.3f}",
        f"{mean - half:+.3f} to {mean + half:+.3f}",
    ]
    return [row["case"], *told, "yes" if row["within_margin"] else "no"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = bench.options_of(NAME, argv, ARMS, seeds=SEEDS, reviews=REVIEWS)

    def measure() -> dict[str, Any]:
        return whole(seeds=options.seeds, reviews=options.reviews, only=options.only)

    bench.run(NAME, CASES, options, measure, lines)


if __name__ == "__main__":
    main()
