"""What the benchmark programs share: cases in processes of their own, rounds, and records.

A program lists its cases, measures them in rounds (`alternating`), and makes a record of what they
said (`record`, `write`) and a table of that in README.md (`tell`). Nothing large is imported up
here: on Linux a child process starts with the peak of the process that started it, so a fat parent
would be counted into every small case.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

Case = Callable[..., "dict[str, Any] | None"]
Key = TypeVar("Key")

BATCH = 32
LIBRARIES = ("torch", "transformers", "accelerate", "numpy", "tokenizers")
README = Path(__file__).with_name("README.md")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the kit that stands beside is measured, not one that is installed
ON_CPU = "ACCELERATE_USE_CPU"
QUIET = {
    "ILLUSIONKIT_STRICT": "1",  # no progress bars
    "TOKENIZERS_PARALLELISM": "false",
    ON_CPU: "true",
}


class CaseFailed(SystemExit):
    """A case ended with an error; the message holds the case's own."""


def measured(
    program: str, case: str, *, launcher: Sequence[str] = (), gpu: bool = False, **asked: Any
) -> dict[str, Any]:
    """Run one case of a program in a fresh process and return what it says, with what was asked.

    ``threads`` (among what is asked) bounds the threads of its libraries. ``launcher`` stands in
    place of the Python that runs the program; ``gpu`` lets it use a GPU.

    Raises
    ------
    CaseFailed
        The case ended with an error.
    """
    env = {**os.environ, **QUIET}
    if gpu:
        del env[ON_CPU]
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        env[name] = str(asked.get("threads", 1))
    command = [*(launcher or [sys.executable]), program, "--case", case, json.dumps(asked)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CaseFailed(f"The case {case} {asked} failed:\n{done.stderr}")
    return {"case": case, **asked, **json.loads(done.stdout.splitlines()[-1])}


def say(cases: Mapping[str, Case], case: str, asked: str) -> None:
    """Run a case in this process and print what it says, the last line of the output."""
    said = cases[case](**json.loads(asked))
    if said is not None:  # of several processes one speaks
        print(json.dumps({"peak_mb": peak_mb(), **said}))


def peak_mb() -> float:
    """Return the peak of this process's resident memory, in megabytes of 10^6 bytes."""
    import resource

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest * (1 if sys.platform == "darwin" else 1024) / 1e6


def alternating(
    keys: Sequence[Key],
    measure: Callable[[Key, int], dict[str, Any]],
    rounds: int,
    fewer: Mapping[Key, int] | None = None,
) -> dict[Key, list[dict[str, Any]]]:
    """Measure every key once a round, and turn the order of the keys around after each round.

    ``measure`` is given the key and the round's number, from 0. ``fewer`` names keys that take
    part in the first so many rounds only.
    """
    last = fewer or {}
    found: dict[Key, list[dict[str, Any]]] = {key: [] for key in keys}
    for turn in range(rounds):
        for key in keys[:: 1 if turn % 2 == 0 else -1]:
            if turn < last.get(key, rounds):
                print(f"round {turn + 1} of {rounds}: {key}", file=sys.stderr)
                found[key].append(measure(key, turn))
    return found


def paired_ratio(above: Iterable[float], below: Iterable[float]) -> float:
    """Return the median of the rounds' ratios, which is not the ratio of the medians."""
    return statistics.median(one / other for one, other in zip(above, below, strict=True))


def ratio(
    values: Sequence[float], others: Sequence[Mapping[str, Any]] | None, name: str
) -> float | None:
    """Return the paired ratio to another row's measured number, None if that was not measured."""
    return paired_ratio(values, column(others, name)) if others else None


def column(rows: Iterable[Mapping[str, Any]], name: str) -> list[float]:
    """Return one measured number of each round."""
    return [float(row[name]) for row in rows]


def spread(values: Sequence[float], name: str) -> dict[str, float]:
    """Return median, lowest and highest, as a record names them."""
    return {
        name: statistics.median(values),
        f"{name}_lowest": min(values),
        f"{name}_highest": max(values),
    }


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return mean and half the width of its 95 % interval (Student's t), at least two values."""
    from scipy import stats

    error = statistics.stdev(values) / math.sqrt(len(values))
    return statistics.fmean(values), float(stats.t.ppf(0.975, len(values) - 1)) * error


def ready(threads: int) -> tuple[Any, Any, Any]:
    """Return the packaged classifier, its tokenizer and the book's training split."""
    import torch

    from illusionkit.models.encoders import classifier
    from illusionkit.training.book_model import splits

    torch.set_num_threads(threads)
    return *classifier(5), splits()["train"]


def drawn(split: Any, rows: int, *, seed: int) -> Any:
    """Return some rows of a split, drawn at random without replacement."""
    import numpy as np

    from illusionkit.training.batches import Split

    chosen = np.random.default_rng(seed).choice(len(split), min(rows, len(split)), replace=False)
    return Split([split.texts[row] for row in chosen], [split.labels[row] for row in chosen])


def trained(reviews: int, *, seed: int, shuffled: bool = False) -> tuple[Any, Any]:
    """Return a model and its tokenizer, fine-tuned on so many reviews by the book's settings.

    ``seed`` is the training's; the reviews are always the same ones. With ``shuffled`` labels
    there is nothing to learn from them.
    """
    import numpy as np

    from illusionkit.models.encoders import classifier
    from illusionkit.training.batches import Settings, Split
    from illusionkit.training.book_model import splits
    from illusionkit.training.finetune import fit

    parts = splits()
    train = drawn(parts["train"], reviews, seed=0)
    if shuffled:
        labels = np.asarray(train.labels)[np.random.default_rng(0).permutation(reviews)]
        train = Split(train.texts, labels)
    few = drawn(parts["validation"], 64, seed=0)  # it is asked for, and chooses nothing here
    model, tokenizer = classifier(5, seed=seed)
    fit(model, tokenizer, train, few, Settings(seed=seed, restore_best=False))
    return model.eval(), tokenizer


def tokens_of(tokenizer: Any, texts: Sequence[str], most: int = 128) -> int:
    """Return how many tokens the texts have, cut at ``most``, padding not counted."""
    return sum(map(len, tokenizer(list(texts), truncation=True, max_length=most)["input_ids"]))


def machine(*, gpu: bool = False) -> dict[str, str | int]:
    """Return what was measured on: this machine's CPU, or its GPU with the CPU beside it."""
    from unittest.mock import patch

    import torch

    from illusionkit.experiment import provenance
    from illusionkit.models.precision import choose

    with patch.dict(os.environ, {} if gpu else QUIET):
        known, choice = provenance.machine(), choose()
    named = {"gpu": torch.cuda.get_device_name()} if gpu else {}
    return {
        "cpu": known["cpu"], **processor(), "cores": os.cpu_count() or 1,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": f"{platform.system()} {platform.machine()}", "python": known["python"],
        "device": choice.device, "precision": choice.reason, **named,
    }  # fmt: skip


def processor(told: Path = Path("/proc/cpuinfo")) -> dict[str, int]:
    """Return family and model of the CPU, where the system tells them.

    Its name is not enough: generations of very different speed are all called "AMD EPYC".
    """
    from illusionkit.experiment.provenance import cpuinfo

    first = cpuinfo(told)
    wanted = {"cpu_family": "cpu family", "cpu_model": "model"}
    return {key: int(first[name]) for key, name in wanted.items() if first.get(name, "").isdigit()}


def rates(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return what products of matrices reach on this CPU, in billions of operations a second.

    ``gflops`` by the faster of torch.mm and oneDNN, ``gflops_mm`` by torch.mm: those of the row
    called "limit", or else of one layer's products, measured now.
    """
    import limit

    known = next((row for row in rows if row["case"] == "limit"), None) or limit.of_a_layer()
    names = {"gflops": "operations_per_s", "gflops_mm": "operations_per_s_mm"}
    return {name: round(known[key] / 1e9) for name, key in names.items()}


def record(about: str, rows: Iterable[Mapping[str, Any]], *, gpu: bool = False) -> dict[str, Any]:
    """Return rows as a record: how, when and on what they were measured."""
    found = list(rows)
    return {
        "about": about,
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": machine(gpu=gpu) | ({} if gpu else rates(found)),
        "versions": {name: version(name) for name in LIBRARIES},
        "rows": [{name: short(value) for name, value in row.items()} for row in found],
    }


def short(value: Any) -> Any:
    """Return a number with what can be believed of it: four figures, or none of a large one."""
    if not isinstance(value, float) or value == 0 or not math.isfinite(value):
        return value
    return round(value, max(0, 4 - math.ceil(math.log10(abs(value)))))


def write(name: str, found: dict[str, Any]) -> None:
    """Keep a record in results/benchmarks/, whole or not at all."""
    from illusionkit import cache
    from illusionkit.experiment import records

    file = records.path(name)
    with cache.explained(file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
    with cache.replacing(file) as temporary:
        temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    records.record(name)


def kept(name: str) -> dict[str, Any]:
    """Return a record that was kept, as it was written."""
    from illusionkit.experiment import records

    records.record(name)
    return json.loads(records.path(name).read_text(encoding="utf-8"))


def tell(name: str, lines: Iterable[str]) -> None:
    """Put a table between the two comments of README.md that are named after a record.

    Raises
    ------
    SystemExit
        The README lacks one of them.
    """
    begin, end = f"<!-- table: {name} -->\n", "<!-- end of the table -->"
    text = README.read_text(encoding="utf-8")
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{README} lacks the comments of the table '{name}': put them back.")
    table = "\n".join(lines)
    README.write_text(f"{before}{begin}\n{table}\n\n{end}{after}", encoding="utf-8")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a table in Markdown; all columns but the first are numbers."""
    yield "| " + " | ".join(head) + " |"
    yield "|---|" + "--:|" * (len(head) - 1)
    yield from ("| " + " | ".join(row) + " |" for row in rows)


def where(found: Mapping[str, Any]) -> str:
    """Return a line that says where and when a record was measured."""
    used = ", ".join(f"{name} {found['versions'][name]}" for name in LIBRARIES[:2])
    machine = found["machine"]
    return f"{machine.get('gpu', machine['cpu'])}{kind(machine)}, {found['date']}, {used}."


def kind(machine: Mapping[str, Any]) -> str:
    """Return in brackets which CPU it is, and what it reaches, where a record says so."""
    told = [machine["generation"]] if "generation" in machine else []
    if "gpu" not in machine and "cpu_model" in machine:
        told.append(f"family {machine['cpu_family']}, model {machine['cpu_model']}")
    if "gflops" in machine:
        told.append(f"{machine['gflops']} GFLOP/s, {machine['gflops_mm']} by torch.mm")
    return f" ({'; '.join(told)})" if told else ""


def figure(value: float | None, form: str) -> str:
    """Return a number in a form, or nothing for what was not measured."""
    return "" if value is None else format(value, form)


def ends(row: Mapping[str, Any], name: str, form: str = ",.0f") -> list[str]:
    """Return the cells of a number that has a spread: its middle, and lowest to highest."""
    lowest, highest = (format(row[f"{name}_{end}"], form) for end in ("lowest", "highest"))
    return [format(row[name], form), f"{lowest}–{highest}"]


def options_of(
    name: str, argv: Sequence[str] | None, only: Sequence[str] = (), **numbers: int
) -> argparse.Namespace:
    """Read a program's command line.

    ``only`` are the rows that can be asked for one by one; ``numbers`` are the program's own
    options and their defaults.
    """
    program = name.replace("-", "_")
    parser = argparse.ArgumentParser(prog=f"benchmarks/{program}.py", description="See README.md.")
    parser.add_argument("--write", action="store_true", help="keep the record in results/")
    parser.add_argument("--table", action="store_true", help="only write README.md's table anew")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--case", nargs=2, metavar=("NAME", "JSON"), help=argparse.SUPPRESS)
    if only:
        told = f"measure this row only (may be given again): {'; '.join(only)}"
        parser.add_argument("--only", action="append", choices=only, metavar="NAME", help=told)
    for option, default in numbers.items():
        parser.add_argument(f"--{option}", type=int, default=default, help=f"default: {default}")
    return parser.parse_args(argv)


def require_gpu() -> None:
    """Raise `SystemExit` unless there is a CUDA GPU that may be used."""
    from illusionkit.models.precision import choose

    if choose().device != "cuda":
        raise SystemExit("This measurement wants a CUDA GPU, and found none.")


def main(
    name: str,
    argv: Sequence[str] | None,
    cases: Mapping[str, Case],
    whole: Callable[..., dict[str, Any]],
    lines: Callable[[Mapping[str, Any]], Iterable[str]],
    **numbers: int,
) -> None:
    """Run the command line of a program whose record depends on some ``numbers`` alone."""
    options = options_of(name, argv, **numbers)
    asked = {number: getattr(options, number) for number in numbers}
    run(name, cases, options, lambda: whole(**asked), lines)


def run(
    name: str,
    cases: Mapping[str, Case],
    options: argparse.Namespace,
    measure: Callable[[], dict[str, Any]],
    lines: Callable[[Mapping[str, Any]], Iterable[str]],
    shown: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict,
) -> None:
    """Do what the command line asks: one case, the table alone, or the whole.

    ``measure`` returns the record, ``lines`` its table, ``shown`` what ``--json`` prints of it.
    """
    if options.case:
        say(cases, *options.case)
    elif options.table:
        tell(name, lines(kept(name)))
    else:
        found = measure()
        print(json.dumps(shown(found), indent=1) if options.json else "\n".join(lines(found)))
        if options.write:
            write(name, found)
            tell(name, lines(found))
