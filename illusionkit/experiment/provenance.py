"""What a reading depends on: hashes of the code, the spec and the data, and library versions."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from illusionkit import cache
from illusionkit.data import archives, registry
from illusionkit.experiment.reading import Metric
from illusionkit.experiment.spec import Experiment
from illusionkit.meaning import code_hash
from illusionkit.models.encoders import LIBRARIES

READER = ("symptom", "caught_by", "kind", "null_dose")
ELSEWHERE = ("title", "step", "page", "cost", "weights", *READER)
"""Not in the hash of the spec: what is for a reader only, and what has a hash of its own."""


def provenance(experiment: Experiment) -> dict[str, str]:
    """Return the hashes and versions that a reading of ``experiment`` depends on.

    Keys: code, spec, data, weights ("none" where no trained weights come in), versions.
    """
    libraries = ("numpy", "scipy", "scikit-learn", *(LIBRARIES if experiment.weights else ()))
    versions = [f"{name} {version(name)}" for name in libraries]
    fixed = {name: value for name, value in experiment.spec.items() if name not in ELSEWHERE}
    return {
        "code": code_hash(experiment.run, *scoring(experiment.metric), Experiment.optimism),
        "spec": cache.digest(json.dumps(fixed, sort_keys=True))[:12],
        "data": cache.digest(*(registry.fingerprint(name) for name in experiment.data))[:12],
        "weights": _weights(experiment),
        "versions": "; ".join(versions),
    }


def scoring(metric: Metric) -> list[Callable[..., Any]]:
    """Return the functions that decide a score."""
    own = (metric.per_row, metric.whole)
    return [type(metric).score, *(each for each in own if each is not None)]


def needed(experiment: Experiment) -> list[str]:
    """Return the ids of the archives that ``experiment`` reads: its data, then its weights."""
    data = [registry.members(name)[0] for name in experiment.data]
    return list(dict.fromkeys([*data, *experiment.weights]))


def _weights(experiment: Experiment) -> str:
    pinned = [archives.source(name).members["weights"].sha256 for name in experiment.weights]
    return cache.digest(*pinned)[:12] if pinned else "none"


def cpuinfo(told: Path = Path("/proc/cpuinfo")) -> dict[str, str]:
    """Return what Linux tells of the first processor, by its own names; nothing elsewhere."""
    lines = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
    pairs = (line.partition(":") for line in reversed(lines) if ":" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}


def machine() -> dict[str, str]:
    """Return the Python version and the processor's name."""
    name = cpuinfo().get("model name") or platform.processor() or platform.machine()
    return {"python": platform.python_version(), "cpu": f"{name}, {os.cpu_count()} cores"}
