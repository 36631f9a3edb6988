"""The tables in ``results/``: one row a reading, with its provenance; written, read, checked."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from illusionkit import cache
from illusionkit.arrays import Array
from illusionkit.errors import ResultsError
from illusionkit.experiment.provenance import machine, provenance
from illusionkit.experiment.reading import Reading
from illusionkit.experiment.records import folder
from illusionkit.experiment.spec import Experiment
from illusionkit.experiment.sweep import Cell, cells, intervals_hash, sweep

SCORES = ("apparent", "honest", "optimism")
CELL = [*(f"{name}_{end}" for name in SCORES for end in ("lo", "hi")), "n_units"]
HASHES = ("code", "spec", "data", "weights")
"""What the readings of a table depend on; "intervals" is what their intervals depend on."""
STAMPS = (*HASHES, "intervals")
WORDS = ("id", "arm", "extras", *STAMPS, "versions", "python", "cpu", "date", "check")
DIGITS = 6


@dataclass(frozen=True)
class Results:
    """A results table as it was measured.

    ``table`` has one row a reading; ``cells`` means and 95 % intervals by arm and dose, as
    `experiment.sweep.cells` gives them; ``provenance`` what the table says of its origin.
    """

    table: pd.DataFrame
    cells: pd.DataFrame
    provenance: dict[str, str]

    def cell(self, arm: str, dose: float) -> pd.Series[Any]:
        """Return one row of ``cells``."""
        found = self.cells[(self.cells["arm"] == arm) & (self.cells["dose"] == dose)]
        if len(found) != 1:
            raise ResultsError(f"The table has no cell of arm '{arm}' at dose {dose:g}.")
        return found.iloc[0]

    def each(self, name: str, arm: str = "flawed", dose: float | None = None) -> Array:
        """Return a score or a named extra of every seed, at the highest dose by default."""
        dose = float(self.table["dose"].max()) if dose is None else dose
        rows = self.table[(self.table["arm"] == arm) & (self.table["dose"] == dose)]
        if rows.empty:
            raise ResultsError(f"The table has no executions of arm '{arm}' at dose {dose:g}.")
        if name in rows:
            return rows[name].to_numpy()
        return np.array([json.loads(words)[name] for words in rows["extras"]])

    def extra(self, name: str, arm: str = "flawed", dose: float | None = None) -> float:
        """Return the mean over seeds of a named extra, at the highest dose by default."""
        return float(self.each(name, arm, dose).mean())


def path(experiment_id: str, *, confirmed: bool = False) -> Path:
    """Return where an experiment's table lies: ``$ILLUSIONKIT_RESULTS``, the book, the package."""
    name = f"{experiment_id}.confirmed.csv" if confirmed else f"{experiment_id}.csv"
    return folder() / name


def results(experiment: Experiment) -> Results:
    """Return the kept table of an experiment, checked.

    Raises
    ------
    ResultsError
        There is none, a row was edited by hand, left out or doubled, or code, spec or data
        have changed since.
    """
    table = _checked(path(experiment.id), experiment)
    return Results(table, _cells(table, experiment), _origin(table))


def _checked(file: Path, experiment: Experiment) -> pd.DataFrame:
    """Return a table that is unedited, up to date and whole."""
    table = read(file)
    changed = _changed(table, experiment)
    if changed == ["intervals"]:
        raise ResultsError(
            f"The intervals in results/{file.name} are stale: what makes them of the readings "
            f"changed. Run `illusionkit measure --intervals {experiment.id}`."
        )
    if changed:
        raise ResultsError(
            f"results/{file.name} is stale: {' and '.join(changed)} changed since it was "
            f"measured. Run `illusionkit measure {experiment.id} --write` (or `make measure`)."
        )
    doses = (round(dose, DIGITS) for dose in experiment.knob.doses)
    wanted = sorted(product(experiment.arms, doses, experiment.seeds))
    if sorted(zip(table["arm"], table["dose"], table["seed"], strict=True)) != wanted:
        raise ResultsError(
            f"results/{file.name} was edited by hand: rows are missing or doubled. "
            "Restore the file, or measure it anew with `make measure`."
        )
    return table


def stale(experiment: Experiment) -> list[str]:
    """Return the hashes that the kept table does not fit; "table" if there is no sound one."""
    try:
        return _changed(read(path(experiment.id)), experiment)
    except ResultsError:
        return ["table"]


def _changed(table: pd.DataFrame, experiment: Experiment) -> list[str]:
    now = stamps(experiment)
    return [name for name in STAMPS if name not in table or (table[name] != now[name]).any()]


def stamps(experiment: Experiment) -> dict[str, str]:
    """Return hashes and versions as they are now: of the readings, and of their intervals."""
    return {**provenance(experiment), "intervals": intervals_hash(experiment)}


def read(file: Path) -> pd.DataFrame:
    """Return a table whose rows' checksums hold, as they are written in the file.

    Raises
    ------
    ResultsError
        There is no such file, or it was edited by hand.
    """
    if not file.exists():
        raise ResultsError(f"There is no results/{file.name}. Run `make measure`.")
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
        wrong = [n for n, row in enumerate(_rows(table), 1) if not _intact(row)]
    except ValueError:  # pandas finds no table in it
        table, wrong = pd.DataFrame(), []
    if wrong or table.empty:
        where = f"row {wrong[0]}" if wrong else "the whole table"
        raise ResultsError(
            f"results/{file.name} was edited by hand: {where} does not fit its checksum. "
            "Restore the file, or measure it anew with `make measure`."
        )
    numbers = [name for name in table.columns if name not in WORDS]
    return table.assign(**{name: pd.to_numeric(table[name]) for name in numbers})


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _intact(row: Mapping[str, Any]) -> bool:
    return bool(row.get("check", "") == _checksum(row))


