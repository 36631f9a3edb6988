"""The catalogue: a folder a step of the pipeline, a module an illusion, found by themselves."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from illusionkit.errors import DesignError
from illusionkit.experiment.spec import Experiment

if TYPE_CHECKING:
    from illusionkit.experiment.results import Results

STEPS = (
    "principle", "collect", "pretrain", "tune", "evaluate", "improve", "generate",
    "applications", "outlook",
)  # fmt: skip
"""The folders in the order of the book; one that holds nothing yet does not exist."""


@cache
def experiments() -> dict[str, Experiment]:
    """Return every registered experiment by its id, in the order of the pipeline's steps."""
    modules = [import_module(name) for step in STEPS for name in _modules(step)]
    return {found.id: found for module in modules for found in module.EXPERIMENTS}


def _modules(step: str) -> Iterator[str]:
    """Yield the modules of a step, by name."""
    folder = f"{__name__}.{step}"
    spec = find_spec(folder)
    places = spec.submodule_search_locations if spec else []
    yield from (f"{folder}.{found.name}" for found in pkgutil.iter_modules(places))


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


def results(experiment_id: str) -> Results:
    """Return the kept table of an experiment, checked (errors: `experiment.results.results`)."""
    from illusionkit.experiment.results import results as kept

    return kept(experiment(experiment_id))
