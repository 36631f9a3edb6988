"""Whether `fit` learns as well as the Trainer: validation accuracy of paired seeds, with dropout.

    python benchmarks/equal_accuracy.py             measure the last study, print a table
    python benchmarks/equal_accuracy.py --study 1   the first; --write keeps the study's record

A pair is one seed: the same first weights, head and reviews (2,000 of the training split, one
epoch), trained in two ways; what is compared is the accuracy on the validation split. The margin
is 0.02. Equal means that the 95 % interval of the mean difference (Student's t) lies within the
margin on both sides.

The first study: seeds 0 to 4, `fit` against the Trainer with length grouping. Ten seeds had been
written down; for want of time they were cut to five before it was run. It was inconclusive (-0.010,
give or take 0.036), and is kept as it was measured, on two threads. The second was fixed after
that, and before it was run: the 40 seeds after those, judged alone, with the same margin, and
nothing is looked at before the last of them is trained. (The differences of the first had a
standard deviation of 0.029; 40 such pairs give an interval of 0.009 to either side.) It also trains
the ways that change the computation, on the first 20 of its seeds, against `fit`; there a
difference is a finding. No seeds are added after the second.

The third asks about bf16 alone, because attention computes its chances in fp32 since the second:
eight fresh seeds against `fit`, with the same margin, fixed before it was run. (The differences of
the second had a standard deviation of 0.001; eight such pairs give an interval of 0.001 to either
side.)

The fourth asks the same on a GPU: eight fresh seeds, bf16 and fp16 each against fp32, all on the
GPU, with the same margin, fixed before any of it was run.

Nothing is timed, so that as many trainings run side by side as there are cores, each on one thread.
About an hour on two idle cores for the second study, five minutes for each of the others.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, NamedTuple

import bench
import ways
from ways import GROUPED

NAME = "equal-accuracy"
MARGIN = 0.02
REVIEWS = 2000
ABLE = "able"


class Pairs(NamedTuple):
    """Two ways that are compared, and the seeds."""

    way: str
    against: str
    seeds: range


STUDIES = {
    1: (Pairs("fit", GROUPED, range(5)),),
    2: (
        Pairs("fit", GROUPED, range(5, 45)),
        Pairs("fit, token budget", "fit", range(5, 25)),
        Pairs("fit, embeddings frozen", "fit", range(5, 25)),
        Pairs("fit, bf16", "fit", range(5, 25)),
    ),
    3: (Pairs("fit, bf16", "fit", range(45, 53)),),
    4: (Pairs("fit, bf16", "fit", range(53, 61)), Pairs("fit, fp16", "fit", range(53, 61))),
}
ON_GPU = 4  # the study that runs on a GPU
ARMS = tuple(dict.fromkeys(arm for study in STUDIES.values() for p in study for arm in p[:2]))
ABOUT = (
    "Validation accuracy after one epoch of some reviews, with dropout, one thread. A pair is one "
    "seed: the same first weights and reviews, trained in both ways that the row names. accuracy "
    "and accuracy_of_other are means over seeds, half_width is half the 95 % interval (Student's "
    "t) of the mean difference, within_margin is 1 where all of that interval lies within the "
    "margin on both sides. The margin and the seeds were fixed before the run. The rows with a "
    "seed are the single trainings."
)
Trained = Mapping[tuple[str, int], Mapping[str, Any]]
"""What was measured, by way and seed."""


def accuracy(way: str, reviews: int, threads: int, seed: int) -> dict[str, Any]:
    """Train one way on some reviews and return its accuracy on the validation split."""
    import torch

    from illusionkit.models.encoders import classifier
    from illusionkit.training.book_model import splits
    from illusionkit.training.finetune import evaluate

    torch.set_num_threads(threads)
    parts, settings = splits(), ways.settings_of(bench.BATCH, seed)
    model, tokenizer = classifier(5, seed=seed)
    train = bench.drawn(parts["train"], reviews, seed=seed)
    ways.EVERY[way].train(model, tokenizer, train, settings)
    scores = evaluate(model, tokenizer, parts["validation"], replace(settings, precision="fp32"))
    return {"accuracy": float(scores["validation_accuracy"])}


CASES: dict[str, bench.Case] = {**dict.fromkeys(ARMS, accuracy), ABLE: ways.able}


def wanted(pairs: Iterable[Pairs]) -> list[tuple[str, int]]:
    """Return the trainings that some pairs need, each once, seed by seed."""
    needed = {(way, seed) for p in pairs for way in p[:2] for seed in p.seeds}
    return sorted(needed, key=lambda one: (one[1], ARMS.index(one[0])))


def whole(study: int, *, reviews: int) -> dict[str, Any]:
    """Return a study's record: its pairs of ways, then the single trainings."""
    gpu = study == ON_GPU
    if gpu:
        bench.require_gpu()
    able = gpu or bench.measured(__file__, ABLE)["bf16"]
    pairs = [p for p in STUDIES[study] if able or ways.EVERY[p.way].bits != 16]
    found = trained(wanted(pairs), reviews, gpu=gpu)
    return bench.record(ABOUT, [*rows_of(pairs, found), *single(found)], gpu=gpu)


