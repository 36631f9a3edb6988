"""Where the book's notebooks are, and the one way they are read and written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
OPENING = "intro.ipynb"
"""The opening page stands beside the chapters, since it is the root of the contents."""
DATA = re.compile(r'<script type="application/json">(.*?)</script>', re.DOTALL)
"""The data of a widget, in its HTML."""


def pages(root: Path = ROOT) -> list[Path]:
    """Return every notebook of the book: those of the chapters by path, then the opening."""
    found = sorted((root / "chapters").rglob("*.ipynb"))
    own = [p for p in (*found, root / OPENING) if ".ipynb_checkpoints" not in p.parts]
    return [p for p in own if p.is_file()]


def markdown_pages(root: Path = ROOT) -> list[Path]:
    """Return the Markdown pages of the book: those among the chapters, and the glossary."""
    chapters = sorted((root / "chapters").rglob("*.md"))
    return [p for p in (*chapters, root / "glossary.md") if p.is_file()]


def documents(root: Path = ROOT) -> list[str]:
    """Return the pages that the contents name, in the order in which they are read."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    return [toc["root"], *below(toc)]


def below(entry: dict[str, Any]) -> Iterator[str]:
    """Yield the pages that stand below an entry of the contents, in their order."""
    for key in ("parts", "chapters", "sections"):
        for each in entry.get(key, []):
            if "file" in each:
                yield each["file"]
            yield from below(each)


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


def html_of(cells: Iterable[NotebookNode]) -> Iterator[str]:
    """Yield the HTML that cells show, in their order."""
    for cell in cells:
        yield from (text for kind, text in output_texts(cell) if kind == "text/html")


def payloads(cells: Iterable[NotebookNode], kind: str) -> list[str]:
    """Return the data of every widget of a kind, such as "scene", as JSON, in order."""
    shown = (text for text in html_of(cells) if f'data-ik="{kind}"' in text)
    return [data for text in shown for data in DATA.findall(text)]
