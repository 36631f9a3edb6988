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

from illusionkit import cache
from illusionkit.data import archives
from illusionkit.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

PACKAGE = "illusionkit.data"


@memoised
def modules() -> tuple[ModuleType, ...]:
    """Return the modules that hold data sets, by name."""
    folder = import_module(PACKAGE).__path__
    names = sorted(found.name for found in pkgutil.iter_modules(folder))
    loaded = [import_module(f"{PACKAGE}.{name}") for name in names]
    return tuple(module for module in loaded if hasattr(module, "SOURCES"))


def loaders() -> dict[str, Callable[..., pd.DataFrame]]:
    """Return what loads each data set, by name."""
    return {name: getattr(module, name) for module in modules() for name in module.SOURCES}


def members(data: str) -> tuple[str, tuple[str, ...]]:
    """Return the archive behind a data set, and the archive's members that it is made of.

    Raises DataError: there is no such data set.
    """
    for module in modules():
        if data in module.SOURCES:
            return module.SOURCES[data]
    raise DataError(f"No data set is called '{data}'. There are: {', '.join(loaders())}.")


def fingerprint(data: str) -> str:
    """Return a hash of the pinned bytes that a data set is made of; it changes when they do."""
    archive, names = members(data)
    pinned = archives.source(archive).members
    return cache.digest(*(pinned[name].sha256 for name in names))[:16]
