"""What lies in the book's own folder, and travels with the package so that a page works alone."""

from __future__ import annotations

from pathlib import Path


def place(name: str) -> Path:
    """Return where a file or folder lies: in an installed package, or in the book's own folder."""
    inside = Path(__file__).parents[1] / name
    return inside if inside.exists() else Path(__file__).parents[2] / name
