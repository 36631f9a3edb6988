"""Seconds and memory of the audit, and what it finds beside deepchecks and cleanlab's Datalab.

    python benchmarks/audit.py                      measure by size, print a table
    python benchmarks/audit.py --write              keep the record, and the table in README.md
    python benchmarks/audit.py --others PYTHON_OF_DEEPCHECKS PYTHON_OF_DATALAB [--write]

The others want environments of their own. deepchecks 0.19.1 does not run with today's libraries: of
scikit-learn 1.9 it asks for the score 'max_error', of setuptools for pkg_resources, of numpy 2 for
np.Inf. And Datalab's pyarrow does not run with numpy 1.

    python -m venv one && one/bin/pip install "deepchecks[nlp]==0.19.1" "scikit-learn<1.6" \
        "pandas<2.3" "numpy<2" "setuptools<80"
    python -m venv two && two/bin/pip install "cleanlab[datalab]"
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import bench

NAME, BESIDE = "audit", "audit-others"
ROUNDS = 3
EVERYTHING = (
    "copies", "conflicts", "groups", "order", "columns", "worlds", "constant", "doubt", "size",
    "given",
)  # fmt: skip
ABOUT = (
    "Audits of tables drawn by lot, in a process each; a small audit before it brings in the "
    "libraries. 'cpu_s' are seconds of the process's CPU, 'wall_s' those of the clock, medians of "
    "rounds; the machine was busy with other work. 'grown_mb' is how much the audit added to the "
    "peak of resident memory, 'page_kb' the size of the report as a page with 20 values shown."
)


def lots(rows: int, *, text: bool, seed: int = 0) -> Any:
    """Return a table of 20 columns, drawn by lot; the numbers know a little of the label."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(seed)
    label = rng.integers(2, size=rows)
    days = pd.to_timedelta(rng.integers(1000, size=rows), unit="D")
    found = {
        "label": np.where(label == 1, "yes", "no"), "user": rng.integers(rows // 4, size=rows),
        "date": pd.Timestamp("2020-01-01") + days,
    }  # fmt: skip
    for k in range(6):
        names = np.array([f"c{n}" for n in range(3 * 2**k)])
        found[f"kind{k}"] = names[rng.integers(len(names), size=rows)]
    found |= {f"x{k}": rng.normal(size=rows) + 0.2 * label for k in range(10 if text else 11)}
    if text:
        found["text"] = made_up(rows, rng)
    return pd.DataFrame(found)


def made_up(rows: int, rng: Any) -> list[str]:
    """Return texts of 15 made-up words, some of them in every other text, as in a language."""
    import numpy as np

    letters = [rng.integers(97, 123, size=size) for size in rng.integers(2, 9, size=20_000)]
    words = np.array(["".join(map(chr, each)) for each in letters])
    return [" ".join(words[row]) for row in rng.zipf(1.3, size=(rows, 15)) % len(words)]


def numbers(rows: int) -> Any:
    """Return a table of 50 columns of numbers, the label one of two."""
    import numpy as np
    import pandas as pd

    table = np.random.default_rng(0).normal(size=(rows, 50))
    made = pd.DataFrame(table, columns=[f"x{k}" for k in range(50)], copy=False)
    return made.assign(label=(made.pop("x0") > 0) * 1)


def categories(rows: int) -> Any:
    """Return a table of six columns of a thousand categories each."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    found = {f"c{k}": [f"k{n}" for n in rng.integers(1000, size=rows)] for k in range(6)}
    return pd.DataFrame({**found, "label": rng.integers(2, size=rows)})


NOISELESS = [name for name in EVERYTHING if name != "doubt"]
SIZES: dict[str, tuple[Any, dict[str, Any]]] = {
    "scan, 20,000 × 20": (lambda: lots(20_000, text=False), {"worth": False}),
    "scan, 20,000 × 20, a text": (lambda: lots(20_000, text=True), {"worth": False}),
    "with worth, 20,000 × 20": (lambda: lots(20_000, text=False), {}),
    "with worth, 20,000 × 20, a text": (lambda: lots(20_000, text=True), {}),
    "all but label noise, 100,000 × 20, a text": (
        lambda: lots(100_000, text=True), {"checks": NOISELESS}
    ),
    "six columns of 1,000 categories, 20,000 rows": (lambda: categories(20_000), {}),
    "numbers, 1,000,000 × 50": (lambda: numbers(1_000_000), {}),
}  # fmt: skip
"""What is measured by size: the table, and how it is audited."""


def sized(size: str, threads: int, turn: int) -> dict[str, Any]:
    """Return what the audit of one table took."""
    from illusionkit.audit import audit

    make, asked = SIZES[size]
    audit(lots(600, text=True), label="label").html()
    table = make()
    before, began, of_cpu = bench.peak_mb(), time.perf_counter(), time.process_time()
    page = audit(table, label="label", **asked).html(20)
    return {
        "wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - of_cpu,
        "grown_mb": bench.peak_mb() - before, "page_kb": len(page.encode()) / 1000,
    }  # fmt: skip


CASES: dict[str, bench.Case] = {"sized": sized}


def whole(*, rounds: int) -> dict[str, Any]:
    """Return the record by size."""

    def measure(size: str, turn: int) -> dict[str, Any]:
        return bench.measured(__file__, "sized", size=size, threads=1, turn=turn)

    found = bench.alternating(list(SIZES), measure, rounds)
    names = ("wall_s", "cpu_s", "grown_mb", "page_kb", "peak_mb")
    rows = [
        {"case": size, "rounds": len(every)}
        | {name: statistics.median(bench.column(every, name)) for name in names}
        for size, every in found.items()
    ]
    return bench.record(ABOUT, rows)


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the record by size as a table in Markdown."""
    yield f"{bench.where(found)} Rounds: {found['rows'][0]['rounds']}; one thread."
    yield ""
    head = ("Table", "CPU s", "clock s", "grown by MB", "peak MB", "page KB")
    yield from bench.table(head, (cells(row) for row in found["rows"]))


def cells(row: Mapping[str, Any]) -> list[str]:
    """Return a row's cells."""
    seconds = [f"{row[name]:.2f}" for name in ("cpu_s", "wall_s")]
    sizes = [f"{row[name]:,.0f}" for name in ("grown_mb", "peak_mb", "page_kb")]
    return [row["case"], *seconds, *sizes]


# Beside other tools: the same tables, the same flaws.

ABOUT_OTHERS = (
    "Each flaw planted by itself into a table of 1,000 rows (800 to train, 200 to test), read by "
    "each tool in a process split off after its imports, one thread. 'found': the tool says so of "
    "the table with the flaw, and not, or of fewer rows, of the table without; 'alarm': it says so "
    "of both alike. "
    "What counts as saying so stands in the program, flaw by flaw. 'wall_s' and 'cpu_s' without "
    "imports and without training a model for Datalab, which is given out-of-fold probabilities "
    "where it asks for them; 'peak_mb' with imports."
)
FLAWS = {
    "text": (
        "exact copies", "near copies", "embedded copies", "conflicting labels", "wrong labels",
        "units on both sides", "two worlds",
    ),
    "table": (
        "exact copies", "conflicting labels", "wrong labels", "leaking column", "id column",
        "constant column", "units on both sides", "two worlds", "rows from later",
    ),
}  # fmt: skip
ROWS, TESTED, PLANTED = 1000, 200, 40
COPIED = ("exact copies", "near copies", "embedded copies")


def clean(kind: str) -> Any:
    """Return movie reviews (praised or not), or card holders in Taiwan; a row a unit, by lot."""
    import numpy as np
    import pandas as pd

    from illusionkit.data import corpora, credit, duplicates

    rng = np.random.default_rng(0)
    if kind == "text":
        table = corpora.movie_reviews().sample(frac=1, random_state=0)[: 2 * ROWS]
        one = duplicates.components(list(table["text"]))
        table = table[~pd.Series(one, table.index).duplicated()]
        table = table.assign(label=(table["mean"] > 0) * 1)[["text", "label"]]
    else:
        table = credit.credit_default().sample(frac=1, random_state=0)
        table = table.drop_duplicates("unit").drop(columns="unit")
    table = table[:ROWS].reset_index(drop=True)
    return table.assign(
        user=rng.permutation(ROWS // 2).repeat(2) if kind == "text" else np.arange(ROWS) // 2,
        date=pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(ROWS) // 4, unit="D"),
    )


def flawed(kind: str, flaw: str | None) -> tuple[Any, Any]:
    """Return a training and a test table with one flaw; users whole, and training before test."""
    import numpy as np
    import pandas as pd

    from illusionkit.audit.sketches import mistyped

    rng, table = np.random.default_rng(1), clean(kind)
    train, test = table[: ROWS - TESTED].copy(), table[ROWS - TESTED :].reset_index(drop=True)
    rows = rng.permutation(TESTED)[:PLANTED]
    some = test.iloc[rows].assign(user=train["user"].to_numpy()[:PLANTED])
    some["date"] = train["date"].to_numpy()[:PLANTED]
    if flaw == "near copies":
        some["text"] = [mistyped(text, rng) for text in some["text"]]
    elif flaw == "embedded copies":
        others = train["text"].to_numpy()
        some["text"] = [f"{others[k]} {text} {others[-k]}" for k, text in enumerate(some["text"])]
    elif flaw == "conflicting labels":
        some["label"] = 1 - some["label"]
    if flaw in (*COPIED, "conflicting labels"):
        train = pd.concat([train[PLANTED:], some], ignore_index=True)
    elif flaw == "wrong labels":
        wrong = rng.permutation(len(train))[: len(train) // 10]
        train.loc[wrong, "label"] = 1 - train.loc[wrong, "label"]
    elif flaw == "units on both sides":
        test.loc[rows, "user"] = train["user"].to_numpy()[:PLANTED]
    elif flaw == "rows from later":
        train.loc[:PLANTED, "date"] = test["date"].max()
    train, test = (
        side.assign(**planted_columns(side, flaw, rng, late))
        for side, late in ((train, False), (test, True))
    )
    return train, test


def planted_columns(side: Any, flaw: str | None, rng: Any, late: bool) -> dict[str, Any]:
    """Return the columns that a flaw consists of."""
    size = len(side)
    if flaw == "leaking column":
        return {"settled": side["label"] + rng.normal(size=size) * 0.1}
    if flaw == "id column":
        return {"record": [f"r{n}" for n in rng.permutation(10**6)[:size]]}
    if flaw == "constant column":
        return {"country": "here"}
    if flaw == "two worlds":
        if "text" in side:
            return {"text": ["RT @someone: " + t if late else t for t in side["text"]]}
        column = next(name for name in side if str(side[name].dtype) in ("int64", "float64"))
        return {column: side[column] * (1.7 if late else 1.0)}
    return {}


OTHERS = ("deepchecks", "Datalab")
PROGRAM = Path(__file__).with_name("audit_others.py")


def beside(pythons: Sequence[str]) -> dict[str, Any]:
    """Return the record of all tools, flaw by flaw; what failed, and how, stands in its about."""
    flaws = [(kind, flaw) for kind, some in FLAWS.items() for flaw in some]
    rows = {pair: {"case": f"{pair[0]}: {pair[1]}"} for pair in flaws}
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        places = [kept(Path(folder), kind, flaw) for kind, flaw in flaws]
        for tool, python in zip(("ours", *OTHERS), (sys.executable, *pythons), strict=True):
            for (kind, flaw), found in zip(flaws, compared(tool, python, places), strict=True):
                if "error" in found:
                    failed.append(f"{tool} on {kind}: {flaw}: {found.pop('error')}")
                rows[kind, flaw] |= {f"{tool}_{name}": value for name, value in found.items()}
    told = f" Failed: {'; '.join(failed)}." if failed else " No run failed."
    every = [{**row, "peak_mb": row["ours_peak_mb"]} for row in rows.values()]
    return bench.record(ABOUT_OTHERS + told, every)


def kept(folder: Path, kind: str, flaw: str) -> tuple[str, str, str]:
    """Write a table with a flaw and the one without; return their folders, and the flaw."""
    places = (folder / f"{kind}, {flaw}", folder / kind)
    for place, planted in zip(places, (flaw, None), strict=True):
        place.mkdir(exist_ok=True)
        for name, side in zip(("train", "test"), flawed(kind, planted), strict=True):
            lines = place / f"{name}.jsonl"
            side.to_json(lines, orient="records", lines=True, date_format="iso")
    return *map(str, places), flaw


def compared(
    tool: str, python: str, places: Sequence[tuple[str, str, str]]
) -> Iterator[dict[str, Any]]:
    """Yield what a tool says of each pair of tables, with a flaw and without."""
    jobs = [(place, flaw) for *both, flaw in places for place in both]
    env = {**os.environ, **bench.QUIET, "OMP_NUM_THREADS": "1"}
    env.pop("PYTHONPATH", None)
    command = [python, "-W", "ignore", str(PROGRAM), tool, json.dumps(jobs)]
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    for k in range(len(places)):
        yield judged(told[2 * k], told[2 * k + 1])


def judged(with_it: Mapping[str, Any], without: Mapping[str, Any]) -> dict[str, Any]:
    """Return how loud a tool was with the flaw and without, None without a check, what it took."""
    took = {name: with_it.get(name) for name in ("wall_s", "cpu_s", "peak_mb")}
    error = with_it.get("error", without.get("error"))
    if error:
        return {**took, "loud": None, "before": None, "failed": 1, "error": error}
    if not with_it["said"]:
        return {**took, "loud": None, "before": None, "failed": 0}
    loud, before = (float(sum(each["said"].values())) for each in (with_it, without))
    return {**took, "loud": loud, "before": before, "failed": 0}


def verdict(row: Mapping[str, Any], tool: str) -> str:
    """Return found, alarm (as loud without the flaw), missed, no check, or failed."""
    loud, before = row[f"{tool}_loud"], row[f"{tool}_before"]
    if loud is None:
        return "failed" if row[f"{tool}_failed"] else "no check"
    return "found" if loud > before else "alarm" if loud else "missed"


def beside_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the record of all tools as a table in Markdown."""
    yield f"{bench.where(found)} {ROWS:,} rows, {PLANTED} planted."
    yield ""
    head = ("Flaw", "the audit", *OTHERS, "CPU s", "clock s", "peak MB")
    yield from bench.table(head, map(beside_cells, found["rows"]))


def beside_cells(row: Mapping[str, Any]) -> list[str]:
    """Return a flaw's cells: the verdicts, and what each tool took, in their order."""
    tools = ("ours", *OTHERS)
    took = [
        " / ".join(bench.figure(row[f"{tool}_{name}"], form) or "–" for tool in tools)
        for name, form in (("cpu_s", ".1f"), ("wall_s", ".1f"), ("peak_mb", ",.0f"))
    ]
    return [row["case"], *(verdict(row, tool) for tool in tools), *took]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    reader = argparse.ArgumentParser(add_help=False)
    reader.add_argument("--others", nargs=2, metavar="PYTHON", help="what runs the other tools")
    asked, rest = reader.parse_known_args(arguments)
    if asked.others:
        options = bench.options_of(BESIDE, rest)
        bench.run(BESIDE, CASES, options, lambda: beside(asked.others), beside_lines)
    else:
        bench.main(NAME, rest, CASES, whole, lines, rounds=ROUNDS)


if __name__ == "__main__":
    main()
