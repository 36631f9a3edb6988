"""The book's model made smaller: bytes, time, and the answers that change, by way of doing it.

    pip install --no-deps --target .torchao "torchao==0.18.0"    first, in the root: 28 MB
    python benchmarks/compression.py           measure, print a table
    python benchmarks/compression.py --write   keep the record, and the table in README.md

Time is that of the CPU, one thread: it says much the same on a machine that others use too. About
eight minutes of it. torchao stays in a folder of its own: where it is installed, transformers
loads it with every model, at a cost of seconds and with messages that a page would keep.

A short run had been seen (half pruned 25 % of the answers changed, int8 13 %, at accuracies .024
and .005 below). Expected of the whole, before it: the three layers come within .05 of the whole
model, and change more than a quarter of its answers. Two trainings that differ in their seed change
more answers than int8 does: who trains anew changes more than who makes it smaller.

Expected of torchao's int8, before it had read a review (made-up layers had been put through it,
for its form). It takes a scale for each row of a matrix and for each token, where torch's takes one
for a matrix and one for whatever is read at once. So, read in other batches, it disagrees with
itself in under 1 % of the answers. It changes fewer answers than torch's int8, under 3 %, as our
own rounding by such scales did, and comes within .01 of the accuracy of the model as trained.
Rival: another difference of the two libraries does it (torch's rounds inputs to 7 bits, and not
around 0). So torchao is also told to take one scale for a batch, all else equal: it disagrees with
itself in more than 2 % then. torch's with a scale for each row of a matrix does so in more than
3 %, since rows alone do not help; without it, in 8.9 % on the page. torchao's is not compiled here,
and slower than torch's.
"""

from __future__ import annotations

import io
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from typing import Any

import bench

NAME = "compression"
FOLDER = bench.ROOT / ".torchao"
THREADS = 1
KEPT_LAYERS = (0, 2, 4)
BATCH, RATE = 32, 1e-4
TORCH, TORCH_ROWS = "int8 by torch", "int8 by torch, a scale a row"
TORCHAO, TORCHAO_BATCH = "int8 by torchao", "int8 by torchao, a scale a batch"
WAYS = (
    "as trained", "half of the weights pruned", TORCH, TORCH_ROWS, TORCHAO, TORCHAO_BATCH,
    "three layers, distilled",
)  # fmt: skip
ABOUT = (
    "The book's fine-tuned model made smaller, on its 924 test reviews. megabytes (of 10^6 bytes) "
    "are those of the weights as they are stored, zipped of the same bytes under zlib at level 1; "
    "cpu_s is the CPU time of one thread for a thousand reviews, median of the rounds; "
    "times_faster compares it with the model as trained, as the median of the rounds' ratios. "
    "right is the accuracy; of all answers, changed differ from those of the model as trained, won "
    "are right now and were wrong, lost are wrong now and were right; itself differ from those of "
    "the same model when it reads the reviews seven at a time in an order drawn by lot (else it "
    "reads 32 of about one length). 'int8 by torch' is its dynamic quantisation, which is "
    "deprecated: one scale for a matrix, and one for all inputs of a batch; 'a scale a row' asks "
    "for one for each row of a matrix. 'int8 by torchao' is its successor, not compiled: a scale "
    "for each row of a matrix, and one for each token; 'a scale a batch' asks for one for all "
    "inputs of a batch, all else equal. 'three layers, distilled' keeps the first, third "
    "and fifth layer, and is trained for one epoch of some training reviews to give the "
    "probabilities of the model as trained, without labels. 'another seed': two "
    "trainings on the same few reviews, two epochs, that differ in their seed, and not the book's "
    "model, which was trained on five times as many; it has no bytes and no time of its own."
)


def halved(model: Any) -> None:
    """Set the half of each matrix that is nearest to 0 to 0."""
    from illusionkit.illusions.material.compressed import WAYS as KNOWN

    KNOWN["pruned"](model, 0.5)


def cut(model: Any) -> None:
    """Keep every second layer."""
    from torch import nn

    layers = model.bert.encoder.layer
    model.bert.encoder.layer = nn.ModuleList([layers[number] for number in KEPT_LAYERS])
    model.config.num_hidden_layers = len(KEPT_LAYERS)


