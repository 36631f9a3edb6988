"""Four tools, one task: losses, seconds and memory, and what a tool does where nothing is said.

    make tools                            all of it, in an environment that has TensorFlow
    python benchmarks/tools.py            measure, print a table
    python benchmarks/tools.py --write    keep the record, and the table in README.md

The task is in `illusionkit.illusions.material.one_task`: a linear probe on frozen features, and the
encoder's last layer. About three minutes of CPU on one thread.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import bench

NAME = "tools"
TOOLS = ("PyTorch", "Trainer", "TensorFlow", "TensorBoard")
TASKS = ("probe", "fine-tuning")
ABOUT = (
    "One task in each tool, on one thread, in a process of its own: 'probe' is a linear probe on "
    "frozen features, 50 steps of plain SGD; 'fine-tuning' the encoder's last layer under a head, "
    "20 steps; TensorBoard is PyTorch with a log of every loss. loss_01 and so on are the losses "
    "of the steps, in nats; cpu_seconds and seconds those of the steps, after two steps that are "
    "not counted, on a machine that was busy with other work; import_seconds those of the CPU "
    "until the tool is there; peak_mb the process's peak. 'untold' is the probe where nothing but "
    "the batch is said, one row a seed: mean_loss is what the tool says of its epoch, after what "
    "the same rows lose at its end, judged_loss and accuracy those of 1,000 other reviews. "
    "'validation_split' is Keras's, on rows that stand sorted by class; 'from_logits' Keras's loss "
    "by its name, on scores."
)


def material(folder: str, threads: int) -> dict[str, Any]:
    """Write the task into a folder: rows, states, weights."""
    import numpy as np
    import torch

    from illusionkit.illusions.material import one_task

    torch.set_num_threads(threads)
    rows, judged = one_task.reviews()
    np.savez(f"{folder}/probe", *rows)
    np.savez(f"{folder}/judged", *judged)
    np.savez(f"{folder}/fine-tuning", *one_task.states())
    np.savez(f"{folder}/weights", **one_task.last_layer())
    return {"reviews": len(rows.labels)}


def read(folder: str, name: str) -> dict[str, Any]:
    """Return the arrays of a file that `material` wrote."""
    import numpy as np

    with np.load(f"{folder}/{name}.npz") as kept:
        return dict(kept)


def module(tool: str) -> Any:
    """Return the task's module in a tool, the tool itself loaded, on one thread."""
    from importlib import import_module

    if tool == "TensorFlow":
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    else:
        import torch

        torch.set_num_threads(1)
    if tool == "Trainer":
        from transformers import Trainer as _
    if tool == "TensorBoard":
        from torch.utils.tensorboard import SummaryWriter as _  # noqa: F401
    return import_module(f"illusionkit.illusions.material.in_{tool.lower()}")


def trained(tool: str, task: str, folder: str, threads: int) -> dict[str, Any]:
    """Train by a tool and return the losses, and what it took."""
    began = time.process_time()
    train = module(tool).train
    loaded = time.process_time() - began
    made = module("TensorFlow" if tool == "TensorFlow" else "PyTorch")
    from illusionkit.illusions.material import one_task

    arrays = list(read(folder, task).values())
    rows = made.tensors(*arrays)
    batch = one_task.BATCH if task == "probe" else one_task.TUNED_BATCH
    few = [each[: 2 * batch] for each in rows]
    for given in (few, rows):
        model = model_of(made, task, folder)
        clock, cpu = time.perf_counter(), time.process_time()
        losses = train(model, given, one_task.RATE, batch)
        took = {"seconds": time.perf_counter() - clock, "cpu_seconds": time.process_time() - cpu}
    return {"losses": losses, "import_seconds": loaded, **took}


def model_of(made: Any, task: str, folder: str) -> Any:
    """Return what a task trains, with its first weights."""
    from illusionkit.illusions.material import one_task

    if task == "probe":
        return made.probe(384, one_task.CLASSES)
    return made.last_layer(read(folder, "weights"))


def untold(tool: str, folder: str, seeds: int, threads: int) -> dict[str, Any]:
    """Train the probe by a tool that is told the batch and nothing else, once for each seed."""
    from illusionkit.illusions.material import one_task

    made = module(tool)
    rows, judged = (one_task.Rows(*read(folder, name).values()) for name in ("probe", "judged"))
    found = []
    for seed in range(seeds):
        held, losses, said = UNTOLD[tool](made, rows, seed)
        score = one_task.judged(*held, judged)
        row = {"seed": seed, "mean_loss": said, "after": one_task.judged(*held, rows)[0]}
        found.append({**row, "judged_loss": score[0], "accuracy": score[1], **named(losses)})
    return {"runs": found}


def by_pytorch(made: Any, rows: Any, seed: int) -> tuple[Any, list[float], float]:
    """Return a probe's weights, its losses, and the mean that a loop of one's own would print."""
    import torch

    from illusionkit.illusions.material import one_task

    torch.manual_seed(seed)
    head, losses = made.untold(made.tensors(*rows), one_task.BATCH, one_task.CLASSES)
    return made.held(head), losses, statistics.fmean(losses)


def by_trainer(made: Any, rows: Any, seed: int) -> tuple[Any, list[float], float]:
    """Return a probe's weights, its losses, and what the `Trainer` says of them."""
    from illusionkit.illusions.material import in_pytorch, one_task

    asked = {"per_device_train_batch_size": one_task.BATCH, "seed": seed}
    head, losses, log = made.untold(in_pytorch.tensors(*rows), one_task.CLASSES, **asked)
    return in_pytorch.held(head), losses, log[-1]["train_loss"]


