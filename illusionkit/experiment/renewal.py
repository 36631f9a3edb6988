"""Tables that need not be measured again: intervals made anew, hashes put right after a check.

`renew_intervals` serves where what makes intervals of readings has changed: the readings are kept
in the cache. `restamp` serves where code has changed that should change no number: it runs some
readings again, and puts the new hash into the table only if they are what the table says.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from illusionkit import cache
from illusionkit.data import archives
from illusionkit.errors import ResultsError
from illusionkit.experiment.provenance import needed
from illusionkit.experiment.reading import Reading
from illusionkit.experiment.results import (
    CELL,
    DIGITS,
    HASHES,
    extras_text,
    path,
    read,
    rewrite,
    stale,
    stamps,
    text,
)
from illusionkit.experiment.spec import Experiment
from illusionkit.experiment.sweep import Cell, cells, grid, keep, kept

FURTHER, BUDGET, FEWEST = 3, 200, 2
"""Rows drawn at random beside those at the ends of the doses. Where all of them would take more
seconds than the budget, by the spec's cost, as many rows as it allows are drawn from the whole
table instead, and never fewer than the last number."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Restamped:
    """What `restamp` found: rows run again, and the differences of those not equal to the bit."""

    path: Path
    rows: int
    gaps: list[float]


def renew_intervals(experiment: Experiment) -> Path:
    """Make a table's intervals anew from its kept readings, and return its path.

    Raises
    ------
    ResultsError
        The readings are stale themselves, or one of them is not in the cache, or not that of the
        table.
    """
    file = path(experiment.id)
    table = read(file)
    changed = stale(experiment)
    if set(changed) & {*HASHES}:
        raise ResultsError(
            f"The readings in results/{file.name} are stale ({' and '.join(changed)} changed): "
            "intervals of them would be as stale."
        )
    if changed:
        readings = _kept_readings(experiment, table)
        made = cells(experiment, readings).set_index(["arm", "dose"])[CELL]
        rows = [made.loc[(cell.arm, cell.dose)] for cell in readings]
        columns = {name: [text(float(row[name])) for row in rows] for name in CELL[:-1]}
        rewrite(file, **columns, intervals=stamps(experiment)["intervals"])
    return file


def _placed(experiment: Experiment, table: pd.DataFrame) -> Iterator[tuple[Cell, Row]]:
    """Yield the rows of a table, each with its cell of the spec, whose dose is exact."""
    cells_of = {(cell.arm, text(cell.dose), cell.seed): cell for cell in grid(experiment)}
    for row in table.to_dict("records"):
        named: Row = {str(name): value for name, value in row.items()}
        yield cells_of[named["arm"], text(float(named["dose"])), named["seed"]], named


def _kept_readings(experiment: Experiment, table: pd.DataFrame) -> dict[Cell, Reading]:
    """Return the readings behind the rows of a table, in the order of the rows."""
    found = {}
    for cell, row in _placed(experiment, table):
        reading = kept(experiment, cell, row)
        if reading is None:
            raise ResultsError(
                f"The cache does not hold the reading of arm '{cell.arm}' at dose {cell.dose:g} "
                f"and seed {cell.seed} that results/{experiment.id}.csv was made from: run "
                f"`illusionkit measure {experiment.id} --write`."
            )
        _gap(experiment, reading, row)  # raises if it is not that of the table
        found[cell] = reading
    return found


def restamp(experiment: Experiment, *, draw: int) -> Restamped:
    """Put the present hash of the code into a table, after some of its rows were run again.

    Run again are the first seed at the lowest and the highest dose of every arm, and some rows
    that ``draw`` draws, or for a costly table as many rows as `BUDGET` allows; nothing is taken
    from the cache of readings, nor of trainings. Every score and extra must be what the table says,
    digit for digit. Only where a network computes something (processor and threads decide the last
    digits of that) may the two scores differ by up to the tolerance of the spec.

    Raises
    ------
    ResultsError
        Spec, data or weights have changed, there is nothing to put right, or a row came out
        differently. The table is then left as it is.
    """
    file = path(experiment.id)
    table = read(file)
    require_only_code(experiment)
    rows = table.iloc[_drawn(experiment, table, draw)]
    for name in needed(experiment):
        archives.fetch(name)
    with cache.afresh("runs"):  # arms of one training share it
        gaps = [
            _gap(experiment, experiment.read(cell.dose, cell.seed, cell.arm), row)
            for cell, row in _placed(experiment, rows)
        ]
    _carry_over(experiment, table)
    rewrite(file, code=stamps(experiment)["code"])
    return Restamped(file, len(rows), [gap for gap in gaps if gap is not None])


def require_only_code(experiment: Experiment) -> None:
    """Raise `ResultsError` unless the code behind a table has changed, and nothing else."""
    file, changed = path(experiment.id), stale(experiment)
    other = [name for name in changed if name not in ("code", "intervals")]
    if other:
        raise ResultsError(
            f"results/{file.name} can't be restamped: {' and '.join(other)} changed as well as, or "
            f"in place of, the code. Run `illusionkit measure {experiment.id} --write`."
        )
    if "code" not in changed:
        raise ResultsError(f"The code behind results/{file.name} has not changed.")


def _drawn(experiment: Experiment, table: pd.DataFrame, draw: int) -> list[int]:
    """Return row numbers: the ends of the doses in every arm, first seed, and some others.

    Of a costly table any rows, each as likely as the others.
    """
    ends = {text(float(dose)) for dose in (experiment.knob.doses[0], experiment.knob.doses[-1])}
    dose = table["dose"].map(lambda value: text(float(value)))
    extreme = np.flatnonzero(dose.isin(ends) & (table["seed"] == experiment.seeds[0])).tolist()
    others = [number for number in range(len(table)) if number not in extreme]
    drawing, wanted = random.Random(draw), len(extreme) + min(FURTHER, len(others))
    if wanted * experiment.cost > BUDGET:
        fewer = min(wanted, max(FEWEST, int(BUDGET / experiment.cost)))
        return sorted(drawing.sample(range(len(table)), fewer))
    return sorted([*extreme, *drawing.sample(others, wanted - len(extreme))])


def _gap(experiment: Experiment, reading: Reading, row: Row) -> float | None:
    """Return by how much a score differs from the table's, None if nothing differs; or raise."""
    scores = {"apparent": float(reading.apparent), "honest": float(reading.honest)}
    same = all(text(value) == text(row[name]) for name, value in scores.items())
    if same and extras_text(reading) == row["extras"]:
        return None
    gap = max(abs(value - row[name]) for name, value in scores.items())
    if experiment.weights and gap <= experiment.tolerance + 10**-DIGITS:
        return gap
    raise ResultsError(
        f"results/{experiment.id}.csv is left as it is: arm '{row['arm']}' at dose {row['dose']:g} "
        f"and seed {row['seed']} now gives {scores['apparent']:.6f} and {scores['honest']:.6f}, "
        f"not {row['apparent']:.6f} and {row['honest']:.6f}, or other extras. The code changed a "
        f"number: run `illusionkit measure {experiment.id} --write`."
    )


def _carry_over(experiment: Experiment, table: pd.DataFrame) -> None:
    """Keep the readings of a table, where the cache holds them, under the present hash as well."""
    now = stamps(experiment)["code"]
    for cell, row in _placed(experiment, table):
        reading = kept(experiment, cell, row)
        if reading is not None:
            keep(experiment, cell, reading, {**row, "code": now})
