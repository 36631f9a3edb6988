"""What a notebook of the book must be like, as checks that return sentences of complaint."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import address
import execute
import nbformat
import notebooks
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

CELL_LINES = 15
LONGER = {"scene": 48, "listing": 39}
"""By tag: the code of a scene, data and all, is folded in one cell; a listing is shown whole."""
PAGE_LINES = 60
AUTHORED = re.compile(r"(?=.*[aeiouy])[a-z]+(?:-(?:[a-z]+|[0-9]{1,2}))*")
RANDOM = re.compile(r"[0-9a-f]{8}")
HIDDEN = {"remove-cell", "remove-input", "hide-cell", "hide-input"}
TAGS = HIDDEN | {"remove-output", "hide-output", "nbval-skip", "skip-execution", "raises-exception",
                 "scene", "listing"}  # fmt: skip
SPEAKING = {"claim", "print", "display", "explore", "predict", "play", "show", "check"}
WIDGET = "application/vnd.jupyter.widget-view+json"
LOCAL_PATH = re.compile(r"(?<![\w./<])/(?:home|tmp|root|Users|private|var/folders)/\w")
DIRECTIVE = re.compile(r"^[`:]{3,}\{(?:figure|image)\}[^\n]*\n(.*?)^[`:]{3,}", re.DOTALL | re.M)
MARKDOWN_IMAGE = re.compile(r"!\[([^\]]*)\]\(")
IMG = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
SVG = re.compile(r"<svg\b[^>]*>(?:\s*<(?:title|desc)\b[^>]*>[^<]+)?", re.IGNORECASE)


def code_lines(cell: NotebookNode) -> int:
    """Return how many lines of a cell are neither blank nor a comment."""
    lines = (line.strip() for line in cell.source.splitlines())
    return sum(1 for line in lines if line and not line.startswith("#"))


def visible_lines(notebook: NotebookNode) -> int:
    """Return how many code lines a reader of the page sees."""
    cells = notebooks.code_cells(notebook)
    return sum(code_lines(c) for c in cells if not HIDDEN & set(c.metadata.get("tags", [])))


def run_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the code cells that are run."""
    cells = notebooks.code_cells(notebook)
    return [c for c in cells if "skip-execution" not in c.metadata.get("tags", [])]


def never_run(notebook: NotebookNode) -> int:
    """Return how many cells have not been run yet."""
    return sum(cell.execution_count is None for cell in run_cells(notebook))


def counts(notebook: NotebookNode) -> list[str]:
    """Complain unless the cells were run once, in order, from a fresh kernel."""
    got = [cell.execution_count for cell in run_cells(notebook)]
    return [] if got == list(range(1, len(got) + 1)) else [f"execution counts are {got}"]


def speaks(source: str) -> bool:
    """Return whether a top-level line of the code calls something that always shows output."""
    tree = ast.parse(TransformerManager().transform_cell(source))
    calls = [
        s.value for s in tree.body if isinstance(s, ast.Expr) and isinstance(s.value, ast.Call)
    ]
    return any(getattr(call.func, "id", "") in SPEAKING for call in calls)


def outputs(notebook: NotebookNode) -> list[str]:
    """Complain of outputs that are missing, wrong or tied to one machine."""
    found = []
    for cell in notebooks.code_cells(notebook):
        texts = list(notebooks.output_texts(cell))
        kinds = {kind for kind, _ in texts} | {
            mime for output in cell.outputs for mime in output.get("data", {})
        }
        if not cell.outputs and speaks(cell.source):
            found.append(f"{cell.id}: no output is stored")
        if kinds & {"stderr", "error"} and "raises-exception" not in cell.metadata.get("tags", []):
            found.append(f"{cell.id}: an error or a message on stderr is stored")
        if WIDGET in kinds:
            found.append(f"{cell.id}: a live widget is stored; store its HTML fallback")
        if any(LOCAL_PATH.search(text) for _, text in texts):
            found.append(f"{cell.id}: a path of the machine stands in the output")
    return found