def by_tensorflow(made: Any, rows: Any, seed: int) -> tuple[Any, list[float], float]:
    """Return a probe's weights, its losses, and what Keras says of them."""
    import tensorflow as tf

    tf.keras.utils.set_random_seed(seed)
    head, losses, log = made.untold(rows)
    return made.held(head), losses, log["loss"][0]


UNTOLD = {"PyTorch": by_pytorch, "Trainer": by_trainer, "TensorFlow": by_tensorflow}


def keras(folder: str, threads: int) -> dict[str, Any]:
    """Ask Keras for a part to validate on, of sorted rows, and for a loss by its name."""
    import numpy as np
    import tensorflow as tf

    from illusionkit.illusions.material import one_task

    made = module("TensorFlow")
    rows, judged = (one_task.Rows(*read(folder, name).values()) for name in ("probe", "judged"))
    table = one_task.by_class(rows)
    tf.keras.utils.set_random_seed(0)
    head, _, log = made.untold(table, validation_split=0.2)
    kept = table.labels[int(len(table.labels) * 0.8) :]
    _, accuracy = one_task.judged(*made.held(head), judged)
    unsaid, told = made.unsaid(rows)
    return {
        "split": {
            "rows": len(kept), "classes": len(np.unique(kept)),
            "validation_accuracy": log["val_accuracy"][0], "accuracy": accuracy,
        },
        "scores": {
            "mean_loss": told["loss"][0],
            "accuracy": one_task.judged(*made.held(unsaid), judged)[1],
        },
    }  # fmt: skip


CASES: dict[str, bench.Case] = {
    "material": material, "trained": trained, "untold": untold, "keras": keras,
}  # fmt: skip


def whole(*, rounds: int, seeds: int) -> dict[str, Any]:
    """Return the record: every tool on both tasks, and what they do untold."""
    tools = require_tools()
    with tempfile.TemporaryDirectory() as folder:
        rows = list(measured_rows(folder, rounds, seeds))
    found = bench.record(ABOUT, rows)
    for kept, row in zip(found["rows"], rows, strict=True):  # of a loss every figure counts
        kept.update({name: row[name] for name in row if name.startswith("loss_")})
    found["versions"] |= tools
    return found


def require_tools() -> dict[str, str]:
    """Return the versions of the tools. Raises SystemExit: TensorFlow is not there."""
    try:
        others = {name: version(name) for name in ("tensorboard", "keras")}
        return {**others, "tensorflow": version(tensorflow())}
    except PackageNotFoundError as error:
        raise SystemExit("TensorFlow is not installed here: run `make tools`.") from error


def tensorflow() -> str:
    """Return under which of its names TensorFlow is installed."""
    try:
        version("tensorflow-cpu")
    except PackageNotFoundError:
        return "tensorflow"
    return "tensorflow-cpu"


def measured_rows(folder: str, rounds: int, seeds: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of the record."""
    asked: dict[str, Any] = {"folder": folder, "threads": 1}
    bench.measured(__file__, "material", **asked)
    keys = [(task, tool) for task in TASKS for tool in TOOLS]

    def one(key: tuple[str, str], _: int) -> dict[str, Any]:
        return bench.measured(__file__, "trained", **asked, task=key[0], tool=key[1])

    for (task, tool), times in bench.alternating(keys, one, rounds).items():
        row = {"case": f"{task}, {tool}", "rounds": rounds, "steps": len(times[0]["losses"])}
        for name in ("cpu_seconds", "seconds", "import_seconds"):
            row |= bench.spread(bench.column(times, name), name)
        peak = statistics.median(bench.column(times, "peak_mb"))
        yield {**row, "peak_mb": peak, **named(times[0]["losses"])}
    for tool in UNTOLD:
        said = bench.measured(__file__, "untold", **asked, tool=tool, seeds=seeds)
        for run in said["runs"]:
            yield {"case": f"untold, {tool}", **run, "peak_mb": said["peak_mb"]}
    said = bench.measured(__file__, "keras", **asked)
    for case, name in (("validation_split", "split"), ("from_logits", "scores")):
        yield {"case": case, **said[name], "peak_mb": said["peak_mb"]}


def named(losses: Sequence[float]) -> dict[str, float]:
    """Return losses by the numbers of their steps."""
    return {f"loss_{step:02}": loss for step, loss in enumerate(losses, 1)}


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the record as a table in Markdown."""
    known = found["versions"]
    more = ", ".join(f"{name} {known[name]}" for name in ("tensorflow", "keras", "tensorboard"))
    yield f"{bench.where(found)[:-1]}, {more}. One thread."
    yield ""
    rows = {row["case"]: row for row in found["rows"]}
    head = ("Task, tool", "steps", "CPU s", "lowest–highest", "clock s", "CPU s to import")
    told = (cells(rows[f"{task}, {tool}"], rows) for task in TASKS for tool in TOOLS)
    yield from bench.table((*head, "peak MB", "furthest from PyTorch"), told)


def cells(row: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the cells of a tool on a task."""
    from illusionkit.illusions.material.one_task import steps_of

    task = row["case"].split(",")[0]
    pairs = zip(steps_of(row), steps_of(rows[f"{task}, PyTorch"]), strict=True)
    far = max(abs(one - other) for one, other in pairs)
    took = bench.ends(row, "cpu_seconds", ".3f")
    more = [f"{row['seconds']:.3f}", f"{row['import_seconds']:.1f}", f"{row['peak_mb']:,.0f}"]
    return [row["case"], str(row["steps"]), *took, *more, f"{far:.1e}" if far else "0"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    bench.main(NAME, argv, CASES, whole, lines, rounds=2, seeds=5)


if __name__ == "__main__":
    main()
