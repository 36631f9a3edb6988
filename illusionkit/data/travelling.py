"""What lies in the book's own folder, and travels with the package so that a page works alone."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def place(name: str) -> Path:
    """Return where a file or folder lies: in an installed package, or in the book's own folder.

    The package is asked for by its name: a hash of what code does must hold no path of a machine.
    """
    kit = Path(str(files("illusionkit")))
    return kit / name if (kit / name).exists() else kit.parent / name
