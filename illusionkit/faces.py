"""Faces: what a folder of the kit offers to a page, loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def face(package: str, **modules: str) -> tuple[Callable[[str], Any], list[str]]:
    """Return ``__getattr__`` and ``__all__`` of a package.

    Each keyword is a module of the package, its value the names that it offers, set apart by
    spaces. No module may be called like a name on offer: importing it would hide the name.
    """
    homes = {name: module for module, names in modules.items() for name in names.split()}

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"'{package}' offers no '{name}', but {', '.join(sorted(homes))}.")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return load, sorted(homes)
