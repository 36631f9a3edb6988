"""The derived table of chapter 2: optimism, gap between groups and drop under slips, by reading.

Which experiments: those scored by accuracy (or by misrouted of a thousand, which is accuracy turned
over) whose model is learned from texts or from rows about persons in seconds, and judged by a
`Task`. Left out for a reason that was known beforehand: where nothing is read (coins, made-up
columns), where the gap or the drop *is* the illusion (subgroups, slips), where a network is
fine-tuned, and mail, whose rows no `Task` judges. Of each, the arm *flawed*, the lowest, the middle
and the highest dose of its spec, its first three seeds.

Of which model and rows: those behind the honest score. Under *fresh-sample*, *same-rows* and
*two-populations* that is the model of the flawed procedure itself; under *paired-models* the model
that was trained clean, which no dose can move.

*Gap*: accuracy on long texts less that on short ones, cut at the median number of characters of the
rows that judge; of persons, women less men. Two columns: on the units of one half of the world, and
of the other (`half`). A point's gap is read across: its sign on one half, its size on the other,
both ways, so that chance alone gives 0 however few rows judge. *Drop*: accuracy on the texts less
that on the same texts with four words misspelled (`slipped`). Chinese texts and persons have none.

Said before any of this was measured. The arrows predict: a larger illusion goes with a larger gap
(+), and with a larger drop (+); a larger gap goes with a larger drop (+); a larger drop goes with a
lower honest score (-). Each is asked *between* experiments, at their highest doses, by Spearman's
rank correlation, with an interval of 95 % from drawing experiments with replacement. It is
*supported* where the interval leaves out 0 on the side of the arrow, and the partial correlation
given the *skill* (honest score less the share of the commonest class) has the same sign in 95 of
100 draws; *refuted* where it leaves out 0 on the other side; *open* otherwise. The skill is the
best rival: who knows nothing has neither a gap to show nor anything to lose. For the last arrow it
is part of the question, and is not taken out.

Expected by us: with 12 to 15 experiments unrelated rankings reach about .5 to .6 by chance, so most
arrows stay open. The first open, near 0. The second not above 0, since the largest illusions here
sit on the poorest models, which have little to lose. The third open. The fourth refuted: better
models lose more. *Within* experiments, over doses, the optimism moves and the gap hardly does: near
0. All three figures (one heap, between, within) are printed beside each other, as they may differ
in sign (Simpson). Used in chapter 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd

from illusionkit.arrays import Array
from illusionkit.errors import ResultsError
from illusionkit.experiment import records, results
from illusionkit.experiment.derived import derive
from illusionkit.experiment.provenance import machine, provenance, scoring
from illusionkit.experiment.reading import ACCURACY, Reading, Rows
from illusionkit.experiment.spec import Experiment
from illusionkit.experiment.sweep import Cell
from illusionkit.illusions import experiment
from illusionkit.illusions.relations import slipped
from illusionkit.illusions.relations.overheard import Training, behind, overheard
from illusionkit.meaning import code_hash

FILMS = "movie_reviews"
TWICE: Mapping[str, slipped.Twice | None] = {
    "domain-shift-products": slipped.encoded(FILMS, "product_reviews"),
    "domain-shift-tweets": slipped.encoded(FILMS, "tweets"),
    "domain-shift-editorials": slipped.encoded(FILMS, "editorials"),
    "domain-shift-years": None,
    "duplicate-leakage": None,
    "duplicates-as-shipped": None,
    "duplicate-leakage-english": slipped.characters,
    "group-leakage": slipped.encoded("editorials"),
    "label-noise": slipped.encoded(FILMS),
    "label-noise-systematic": slipped.encoded(FILMS),
    "label-noise-rater": slipped.encoded(FILMS),
    "small-sample": slipped.scaled(FILMS),
    "preprocessing-leakage": slipped.picked_words,
    "customer-service": slipped.pairs,
    "customer-service-copies": slipped.pairs,
}
"""The experiments, and the learner of each over texts with and without slips, where it has one."""

SEEDS = 3
COLUMNS = ("optimism", "honest", "commonest", "rows", "gap_one", "gap_other", "drop", "same")
"""Scores as accuracies; ``same`` is the share of answers that the second learner gives alike."""
STAMPS = ("code", "data", "weights")
TOLERANCE = 0.02
"""How far a number may differ on another CPU: a few answers of some hundred."""


def cells(of: Experiment) -> list[Cell]:
    """Return the readings that are asked: three doses, the first seeds."""
    doses = of.knob.doses
    chosen = dict.fromkeys((doses[0], doses[len(doses) // 2], doses[-1]))
    return [Cell("flawed", float(d), s) for d in chosen for s in of.seeds[:SEEDS]]


def half(unit: Array) -> Array:
    """Return which of two halves of the world each row's unit falls into, by its name: 0 or 1."""
    return np.array([crc32(str(name).encode()) % 2 for name in unit])


