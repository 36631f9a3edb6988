"""Which data sets there are: every module of this folder that has ``SOURCES``, found by itself.

``SOURCES`` gives the archive and the members behind each data set; the function that loads a data
set is called as it is.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from functools import cache as memoised
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from illusionkit import cache, data
from illusionkit.data import archives
from illusionkit.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


@memoised
def modules() -> tuple[ModuleType, ...]:
    """Return the modules that hold data sets, by name."""
    names = sorted(f"{data.__name__}.{entry.name}" for entry in pkgutil.iter_modules(data.__path__))
    return tuple(module for module in map(import_module, names) if hasattr(module, "SOURCES"))


def loaders() -> dict[str, Callable[..., pd.DataFrame]]:
    """Return what loads each data set, by name."""
    return {name: getattr(module, name) for module in modules() for name in module.SOURCES}


def members(name: str) -> tuple[str, tuple[str, ...]]:
    """Return the archive behind a data set, and the archive's members that it is made of.

    Raises DataError: there is no such data set.
    """
    for module in modules():
        if name in module.SOURCES:
            return module.SOURCES[name]
    raise DataError(f"No data set is called '{name}'. There are: {', '.join(loaders())}.")


def fingerprint(name: str) -> str:
    """Return a hash of the pinned bytes that a data set is made of; it changes when they do."""
    archive, parts = members(name)
    pinned = archives.source(archive).members
    return cache.digest(*(pinned[part].sha256 for part in parts))[:16]