def metadata(notebook: NotebookNode) -> list[str]:
    """Complain of metadata other than what the executor writes."""
    found = []
    if "widgets" in notebook.metadata:
        found.append("metadata.widgets is stored")
    for key, value in execute.METADATA.items():
        if notebook.metadata.get(key) != value:
            found.append(f"metadata.{key} is {notebook.metadata.get(key)}")
    for cell in notebook.cells:
        unknown = set(cell.metadata.get("tags", [])) - TAGS
        if unknown:
            found.append(f"{cell.id}: unknown tags {sorted(unknown)}")
        if cell.get("attachments"):
            found.append(f"{cell.id}: a file is attached")
    return found


def ids(notebook: NotebookNode) -> list[str]:
    """Complain of cell ids that no one chose; lower-case words joined by hyphens are wanted."""
    names = [cell.get("id", "") for cell in notebook.cells]
    found = [
        f"cell id {name!r} was not chosen"
        for name in names
        if not AUTHORED.fullmatch(name) or RANDOM.fullmatch(name)
    ]
    return found + [f"cell id {n!r} stands twice" for n in sorted(set(names)) if names.count(n) > 1]


def length(notebook: NotebookNode) -> list[str]:
    """Complain of code cells that are too long to read at once."""
    cells = notebooks.code_cells(notebook)
    return [f"{c.id}: {code_lines(c)} code lines" for c in cells if code_lines(c) > allowed(c)]


def allowed(cell: NotebookNode) -> int:
    """Return how many code lines a cell may have."""
    tags = cell.metadata.get("tags", [])
    return max([CELL_LINES, *(lines for tag, lines in LONGER.items() if tag in tags)])


def first_cell(notebook: NotebookNode) -> list[str]:
    """Complain unless the first cell installs the kit in Colab, and is hidden in the book."""
    cell = notebook.cells[0] if notebook.cells else nbformat.v4.new_markdown_cell()
    if cell.get("id") != address.CELL_ID or cell.metadata.get("tags") != address.CELL_TAGS:
        return ["the first cell is not the one that `python book/address.py write` puts there"]
    return []


def unnamed_pictures(text: str) -> list[str]:
    """Return the pictures in Markdown or HTML that have no text for those who can't see them."""
    found = [m[0] for m in MARKDOWN_IMAGE.finditer(text) if not m[1].strip()]
    found += [m[0][:40] for m in DIRECTIVE.finditer(text) if not re.search(r":alt: *\S", m[1])]
    found += [m[0][:60] for m in IMG.finditer(text) if not re.search(r"\balt=\"[^\"]+\"", m[0])]
    named = re.compile(r"aria-label(?:ledby)?=\"[^\"]+\"|aria-hidden=\"true\"|<title|<desc")
    return found + [m[0][:60] for m in SVG.finditer(text) if not named.search(m[0])]


def alt_texts(notebook: NotebookNode) -> list[str]:
    """Complain of pictures and figures without alt text."""
    found = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            found += [f"{cell.id}: no alt text, {p}" for p in unnamed_pictures(cell.source)]
            continue
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "").strip()
        mimes = [mime for o in cell.get("outputs", []) for mime in o.get("data", {})]
        if any(mime.startswith("image/") for mime in mimes) and not alt:
            found.append(f"{cell.id}: no alt text in metadata mystnb.image.alt")
        for kind, text in notebooks.output_texts(cell):
            if kind == "text/html":
                found += [f"{cell.id}: no alt text, {p}" for p in unnamed_pictures(text)]
    return found


def as_written(path: Path) -> list[str]:
    """Complain unless the file holds exactly the bytes that the executor would write."""
    text = notebooks.as_text(execute.normalised(notebooks.read(path)))
    same = path.read_text(encoding="utf-8") == text
    return [] if same else ["the file was not written by `make notebooks`"]


CHECKS: tuple[Callable[[NotebookNode], list[str]], ...] = (
    counts,
    outputs,
    metadata,
    ids,
    length,
    first_cell,
    alt_texts,
)


def complaints(notebook: NotebookNode) -> list[str]:
    """Return everything that is wrong with a notebook; empty if nothing is."""
    return [sentence for check in CHECKS for sentence in check(notebook)]