def grouped(training: Training, where: Array) -> Array:
    """Return 1 for the rows of long texts, or of women, and 0 for the others."""
    table = training.task.table.iloc[where]
    if "text" not in table:
        return (table["sex"] == table["sex"].max()).to_numpy().astype(int)
    size = table["text"].str.len().to_numpy()
    return (size > np.median(size)).astype(int)


def gap(rows: Rows, of: int) -> float:
    """Return how much more accurate group 1 is than group 0, on one half of the units."""
    assert rows.group is not None
    mine = half(rows.unit) == of
    one, other = (mine & (rows.group == name) for name in (1, 0))
    if not (one.any() and other.any()):
        return float("nan")
    return ACCURACY.score(rows, one.astype(float)) - ACCURACY.score(rows, other.astype(float))


def read(of: Experiment, cell: Cell) -> Reading:
    """Run one reading, and return it with groups, and with what its model makes of slips."""
    with overheard() as heard:
        reading = of.read(cell.dose, cell.seed, cell.arm)
    assert reading.honest_rows is not None
    training, where = behind(heard, reading.honest_rows)
    rows = replace(reading.honest_rows, group=grouped(training, where))
    extras = {"drop": float("nan"), "same": float("nan")}
    if twice := TWICE[of.id]:
        learner, size = twice(training, cell.dose), len(training.task.table)
        asked = np.concatenate([where, where + size])
        plain, after = np.split(learner.predict(training.train, training.labels, asked), 2)
        extras["drop"] = float(np.mean(plain == rows.truth) - np.mean(after == rows.truth))
        extras["same"] = float(np.mean(plain == rows.prediction))
    return replace(reading, honest_rows=rows, extras=extras)


def derived(of: Experiment, where: list[Cell]) -> pd.DataFrame:
    """Return some readings of an experiment as a table: id, arm, dose, seed and `COLUMNS`."""
    unit = 1000.0 if of.metric.name == "misrouted of a thousand" else 1.0
    readings = {cell: read(of, cell) for cell in where}
    table = derive(
        readings,
        optimism=lambda r: of.optimism(r) / unit,
        honest=lambda r: ACCURACY.score(_rows(r)),
        commonest=lambda r: np.unique(_rows(r).truth, return_counts=True)[1].max() / _size(r),
        rows=_size,
        gap_one=lambda r: gap(_rows(r), 0),
        gap_other=lambda r: gap(_rows(r), 1),
        drop=lambda r: r.extras["drop"],
        same=lambda r: r.extras["same"],
    )
    table.insert(0, "id", of.id)
    return table


def _rows(reading: Reading) -> Rows:
    assert reading.honest_rows is not None
    return reading.honest_rows


def _size(reading: Reading) -> float:
    return float(len(_rows(reading).truth))


def path() -> Path:
    """Return where the derived table lies."""
    return records.folder() / "derived" / "relations.csv"


