"""The catalogue: every registered experiment, in modules by step of the pipeline."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from illusionkit.errors import DesignError
from illusionkit.experiment import Experiment

STEPS = (
    "principle",
    "collect",
    "collect_copies",
    "collect_groups",
    "collect_labels",
    "collect_balance",
    "collect_column",
    "collect_shift",
    "collect_years",
    "collect_mail",
    "pretrain",
    "tune",
    "tune_curves",
    "tune_epochs",
    "tune_rate",
    "tune_loop",
)
"""The modules that hold experiments, in the order of the pipeline's steps."""


@cache
def experiments() -> dict[str, Experiment]:
    """Return every registered experiment by its id, in the order of the pipeline's steps."""
    modules = [import_module(f"{__name__}.{step}") for step in STEPS]
    return {found.id: found for module in modules for found in module.EXPERIMENTS}


def experiment(experiment_id: str) -> Experiment:
    """Return the registered experiment called ``experiment_id``.

    Raises
    ------
    DesignError
        There is no such experiment.
    """
    try:
        return experiments()[experiment_id]
    except KeyError:
        known = ", ".join(experiments())
        raise DesignError(
            f"No experiment is called '{experiment_id}'. There are: {known}."
        ) from None
