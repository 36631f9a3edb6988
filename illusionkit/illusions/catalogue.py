"""The whole catalogue as one table, made of the registry and of the kept results alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from illusionkit.experiment.spec import Experiment
from illusionkit.experiment.sweep import verdict
from illusionkit.illusions import experiments, results

if TYPE_CHECKING:
    import pandas as pd

    from illusionkit.experiment.results import Results

FLAWED = "flawed"
BESIDE = ("control", "cured")


def catalogue(ids: Sequence[str] | None = None) -> pd.DataFrame:
    """Return one row an experiment that has a flawed arm, all of them or those named.

    Columns: id, title, step, kind, design, metric, page, symptom, caught_by; knob, unit and dose,
    the default one, or the highest measured where that was not; apparent, honest and optimism of
    the flawed arm with the interval's ends (optimism_lo, optimism_hi); margin, the optimism that
    counts as none, and size, optimism in margins; the verdicts flawed, control, cured, empty where
    there is no such arm; cured_apparent and cured_honest, NaN without one; units, seeds.
    Used in chapter 9. Errors as in `results`.
    """
    import pandas as pd

    chosen = experiments() if ids is None else {name: experiments()[name] for name in ids}
    rows = [_row(trial, results(name)) for name, trial in chosen.items() if FLAWED in trial.arms]
    return pd.DataFrame(rows)


def _row(trial: Experiment, kept: Results) -> dict[str, Any]:
    """Return an experiment's row."""
    measured = set(kept.cells.query("arm == @FLAWED")["dose"])
    dose = trial.knob.default if trial.knob.default in measured else max(measured)
    present = [arm for arm in (FLAWED, *BESIDE) if arm in trial.arms]
    cells: dict[str, Mapping[str, Any]] = {
        arm: {str(name): value for name, value in kept.cell(arm, dose).items()} for arm in present
    }
    flawed = cells[FLAWED]
    told = ("id", "title", "step", "kind", "design", "page", "symptom", "caught_by", "margin")
    scores = ("apparent", "honest", "optimism", "optimism_lo", "optimism_hi")
    cured = cells.get("cured", {})
    return {
        **{name: getattr(trial, name) for name in told}, "metric": trial.metric.name,
        "knob": trial.knob.label, "unit": trial.knob.unit, "dose": dose,
        **{name: float(flawed[name]) for name in scores},
        "size": float(flawed["optimism"]) / trial.margin,
        **{arm: verdict(trial, cells[arm]) if arm in cells else "" for arm in (FLAWED, *BESIDE)},
        **{f"cured_{name}": float(cured.get(name, "nan")) for name in scores[:2]},
        "units": int(flawed["n_units"]), "seeds": len(trial.seeds),
    }  # fmt: skip
