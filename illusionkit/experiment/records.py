"""Dated benchmark records: what a run took, on which machine, on which day.

Seconds and bytes differ from machine to machine, so no page measures them. A program in
``benchmarks/`` does, writes ``results/benchmarks/<name>.json``, and a page reads that.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from illusionkit.errors import ResultsError

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("about", "date", "machine", "versions", "rows")
MACHINE = ("cpu", "cores", "system", "python", "device", "precision")


@dataclass(frozen=True)
class Record:
    """A benchmark as it was measured: on ``machine``, on ``date`` (a day in ISO form).

    ``about`` says in a sentence how; ``machine`` has cpu, cores, system, python, device and
    precision; ``versions`` those of the libraries. A row is a case, with its ``peak_mb`` (the
    process's peak of resident memory, in megabytes of 10^6 bytes) and what else was asked of it.
    What was not measured is None.
    """

    name: str
    about: str
    date: str
    machine: Mapping[str, str | int]
    versions: Mapping[str, str]
    rows: tuple[Mapping[str, Any], ...]

    def row(self, case: str, **where: float) -> Mapping[str, Any]:
        """Return the one row of a case, for example ``row("epoch", threads=2)``.

        Raises
        ------
        ResultsError
            There is none, or there are several.
        """
        wanted = {"case": case, **where}
        found = [row for row in self.rows if all(row.get(k) == v for k, v in wanted.items())]
        if len(found) != 1:
            cases = ", ".join(dict.fromkeys(row["case"] for row in self.rows))
            raise ResultsError(
                f"The record '{self.name}' has {len(found)} rows with {wanted}, not one. "
                f"Its cases: {cases}."
            )
        return found[0]

    def table(self, case: str) -> pd.DataFrame:
        """Return the rows of one case as a table, without columns that they leave empty.

        Raises
        ------
        ResultsError
            There is no such case.
        """
        import pandas as pd

        rows = [row for row in self.rows if row["case"] == case]
        if not rows:
            cases = ", ".join(dict.fromkeys(row["case"] for row in self.rows))
            raise ResultsError(f"The record '{self.name}' has no case '{case}', but {cases}.")
        return pd.DataFrame(rows).dropna(axis="columns", how="all").drop(columns="case")


def path(name: str) -> Path:
    """Return where a record lies: ``$ILLUSIONKIT_RESULTS``, the installed package, the book."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise ResultsError(f"A record's name is lower-case words joined by hyphens, not {name!r}.")
    inside = Path(__file__).parents[1] / "results"  # in an installed package
    beside = Path(__file__).parents[2] / "results"  # in the book's own folder
    root = os.environ.get("ILLUSIONKIT_RESULTS")
    folder = Path(root) if root else inside if inside.exists() else beside
    return folder / "benchmarks" / f"{name}.json"


def record(name: str) -> Record:
    """Return the kept record of a benchmark, checked; nothing is measured. Used in chapter 5.

    Raises
    ------
    ResultsError
        There is none; it is no JSON; a key is missing; a number is none, or below 0.
    """
    file = path(name)
    found = _read(file, name)
    _require(found, KEYS, file, "it")
    if not isinstance(found["rows"], list) or not found["rows"]:
        raise _broken(file, "its 'rows' are no list, or an empty one")
    _require(found["machine"], MACHINE, file, "its 'machine'")
    _require(found["versions"], ("torch",), file, "its 'versions'")
    for place, row in enumerate(found["rows"], 1):
        _require(row, ("case", "peak_mb"), file, f"row {place}")
        _check_numbers(row, file, place)
    _check_date(found["date"], file)
    return Record(name, **{key: found[key] for key in KEYS} | {"rows": tuple(found["rows"])})


def _read(file: Path, name: str) -> Any:
    if not file.exists():
        kept = ", ".join(sorted(other.stem for other in file.parent.glob("*.json"))) or "none"
        raise ResultsError(
            f"There is no record '{name}' (results/benchmarks/{file.name}); kept: {kept}. "
            f"If benchmarks/{name}.py exists, run it with --write."
        )
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:  # no JSON, or no UTF-8
        raise _broken(file, f"it is no JSON ({error})") from error


def _require(found: Any, keys: tuple[str, ...], file: Path, what: str) -> None:
    """Raise unless ``found`` is a mapping that has ``keys``."""
    if not isinstance(found, Mapping):
        raise _broken(file, f"{what} is no mapping")
    missing = [key for key in keys if key not in found]
    if missing:
        raise _broken(file, f"{what} lacks {', '.join(missing)}")


def _check_numbers(row: Mapping[str, Any], file: Path, place: int) -> None:
    """Raise unless every value of a row is text, empty, or a finite number from 0 on."""
    if not isinstance(row["case"], str) or row["peak_mb"] is None:
        raise _broken(file, f"row {place} needs a text as 'case' and a number as 'peak_mb'")
    for key, value in row.items():
        if value is None or (isinstance(value, str) and key == "case"):
            continue
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or value < 0:
            raise _broken(file, f"'{key}' of row {place} is no number from 0 on: {value!r}")


def _check_date(value: Any, file: Path) -> None:
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        raise _broken(file, f"its 'date' is no day like 2026-01-31: {value!r}") from None


def _broken(file: Path, why: str) -> ResultsError:
    return ResultsError(
        f"results/benchmarks/{file.name} can't be used: {why}. Restore the file, or measure it "
        f"anew with `python benchmarks/{file.stem}.py --write`."
    )