def _checksum(row: Mapping[str, Any]) -> str:
    """Return a checksum of a row's fields; numbers as written in the table."""
    fields = [text(row[name]) for name in sorted(row.keys()) if name != "check"]
    return cache.digest(*fields)[:12]


def text(value: Any) -> str:
    """Return a value as it is written in a table."""
    return f"{value:.{DIGITS}f}" if isinstance(value, float) else str(value)


def write(experiment: Experiment, *, part: str = "book", workers: int | None = None) -> Path:
    """Measure an experiment whole, keep its table in ``results/``, and return its path.

    A table that is complete and up to date is left as it is, to the byte. ``part="confirm"``
    writes the confirmation's table, once.
    """
    file = path(experiment.id, confirmed=part == "confirm")
    if file.exists():
        if part == "confirm":
            raise ResultsError(
                f"'{experiment.id}' was confirmed before: results/{file.name}. The confirm part "
                "is scored once; a second look would be a choice."
            )
        if _up_to_date(file, experiment):
            return file
    readings = sweep(experiment, part=part, workers=workers)
    table = _table(experiment, readings)
    _save(table, file)
    return file


def _save(table: pd.DataFrame, file: Path) -> None:
    with cache.explained(file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
    with cache.replacing(file) as temporary:
        form = f"%.{DIGITS}f"
        table.to_csv(temporary, index=False, float_format=form, na_rep="nan", lineterminator="\n")


def rewrite(file: Path, **columns: Any) -> None:
    """Put other texts into some columns of a table, and new checksums; the rest stays to the byte.

    A column's texts are given one for each row, or one for all rows.
    """
    table = pd.read_csv(file, dtype=str, keep_default_na=False).assign(**columns)
    _save(table.assign(check=[_checksum(row) for row in _rows(table)]), file)


def _up_to_date(file: Path, experiment: Experiment) -> bool:
    try:
        _checked(file, experiment)
    except ResultsError:
        return False
    return True


def _table(experiment: Experiment, readings: Mapping[Cell, Reading]) -> pd.DataFrame:
    """Return one row a reading, its cell's interval and its provenance beside it."""
    table = cells(experiment, readings).set_index(["arm", "dose"])[CELL]
    origin = {**stamps(experiment), **machine()}
    origin["date"] = datetime.now(timezone.utc).date().isoformat()
    rows = []
    for cell, reading in readings.items():
        row: dict[str, Any] = {"id": experiment.id, **vars(cell)}
        row |= {"apparent": float(reading.apparent), "honest": float(reading.honest)}
        row |= {"optimism": float(experiment.optimism(reading))}
        row |= {"n_rows": len(reading.apparent_rows.truth)}
        row |= {"extras": extras_text(reading)}
        row |= table.loc[(cell.arm, cell.dose)].to_dict()
        row["n_units"] = int(row["n_units"])
        rows.append({**row, **origin, "check": _checksum({**row, **origin})})
    return pd.DataFrame(rows)


def extras_text(reading: Reading) -> str:
    """Return the extras of a reading as they are written in a table."""
    rounded = {name: round(value, DIGITS) for name, value in reading.extras.items()}
    return json.dumps(rounded, sort_keys=True)


def _cells(table: pd.DataFrame, experiment: Experiment) -> pd.DataFrame:
    """Return the cells that a table's rows carry, arms as in the spec and doses ascending."""
    grouped = table.groupby(["arm", "dose"], as_index=False)
    means = grouped.agg(
        **{name: (name, "mean") for name in SCORES},
        **{name: (name, "first") for name in CELL},
        n_seeds=("seed", "nunique"),
    )
    order = means["arm"].map(experiment.arms.index)
    means = means.assign(order=order).sort_values(["order", "dose"], ignore_index=True)
    names = ["arm", "dose", *(f"{n}{end}" for n in SCORES for end in ("", "_lo", "_hi"))]
    return means[[*names, "n_units", "n_seeds"]]


def _origin(table: pd.DataFrame) -> dict[str, str]:
    names = (*STAMPS, "versions", "python", "cpu", "date")
    return {name: ", ".join(sorted(set(table[name].astype(str)))) for name in names}


def sample(experiment: Experiment, *, rows: int, draw: int) -> pd.DataFrame:
    """Recompute a random draw of a table's rows; return kept and fresh scores side by side.

    Columns: arm, dose, seed, apparent, apparent_now, honest, honest_now, within. ``draw`` seeds
    the draw. Nothing is taken from the cache of readings, nor of trainings.
    """
    table = results(experiment).table
    chosen = sorted(random.Random(draw).sample(range(len(table)), min(rows, len(table))))
    kept = table.loc[chosen, ["arm", "dose", "seed", "apparent", "honest"]]
    with cache.afresh("runs"):
        fresh = [experiment.read(row.dose, row.seed, row.arm) for row in kept.itertuples()]
    kept["apparent_now"] = [reading.apparent for reading in fresh]
    kept["honest_now"] = [reading.honest for reading in fresh]
    gaps = [(kept[name] - kept[f"{name}_now"]).abs() for name in ("apparent", "honest")]
    kept["within"] = pd.concat(gaps, axis=1).max(axis=1) <= experiment.tolerance + 1e-9
    return kept.reset_index(drop=True)