def distilled(model: Any, reviews: int) -> None:
    """Cut, then train to give the probabilities of the whole model."""
    import numpy as np
    import torch

    from illusionkit.training.book_model import finetuned, splits
    from illusionkit.training.finetune import probabilities

    tuned, texts = finetuned(), bench.drawn(splits()["train"], reviews, seed=0).texts
    wanted = torch.tensor(probabilities(tuned.model, tuned.tokenizer, texts), dtype=torch.float32)
    cut(model)
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), RATE)
    model.train()
    for rows in np.split(np.arange(reviews), range(BATCH, reviews, BATCH)):
        batch = tuned.tokenizer(
            [texts[row] for row in rows], padding=True, truncation=True, max_length=128,
            return_tensors="pt",
        )  # fmt: skip
        torch.nn.functional.cross_entropy(model(**batch).logits, wanted[rows]).backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()


def by_torch(model: Any, *, rows: bool) -> Any:
    """Return the model with matrices in int8 by torch: one scale each, or one for each row."""
    import torch

    made = torch.ao.quantization
    wanted = {torch.nn.Linear: made.per_channel_dynamic_qconfig} if rows else {torch.nn.Linear}
    return made.quantize_dynamic(model, wanted, torch.qint8)


@contextmanager
def successor() -> Iterator[None]:
    """Let torchao be found inside the block. Raises SystemExit: it is not there."""
    if not (FOLDER / "torchao").is_dir():
        raise SystemExit(f"torchao is not in {FOLDER}: see the first lines of {__file__}.")
    sys.path.append(str(FOLDER))
    try:
        yield
    finally:
        sys.path.remove(str(FOLDER))


def by_torchao(model: Any, *, batch: bool) -> Any:
    """Return the model in int8 by torchao: a scale for each token, or one for all of a batch."""
    import torch

    with successor():
        import torchao.quantization as made

    scales = [made.PerTensor() if batch else made.PerRow(), made.PerRow()]  # of inputs, of matrices
    made.quantize_(model, made.Int8DynamicActivationInt8WeightConfig(granularity=scales))
    for layer in model.modules():
        if isinstance(layer, torch.nn.Linear):  # the kit's fast layers know 32 bits only
            layer.forward = partial(torch.nn.Linear.forward, layer)
    return model


def made(way: str, reviews: int) -> Any:
    """Return the book's model, made smaller in one of `WAYS`."""
    from illusionkit.illusions.material.compressed import smaller

    model = smaller("", 32)
    steps: dict[str, Callable[[], Any]] = {
        "half of the weights pruned": lambda: halved(model),
        TORCH: lambda: by_torch(model, rows=False),
        TORCH_ROWS: lambda: by_torch(model, rows=True),
        TORCHAO: lambda: by_torchao(model, batch=False),
        TORCHAO_BATCH: lambda: by_torchao(model, batch=True),
        "three layers, distilled": lambda: distilled(model, reviews),
    }
    return steps.get(way, lambda: None)() or model  # what is made in place returns nothing


def stored(model: Any) -> dict[str, float]:
    """Return the megabytes of a model's weights, and zipped."""
    import torch

    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    sizes = {"megabytes": file.getvalue(), "zipped": zlib.compress(file.getvalue(), 1)}
    return {name: len(written) / 1e6 for name, written in sizes.items()}


def answers(before: Any, after: Any, label: Any) -> dict[str, float]:
    """Return accuracy, and what changed, from two sets of answers to the same reviews."""
    was, is_now = before == label, after == label
    return {
        "right": float(is_now.mean()), "changed": float((before != after).mean()),
        "won": float((is_now & ~was).mean()), "lost": float((was & ~is_now).mean()),
    }  # fmt: skip


def in_sevens(model: Any, tokenizer: Any, texts: Sequence[str]) -> Any:
    """Return the class of each text, read seven at a time in an order drawn by lot."""
    import numpy as np
    import torch

    order, said = np.random.default_rng(0).permutation(len(texts)), np.empty(len(texts), dtype=int)
    for rows in np.split(order, range(7, len(order), 7)):
        batch = tokenizer(
            [texts[row] for row in rows], padding=True, truncation=True, max_length=128,
            return_tensors="pt",
        )  # fmt: skip
        with torch.inference_mode():
            said[rows] = model(**batch).logits.argmax(dim=1)
    return said