def stamps(of: Experiment) -> dict[str, str]:
    """Return the hashes that an experiment's rows of the table depend on."""
    fixed, twice = provenance(of), TWICE[of.id]
    own = [read, grouped, gap, *([twice] if twice else [])]
    code = code_hash(of.run, *scoring(of.metric), *own)  # type: ignore[arg-type]
    return {**{name: fixed[name] for name in (*STAMPS, "versions")}, "code": code}


def write(*names: str) -> Path:
    """Measure the rows of some experiments, or of all, and return the table's path.

    Each experiment's rows are kept as soon as they are there.
    """
    for of in map(experiment, names or TWICE):
        origin = {**stamps(of), **machine()}
        made = derived(of, cells(of)).assign(**origin, date=_today())
        _keep(of.id, made)
    return path()


def _today() -> str:
    return datetime.now(timezone.utc).date().isoformat()


def _keep(name: str, made: pd.DataFrame) -> None:
    """Put an experiment's rows in place of those that the table has of it."""
    file = path()
    file.parent.mkdir(parents=True, exist_ok=True)
    kept = [results.read(file).drop(columns="check")] if file.exists() else []
    table = pd.concat([*(old[old["id"] != name] for old in kept), made], ignore_index=True)
    place = [*table["id"].map(list(TWICE).index)]
    table = table.assign(place=place).sort_values(["place", "dose", "seed"]).drop(columns="place")
    table.to_csv(file, index=False, float_format="%.6f", lineterminator="\n")
    results.rewrite(file)  # gives every row its checksum


def relations() -> pd.DataFrame:
    """Return the derived table as it was measured, checked. Used in chapter 2.

    Raises
    ------
    ResultsError
        There is none, a row was edited by hand, or code, data or weights have changed since.
    """
    table = results.read(path())
    changed = [name for name, rows in table.groupby("id") if is_stale(str(name), rows)]
    if changed or set(table["id"]) != set(TWICE):
        raise ResultsError(
            f"results/derived/{path().name} is stale or not whole: {', '.join(map(str, changed))}. "
            "Run `python -m illusionkit.illusions.relations.measured`, with --restamp if the code "
            "changed and should change no number."
        )
    return table


def is_stale(name: str, rows: pd.DataFrame) -> bool:
    """Return whether an experiment's rows were measured by other code, data or weights."""
    now = stamps(experiment(name))
    return any((rows[stamp].astype(str) != now[stamp]).any() for stamp in STAMPS)


def restamp() -> list[str]:
    """Put the hash of changed code into rows whose numbers still hold; return whose rows.

    Of each stale experiment the first seed is measured again at its lowest and highest dose.

    Raises
    ------
    ResultsError
        Data or weights changed as well, or a number is another one.
    """
    table, done = results.read(path()), []
    for name, rows in table.groupby("id", sort=False):
        of = experiment(str(name))
        if not is_stale(of.id, rows):
            continue
        now = stamps(of)
        if any((rows[stamp] != now[stamp]).any() for stamp in ("data", "weights")):
            raise ResultsError(f"The data or weights of '{of.id}' changed: measure it again.")
        ends = [cells(of)[0], cells(of)[-SEEDS]]
        apart = differences(rows, derived(of, ends))
        if apart > TOLERANCE:
            raise ResultsError(f"'{of.id}' gives other numbers, by up to {apart:.4f}.")
        table.loc[rows.index, "code"] = now["code"]
        done.append(of.id)
    results.rewrite(path(), code=list(table["code"]))
    return done


def differences(rows: pd.DataFrame, again: pd.DataFrame) -> float:
    """Return the largest difference of two tables in their numbers, by dose and seed."""
    place = ["dose", "seed"]
    kept, fresh = (part.round({"dose": 6}).set_index(place) for part in (rows, again))
    names = [name for name in COLUMNS if name != "rows"]
    return float((kept.loc[fresh.index, names] - fresh[names]).abs().max().max())


if __name__ == "__main__":
    import sys

    print(restamp() if sys.argv[1:] == ["--restamp"] else write(*sys.argv[1:]))
