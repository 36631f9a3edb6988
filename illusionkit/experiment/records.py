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

from illusionkit.data import travelling
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

        Raises ResultsError: there is none, or there are several.
        """
        wanted = {"case": case, **where}
        fitting = [row for row in self.rows if wanted.items() <= row.items()]
        if len(fitting) != 1:
            raise ResultsError(
                f"The record '{self.name}' has {len(fitting)} rows with {wanted}, not one. "
                f"Its cases: {self._cases()}."
            )
        return fitting[0]

    def table(self, case: str) -> pd.DataFrame:
        """Return the rows of one case as a table, without columns that they leave empty.

        Raises ResultsError: there is no such case.
        """
        import pandas as pd

        rows = [row for row in self.rows if row["case"] == case]
        if not rows:
            raise ResultsError(
                f"The record '{self.name}' has no case '{case}', but {self._cases()}."
            )
        return pd.DataFrame(rows).dropna(axis="columns", how="all").drop(columns="case")

    def _cases(self) -> str:
        return ", ".join(dict.fromkeys(row["case"] for row in self.rows))


def folder() -> Path:
    """Return where measurements are kept: ``$ILLUSIONKIT_RESULTS``, the package, or the book."""
    named = os.environ.get("ILLUSIONKIT_RESULTS")
    return Path(named) if named else travelling.place("results")


def path(name: str) -> Path:
    """Return where a record lies, below `folder`. Raises ResultsError: the name is no name."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise ResultsError(f"A record's name is lower-case words joined by hyphens, not {name!r}.")
    return folder() / "benchmarks" / f"{name}.json"


def record(name: str) -> Record:
    """Return the kept record of a benchmark, checked; nothing is measured. Used in chapter 5.

    Raises
    ------
    ResultsError
        There is none; it is no JSON; a key is missing; a number is none, or below 0.
    """
    file = path(name)
    if not file.exists():
        others = ", ".join(sorted(other.stem for other in file.parent.glob("*.json"))) or "none"
        raise ResultsError(
            f"There is no record '{name}' (results/benchmarks/{file.name}); kept: {others}. "
            f"If benchmarks/{name}.py exists, run it with --write."
        )
    try:
        kept = _checked(file.read_bytes())
    except ValueError as error:
        raise ResultsError(
            f"results/benchmarks/{file.name} can't be used: {error}. Restore the file, or measure "
            f"it anew with `python benchmarks/{name}.py --write`."
        ) from error
    return Record(name, **{key: kept[key] for key in KEYS} | {"rows": tuple(kept["rows"])})


def _checked(content: bytes) -> Mapping[str, Any]:
    """Return a record as it was kept, or raise ValueError with what is wrong."""
    try:
        kept = json.loads(content)
    except ValueError as error:  # no JSON, or no UTF-8
        raise ValueError(f"it is no JSON ({error})") from error
    _require(kept, KEYS, "it")
    _require(kept["machine"], MACHINE, "its 'machine'")
    _require(kept["versions"], ("torch",), "its 'versions'")
    if not isinstance(kept["rows"], list) or not kept["rows"]:
        raise ValueError("its 'rows' are no list, or an empty one")
    for place, row in enumerate(kept["rows"], 1):
        _check_row(row, f"row {place}")
    try:
        date.fromisoformat(kept["date"])
    except (TypeError, ValueError):
        raise ValueError(f"its 'date' is no day like 2026-01-31: {kept['date']!r}") from None
    return kept


def _require(value: Any, keys: tuple[str, ...], what: str) -> None:
    """Raise unless ``value`` is a mapping that has ``keys``."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{what} is no mapping")
    if missing := [key for key in keys if key not in value]:
        raise ValueError(f"{what} lacks {', '.join(missing)}")


def _check_row(row: Any, what: str) -> None:
    """Raise unless a row has a case, its memory, and else what is empty or a number from 0 on."""
    _require(row, ("case", "peak_mb"), what)
    if not isinstance(row["case"], str) or row["peak_mb"] is None:
        raise ValueError(f"{what} needs a text as 'case' and a number as 'peak_mb'")
    for key, value in row.items():
        number = type(value) in (int, float) and math.isfinite(value) and value >= 0
        if not (number or value is None or key == "case"):
            raise ValueError(f"'{key}' of {what} is no number from 0 on: {value!r}")
