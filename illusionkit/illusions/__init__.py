"""The catalogue: every registered experiment, one module a step of the pipeline."""

from __future__ import annotations

from functools import cache

from illusionkit.errors import DesignError
from illusionkit.experiment import Experiment


@cache
def experiments() -> dict[str, Experiment]:
    """Return every registered experiment by its id, in the order of the pipeline's steps."""
    from illusionkit.illusions import collect, collect_groups, tune

    steps = (collect, collect_groups, tune)
    return {found.id: found for step in steps for found in step.EXPERIMENTS}


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
