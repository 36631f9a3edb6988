"""Maps of models that learned, and of one whose labels were shuffled: what tells them apart?

    python benchmarks/maps.py           measure, print a table
    python benchmarks/maps.py --write   keep the record, and the table in README.md

No seconds are told. About four minutes of CPU.

Three trainings on the same reviews: two that differ in their seed, and one whose labels were
shuffled. A map's three words win where their deletion lowers the right side's probability by more
than that of three random words, three draws. Expected, before any of it was measured: (1) judged by
itself the shuffled model wins more than three quarters, as the taught ones do; (2) judged by the
*other* taught model the taught one still wins more than three quarters, the shuffled one less than
.65; (3) maps of the two taught models correlate by more than .3, those of a taught and of the
shuffled one by less than .2; (4) by a list of sentiment words the shuffled one wins less than .6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import bench

NAME = "maps"
THREADS, WORDS, DRAWS = 1, 3, 3
KINDS = ("taught", "taught again", "shuffled")
ABOUT = (
    "Integrated gradients of three classifiers that learned from the same few reviews, on short "
    "test reviews. 'taught again' differs in its seed; the labels of 'shuffled' were permuted. "
    "right is the accuracy on all test reviews. own, other and listed are shares of comparisons "
    "that the map's three words win over three random words: by deletion, judged by the model "
    "itself; by deletion, judged by a taught model of another seed; by a list of sentiment words. "
    "_half is half of a 95 % interval over the reviews. fall is by how much the right side's "
    "probability falls without the map's words. alike is the mean rank correlation with the map of "
    "the taught model of another seed, methods that of integrated gradients and occlusion."
)


def three(reviews: int, asked: int, threads: int, seed: int) -> dict[str, Any]:
    """Train the three, draw their maps, and test them."""
    import torch

    from illusionkit.illusions.material import attributed, map_tests

    torch.set_num_threads(threads)
    models = {
        kind: bench.trained(reviews, seed=place, shuffled=kind == "shuffled")[0]
        for place, kind in enumerate(KINDS)
    }
    rows = map_tests.asked("book").sample(asked, random_state=0)
    texts, sides = list(rows["text"]), list(map(int, rows["side"]))
    drawn = {
        kind: [each.words for each in attributed.maps(model, texts, sides)]
        for kind, model in models.items()
    }
    return {"rows": [row(kind, models, drawn, texts, sides) for kind in KINDS]}


def row(
    kind: str, models: Mapping[str, Any], drawn: Mapping[str, Any], texts: list[str],
    sides: list[int],
) -> dict[str, Any]:  # fmt: skip
    """Return what the tests say of one model's maps."""
    from illusionkit.illusions.material import attributed, map_tests

    other = KINDS[1] if kind != KINDS[1] else KINDS[0]
    words = [map_tests.top(numbers, WORDS) for numbers in drawn[kind]]
    own, judged = (falls(models[judge], words, texts, sides) for judge in (kind, other))
    on = [map_tests.listed(text) for text in texts]
    listed = [map_tests.against_random(*pair) for pair in zip(on, words, strict=True)]
    occluded = attributed.maps(models[kind], texts, sides, attributed.METHODS[2])
    return {
        "case": kind, "right": right(models[kind]), "fall": float(own[:, 0].mean()),
        **shared("own", map_tests.by_deletion(own)), **shared("listed", listed),
        **shared("other", map_tests.by_deletion(judged)),
        "alike": map_tests.alike(drawn[kind], drawn[other]),
        "methods": map_tests.alike(drawn[kind], [each.words for each in occluded]),
    }  # fmt: skip


def falls(judge: Any, words: Sequence[Any], texts: Sequence[str], sides: Sequence[int]) -> Any:
    """Return how far the right side falls without some words, and without random ones."""
    import numpy as np

    from illusionkit.illusions.material import map_tests
    from illusionkit.illusions.material.map_readers import book_model, side
    from illusionkit.training.finetune import probabilities

    cut = map_tests.cuts(texts, words, DRAWS, 0)
    told = probabilities(judge, book_model().tokenizer, cut)
    return map_tests.falls(side(told, np.repeat(sides, DRAWS + 2)), DRAWS)


def shared(name: str, won: Any) -> dict[str, float]:
    """Return the mean of shares, and half of its 95 % interval."""
    import numpy as np

    won = np.asarray(won, dtype=float)
    return {
        name: float(won.mean()),
        f"{name}_half": float(1.96 * won.std(ddof=1) / len(won) ** 0.5),
    }


def right(model: Any) -> float:
    """Return the accuracy on the test reviews."""
    from illusionkit.illusions.material.compressed import pool
    from illusionkit.illusions.material.map_readers import book_model
    from illusionkit.training.finetune import probabilities

    rows = pool("book")
    said = probabilities(model, book_model().tokenizer, list(rows["text"])).argmax(axis=1)
    return float((said == rows["label"].to_numpy()).mean())


CASES: dict[str, bench.Case] = {"three": three}


def whole(*, reviews: int, asked: int) -> dict[str, Any]:
    """Return the record of the three models."""
    found = bench.measured(__file__, "three", threads=THREADS, reviews=reviews, asked=asked, seed=0)
    rows = [
        {**each, "reviews": reviews, "asked": asked, "peak_mb": found["peak_mb"]}
        for each in found["rows"]
    ]
    return bench.record(ABOUT, rows)


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the record as a table in Markdown."""
    yield f"{bench.where(found)} {found['rows'][0]['asked']} short test reviews."
    yield ""
    shares = ("own", "other", "listed")
    head = ("Model", "right", *shares, "fall", "alike", "methods")
    yield from bench.table(head, (cells(row, shares) for row in found["rows"]))


def cells(row: Mapping[str, Any], shares: Sequence[str]) -> list[str]:
    """Return the cells of one model."""
    with_ends = [f"{row[name]:.2f} ± {row[f'{name}_half']:.2f}" for name in shares]
    others = [f"{row[name]:.3f}" for name in ("fall", "alike", "methods")]
    return [row["case"], f"{row['right']:.3f}", *with_ends, *others]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    bench.main(NAME, argv, CASES, whole, lines, reviews=1500, asked=100)


if __name__ == "__main__":
    main()