def way(way: str, reviews: int, threads: int, seed: int) -> dict[str, Any]:
    """Make the model smaller, and ask it about every test review."""
    import torch

    from illusionkit.illusions.material.compressed import pool, told
    from illusionkit.training.book_model import finetuned
    from illusionkit.training.finetune import probabilities

    torch.set_num_threads(threads)
    model, rows, tokenizer = made(way, reviews), pool("book"), finetuned().tokenizer
    texts = list(rows["text"])
    probabilities(model, tokenizer, texts[:BATCH])  # what is only done once
    began = time.process_time()
    said = probabilities(model, tokenizer, texts).argmax(axis=1)
    seconds = 1000 * (time.process_time() - began) / len(texts)
    changed = answers(told("book").argmax(axis=1), said, rows["label"].to_numpy())
    itself = float((in_sevens(model, tokenizer, texts) != said).mean())
    return {"cpu_s": seconds, **changed, "itself": itself, **stored(model)}


def seeds(reviews: int, threads: int, seed: int) -> dict[str, Any]:
    """Train twice on the same reviews, by the book's settings but for the seed."""
    import torch

    from illusionkit.illusions.material.compressed import pool
    from illusionkit.training.finetune import probabilities

    torch.set_num_threads(threads)
    rows, said = pool("book"), []
    for each in (seed, seed + 1):
        model, tokenizer = bench.trained(reviews, seed=each)
        said.append(probabilities(model, tokenizer, list(rows["text"])).argmax(axis=1))
    return answers(*said, rows["label"].to_numpy())


CASES: dict[str, bench.Case] = {"way": way, "seeds": seeds}


def whole(*, rounds: int, reviews: int, pairs: int) -> dict[str, Any]:
    """Return the record: each way, then so many pairs of trainings that differ in their seed."""
    with successor():
        torchao = version("torchao")

    def measure(way: str, turn: int) -> dict[str, Any]:
        more: dict[str, Any] = {"way": way, "reviews": reviews, "seed": turn}
        return bench.measured(__file__, "way", threads=THREADS, **more)

    found = bench.alternating(WAYS, measure, rounds)
    told = ("reviews", "right", "changed", "won", "lost", "peak_mb")
    rows = list(rows_of(found, (*told, "itself")))
    for turn in range(pairs):
        pair = bench.measured(__file__, "seeds", threads=THREADS, reviews=reviews, seed=2 * turn)
        rows.append({"case": "another seed", **{name: pair[name] for name in told}})
    record = bench.record(ABOUT, rows)
    record["versions"]["torchao"] = torchao
    return record


def rows_of(
    found: Mapping[str, Sequence[Mapping[str, Any]]], told: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Yield a row of each way."""
    slow = bench.column(found[WAYS[0]], "cpu_s")
    for name, rows in found.items():
        row = {"case": name, "rounds": len(rows)}
        row |= {key: rows[0][key] for key in ("megabytes", "zipped", *told)}
        row |= bench.spread(bench.column(rows, "cpu_s"), "cpu_s")
        row["times_faster"] = bench.paired_ratio(slow, bench.column(rows, "cpu_s"))
        yield row


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the record as a table in Markdown."""
    beside = f"With torchao {found['versions']['torchao']}."
    yield f"{bench.where(found)} {beside} CPU time, one thread; 924 test reviews."
    yield ""
    head = ("Way", "MB", "zipped", "CPU s a thousand", "lowest–highest", "× faster", "right")
    more = ("changed", "won", "lost", "itself")
    yield from bench.table((*head, *more), map(cells, found["rows"]))


def cells(row: Mapping[str, Any]) -> list[str]:
    """Return the cells of one way."""
    sizes = [bench.figure(row.get(name), ".1f") for name in ("megabytes", "zipped")]
    times = bench.ends(row, "cpu_s", ".1f") if "cpu_s" in row else ["", ""]
    faster = bench.figure(row.get("times_faster"), ".2f")
    shares = [f"{row[name]:.3f}" for name in ("right", "changed", "won", "lost")]
    itself = bench.figure(row.get("itself"), ".3f")
    return [row["case"], *sizes, *times, faster, *shares, itself]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    bench.main(NAME, argv, CASES, whole, lines, rounds=2, reviews=1500, pairs=1)


if __name__ == "__main__":
    main()
