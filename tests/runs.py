"""The one run of a page that every gate reads: made by whichever worker asks first, then kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import execute
import nbformat
import notebooks
from filelock import FileLock
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode


@dataclass(frozen=True)
class PageRun:
    """A page that was run under the strict environment; `error` says where it stopped, if it did.

    `folder` holds it as the kernel left it, beside the tables of its interactive figures.
    """

    folder: Path
    error: str

    @property
    def notebook(self) -> NotebookNode:
        """The page with fresh outputs, not normalised; a copy for each who asks."""
        return notebooks.read(self.folder / "page.ipynb")

    @property
    def tables(self) -> list[list[dict[str, Any]]]:
        """The tables that its figures recorded, without an order."""
        files = sorted((self.folder / "records").glob("*.json"))
        return [json.loads(file.read_text(encoding="utf-8"))["table"] for file in files]


def run_once(path: Path, shared: Path) -> PageRun:
    """Return the run of a page that this run of the tests shares, after making it if need be."""
    folder = shared / "pages" / path.stem
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / "error.txt"
    with FileLock(folder / "lock"):
        if not note.exists():
            note.write_text(run(path, folder), encoding="utf-8")
        return PageRun(folder, note.read_text(encoding="utf-8"))


def run(path: Path, folder: Path) -> str:
    """Run a page into a folder; return what went wrong, or nothing."""
    try:
        page = execute.ran(path, record=folder / "records")
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        return str(error) or type(error).__name__
    (folder / "page.ipynb").write_text(nbformat.writes(page), encoding="utf-8")
    return ""
