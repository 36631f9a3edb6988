"""Run an experiment over doses, seeds and arms, and put intervals round what came out."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from illusionkit import cache
from illusionkit.arrays import Array
from illusionkit.data import archives
from illusionkit.errors import DesignError
from illusionkit.experiment.provenance import needed, provenance, scoring
from illusionkit.experiment.reading import Metric, Reading, Rows
from illusionkit.experiment.spec import Experiment
from illusionkit.meaning import code_hash

REPLICATES = 1000
LEVEL = 0.95
STAMPS = ("code", "spec", "data", "weights", "versions")
"""What a kept reading depends on; how intervals are made of readings is not among it."""


@dataclass(frozen=True)
class Cell:
    """Where a reading stands in the sweep."""

    arm: str
    dose: float
    seed: int


def sweep(
    experiment: Experiment,
    *,
    doses: Sequence[float] | None = None,
    seeds: Sequence[int] | None = None,
    arms: Sequence[str] | None = None,
    part: str = "book",
    workers: int | None = None,
) -> dict[Cell, Reading]:
    """Return the readings of doses x seeds x arms, in that fixed order.

    Readings are kept in the cache, so that a sweep that was stopped goes on where it was. The
    readings do not depend on ``workers``; a joblib backend set around the call is used.

    Raises
    ------
    DesignError
        No seeds, a value out of range, an unknown arm, or arms that were judged by
        different units at the same dose and seed.
    ArchiveError
        The data or the weights are not in the cache and can't be fetched.
    """
    from joblib import Parallel, delayed
    from tqdm import tqdm

    cells = _grid(experiment, doses, seeds, arms)
    for name in needed(experiment):  # here, so that workers need no network and fail on none
        archives.fetch(name)
    stamps = provenance(experiment)
    jobs = (delayed(_kept)(experiment, cell, part, stamps) for cell in cells)
    parallel = Parallel(n_jobs=workers or min(2, os.cpu_count() or 1), return_as="generator")
    quiet = os.environ.get("ILLUSIONKIT_STRICT") == "1"
    bar = tqdm(parallel(jobs), total=len(cells), desc=experiment.id, disable=quiet, leave=False)
    readings = dict(zip(cells, bar, strict=True))
    _same_judge(readings)
    return readings


def _grid(
    experiment: Experiment,
    doses: Sequence[float] | None,
    seeds: Sequence[int] | None,
    arms: Sequence[str] | None,
) -> list[Cell]:
    """Return the cells of the sweep, everything checked before anything runs."""
    doses = experiment.knob.doses if doses is None else sorted(set(doses))
    seeds = experiment.seeds if seeds is None else list(dict.fromkeys(seeds))
    arms = experiment.arms if arms is None else arms
    if not seeds or not doses or not arms:
        raise DesignError("A sweep needs at least one dose, one seed and one arm.")
    for dose in doses:
        experiment.knob.check(dose)
    for arm, seed in product(arms, seeds):
        experiment.check(arm, seed)
    return [Cell(a, float(d), int(s)) for a in arms for d in doses for s in seeds]


def grid(experiment: Experiment) -> list[Cell]:
    """Return the cells of the whole spec, in the order of its table."""
    return _grid(experiment, None, None, None)


def _kept(experiment: Experiment, cell: Cell, part: str, stamps: Mapping[str, str]) -> Reading:
    """Return a reading from the cache, or run it and keep it there."""

    def make() -> dict[str, Array]:
        return _to_arrays(experiment.read(cell.dose, cell.seed, cell.arm, part))

    return _from_arrays(cache.arrays("readings", _key(experiment.id, cell, part, stamps), make))


def _key(experiment_id: str, cell: Cell, part: str, stamps: Mapping[str, str]) -> str:
    """Return what a reading is kept under: its place, and the hashes that it depends on."""
    place = json.dumps([experiment_id, cell.arm, cell.dose, cell.seed, part])
    return cache.digest(place, *(stamps[name] for name in STAMPS))


def kept(experiment: Experiment, cell: Cell, stamps: Mapping[str, str]) -> Reading | None:
    """Return a reading of the book part that was kept under ``stamps``, or None."""
    arrays = cache.kept("readings", _key(experiment.id, cell, "book", stamps))
    return None if arrays is None else _from_arrays(arrays)


def keep(experiment: Experiment, cell: Cell, reading: Reading, stamps: Mapping[str, str]) -> None:
    """Keep a reading of the book part under ``stamps``."""
    key = _key(experiment.id, cell, "book", stamps)
    cache.arrays("readings", key, lambda: _to_arrays(reading))


def _to_arrays(reading: Reading) -> dict[str, Array]:
    """Return a reading as named arrays."""
    arrays = {"scores": np.array([reading.apparent, reading.honest])}
    arrays["extras"] = np.array(json.dumps(dict(reading.extras)))
    for side in ("apparent", "honest"):
        rows = getattr(reading, f"{side}_rows")
        for name, value in vars(rows).items() if rows is not None else ():
            if value is not None:
                arrays[f"{side}.{name}"] = value
    return arrays


def _from_arrays(arrays: Mapping[str, Array]) -> Reading:
    """Return the reading that `_to_arrays` took apart (already checked against its design)."""
    sides = {}
    for side in ("apparent", "honest"):
        found = {k.split(".")[1]: v for k, v in arrays.items() if k.startswith(side + ".")}
        sides[f"{side}_rows"] = Rows(**found) if found else None
    apparent, honest = map(float, arrays["scores"])
    extras = json.loads(str(arrays["extras"]))
    return Reading(apparent, honest, extras=extras, **sides)  # type: ignore[arg-type]


def _same_judge(readings: Mapping[Cell, Reading]) -> None:
    """Raise unless all arms were judged by the same units at each dose and seed."""
    judges: dict[tuple[float, int], Array] = {}
    for cell, reading in readings.items():
        if reading.honest_rows is None:
            continue
        units = np.unique(reading.honest_rows.unit)
        first = judges.setdefault((cell.dose, cell.seed), units)
        if not np.array_equal(first, units):
            raise DesignError(
                f"Arm '{cell.arm}' was judged by other units than the arm before "
                f"it, at dose {cell.dose:g} and seed {cell.seed}."
            )


def cells(experiment: Experiment, readings: Mapping[Cell, Reading]) -> pd.DataFrame:
    """Return mean and 95 % interval for each arm and dose, over units and seeds together.

    Columns: arm, dose; apparent, honest and optimism, each with ``_lo`` and ``_hi``; n_units,
    n_seeds. Order: arms as in the spec, doses ascending. The bootstrap draws units and seeds
    independently ("pigeonhole", Owen 2007), because seeds share units.
    """
    groups: dict[tuple[str, float], list[Reading]] = {}
    for cell, reading in readings.items():
        groups.setdefault((cell.arm, cell.dose), []).append(reading)
    order = sorted(groups, key=lambda place: (experiment.arms.index(place[0]), place[1]))
    rows = [{"arm": a, "dose": d, **summary(experiment.metric, groups[a, d])} for a, d in order]
    return pd.DataFrame(rows)


def summary(metric: Metric, readings: Sequence[Reading]) -> dict[str, float]:
    """Return means over seeds with intervals, for readings of one arm and dose."""
    sides: dict[str, list[Rows | None]] = {
        "apparent": [reading.apparent_rows for reading in readings],
        "honest": [reading.honest_rows for reading in readings],
    }
    units = np.unique(np.concatenate([r.unit for side in sides.values() for r in side if r]))
    rng = np.random.default_rng(0)
    draws = rng.multinomial(len(units), np.full(len(units), 1 / len(units)), REPLICATES)
    weights = draws.astype(float)  # products of floats are many times faster
    seeds = rng.multinomial(len(readings), np.full(len(readings), 1 / len(readings)), REPLICATES)
    drawn, means = {}, {}
    for name, side in sides.items():
        known = np.array([getattr(reading, name) for reading in readings])
        means[name] = known.mean()
        scores = [_resampled(metric, rows, units, weights) for rows in side if rows]
        table = np.array(scores).T if scores else np.tile(known, (REPLICATES, 1))
        with np.errstate(invalid="ignore"):  # no seed left: the replicate says nothing
            counts = (seeds * ~np.isnan(table)).sum(axis=1)
            drawn[name] = np.nansum(table * seeds, axis=1) / counts
    for scores_of in (drawn, means):
        scores_of["optimism"] = metric.sign * (scores_of["apparent"] - scores_of["honest"])
    result: dict[str, float] = {}
    for name, values in drawn.items():
        result[name] = float(means[name])
        low, high = np.nanquantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        result |= {f"{name}_lo": float(low), f"{name}_hi": float(high)}
    return result | {"n_units": len(units), "n_seeds": len(readings)}


def _resampled(metric: Metric, rows: Rows, units: Array, weights: Array) -> Array:
    """Return the score of ``rows`` under each row of unit ``weights`` (replicates x units)."""
    place = np.searchsorted(units, rows.unit)
    if metric.per_row is None:
        drawn = (w[place] for w in weights)
        return np.array([metric.score(rows, w) if w.any() else np.nan for w in drawn])
    total = np.bincount(place, metric.per_row(rows), len(units))
    count = np.bincount(place, minlength=len(units))
    with np.errstate(invalid="ignore"):
        return np.asarray((weights @ total) / (weights @ count))


def intervals_hash(experiment: Experiment) -> str:
    """Return a hash of the code that turns readings of an experiment into intervals."""
    return code_hash(summary, *scoring(experiment.metric))


def verdict(experiment: Experiment, row: Mapping[str, Any]) -> str:
    """Return what a cell says about its optimism.

    "equivalent": the whole interval lies within the margin and its half-width is below half the
    margin (two one-sided tests at 2.5 %); "positive" or "negative": the interval leaves out 0;
    "inconclusive": anything else. A cell may be equivalent though its interval leaves out 0.
    """
    low, high = row["optimism_lo"], row["optimism_hi"]
    narrow = (high - low) / 2 < experiment.margin / 2
    if narrow and -experiment.margin < low and high < experiment.margin:
        return "equivalent"
    if low > 0 or high < 0:
        return "positive" if low > 0 else "negative"
    return "inconclusive"
