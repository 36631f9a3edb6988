"""Where the book's notebooks are, and the one way they are read and written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
OPENING = "intro.ipynb"
"""The opening page stands beside the chapters, since it is the root of the contents."""


def pages(root: Path = ROOT) -> list[Path]:
    """Return every notebook of the book: those of the chapters by path, then the opening."""
    found = sorted((root / "chapters").rglob("*.ipynb"))
    own = [p for p in (*found, root / OPENING) if ".ipynb_checkpoints" not in p.parts]
    return [p for p in own if p.is_file()]


def markdown_pages(root: Path = ROOT) -> list[Path]:
    """Return the Markdown pages of the book: those among the chapters, and the glossary."""
    chapters = sorted((root / "chapters").rglob("*.md"))
    return [p for p in (*chapters, root / "glossary.md") if p.is_file()]


def read(path: Path) -> NotebookNode:
    """Return the notebook at `path`, as nbformat 4."""
    return nbformat.read(path, as_version=4)


def as_text(notebook: NotebookNode) -> str:
    """Return the text of a notebook's file."""
    return str(nbformat.writes(notebook, version=4)).rstrip("\n") + "\n"


def write(notebook: NotebookNode, path: Path) -> None:
    """Validate and write a notebook: same content, same bytes."""
    nbformat.validate(notebook)
    path.write_text(as_text(notebook), encoding="utf-8", newline="\n")


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the code cells, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def text_of(value: str | list[str]) -> str:
    """Return a multi-line field of the notebook format as one string."""
    return value if isinstance(value, str) else "".join(value)


def output_texts(cell: NotebookNode) -> Iterator[tuple[str, str]]:
    """Yield (kind, text) of every textual output of a cell; the kind is a MIME type or stream."""
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            yield output.name, text_of(output.text)
        elif output.output_type == "error":
            yield "error", "\n".join(output.traceback)
        for mime, value in output.get("data", {}).items():
            if isinstance(value, (str, list)) and not mime.startswith("image/p"):
                yield mime, text_of(value)