def trained(needed: Sequence[tuple[str, int]], reviews: int, *, gpu: bool = False) -> Trained:
    """Train all that is needed, as many side by side as there are cores."""

    def one(number: int) -> dict[str, Any]:
        way, seed = needed[number]
        print(f"training {number + 1} of {len(needed)}: {way}, seed {seed}", file=sys.stderr)
        return bench.measured(
            __file__, way, gpu=gpu, way=way, reviews=reviews, threads=1, seed=seed
        )

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(needed, pool.map(one, range(len(needed))), strict=True))


def rows_of(study: Iterable[Pairs], found: Trained) -> Iterator[dict[str, Any]]:
    """Yield a row for two ways: the mean difference, its interval, whether that is small enough."""
    for way, against, seeds in study:
        rows = [found[way, seed] for seed in seeds]
        ours = bench.column(rows, "accuracy")
        theirs = bench.column([found[against, seed] for seed in seeds], "accuracy")
        mean, half = bench.interval([one - other for one, other in zip(ours, theirs, strict=True)])
        yield {
            "case": f"{way} against {against}", "seeds": len(rows), "reviews": rows[0]["reviews"],
            "accuracy": statistics.fmean(ours), "accuracy_of_other": statistics.fmean(theirs),
            "half_width": half, "margin": MARGIN, "within_margin": int(abs(mean) + half <= MARGIN),
            "peak_mb": statistics.median(bench.column(rows, "peak_mb")),
        }  # fmt: skip


def single(found: Trained) -> Iterator[dict[str, Any]]:
    """Yield the single trainings."""
    for (way, _), row in found.items():
        yield {"case": way, **{key: row[key] for key in ("seed", "reviews", "accuracy", "peak_mb")}}


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the record as a table in Markdown."""
    rows = [row for row in found["rows"] if "margin" in row]
    first = rows[0]
    yield (
        f"{bench.where(found)} {first['reviews']:,} reviews, one epoch; margin {first['margin']:g}."
    )
    yield ""
    head = ("Ways", "pairs", "accuracy", "of the other", "difference", "95 % interval",
            "within the margin")  # fmt: skip
    yield from bench.table(head, map(cells, rows))


def cells(row: Mapping[str, Any]) -> list[str]:
    """Return a row's cells."""
    ours, theirs, half = row["accuracy"], row["accuracy_of_other"], row["half_width"]
    mean = ours - theirs
    ends = f"{mean - half:+.4f} to {mean + half:+.4f}"
    told = [f"{ours:.3f}", f"{theirs:.3f}", f"{mean:+.4f}", ends]
    within = "yes" if row["within_margin"] else "no"
    return [row["case"], str(row["seeds"]), *told, within]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = bench.options_of(NAME, argv, reviews=REVIEWS, study=max({*STUDIES} - {ON_GPU}))
    if options.study not in STUDIES:
        raise SystemExit(f"There is no study {options.study}: ask for one of {list(STUDIES)}.")

    def measure() -> dict[str, Any]:
        return whole(options.study, reviews=options.reviews)

    bench.run(f"{NAME}-{options.study}", CASES, options, measure, lines)


if __name__ == "__main__":
    main()
