"""Run notebooks in place, so that the same source gives the same bytes.

    python book/execute.py                      every page
    python book/execute.py chapters/…/x.ipynb   these pages
    python book/execute.py --check              run copies twice and compare, change nothing

The environment is that of book/strict.env, the one nbval and the tests run in: a claim that
misses raises, no progress bar is drawn. A page that fails is left as it was.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbformat import NotebookNode

sys.path.insert(0, str(Path(__file__).resolve().parent))
import notebooks

TIMEOUT_S = int(os.environ.get("CELL_TIMEOUT") or 600)
BACKEND = "module://matplotlib_inline.backend_inline"
KEPT_METADATA = ("illusionkit", "mystnb")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    # Without the lexer a %pip line fails the strict build; the version would tie the bytes to it.
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}
POINTER = re.compile(r"(?<= at )0x[0-9a-fA-F]+")


def strict_environment(root: Path = notebooks.ROOT) -> dict[str, str]:
    """Return the variables of book/strict.env."""
    lines = (root / "book" / "strict.env").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, value in pairs}


@contextmanager
def environment(extra: dict[str, str]) -> Iterator[None]:
    """Set variables for the kernels started inside, and put the old values back."""
    before = {key: os.environ.get(key) for key in extra}
    os.environ.update(extra)
    try:
        yield
    finally:
        for key, value in before.items():
            os.environ.pop(key, None) if value is None else os.environ.update({key: value})


def tidy_output(output: NotebookNode) -> None:
    """Take memory addresses out of the plain text of one output."""
    data = output.get("data", {})
    if "text/plain" in data:
        data["text/plain"] = POINTER.sub("0x0", notebooks.text_of(data["text/plain"]))


def joined_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Return the outputs with neighbouring pieces of one stream joined.

    How a print is cut into messages depends on timing, so it must not reach the file.
    """
    joined: list[NotebookNode] = []
    for output in outputs:
        last = joined[-1] if joined else None
        is_next = last is not None and output.output_type == last.output_type == "stream"
        if is_next and output.name == last.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def normalised(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook with fixed metadata and without what differs from run to run."""
    kept = {key: notebook.metadata[key] for key in KEPT_METADATA if key in notebook.metadata}
    notebook.metadata = nbformat.from_dict({**METADATA, **kept})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        for key in ("execution", "collapsed", "scrolled", "jupyter"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = joined_streams(cell.outputs)
            for output in cell.outputs:
                tidy_output(output)
    return notebook


def executed(path: Path) -> NotebookNode:
    """Return the notebook at `path` freshly run and normalised; the file is not changed."""
    return normalised(ran(path))


def ran(path: Path, *, record: Path | None = None) -> NotebookNode:
    """Return the notebook at `path` as a fresh kernel left it, run in its own folder.

    `record` is a folder into which the interactive figures write their tables.
    """
    notebook = notebooks.read(path)
    notebook.metadata.pop("widgets", None)
    extra = {**strict_environment(), "MPLBACKEND": BACKEND}
    if record is not None:
        extra["ILLUSIONKIT_RECORD"] = str(record)
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT_S,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        extra_arguments=["--IPKernelApp.log_level=40"],
        resources={"metadata": {"path": str(path.parent)}},
    )
    with environment(extra):
        client.execute()
    return notebook


def same_twice(path: Path) -> bool:
    """Return whether two executions of a page give the same bytes."""
    first, second = (nbformat.writes(executed(path)) for _ in range(2))
    return first == second


def run(path: Path, *, check: bool) -> bool:
    """Run one page, say how long it took, and return whether all went well."""
    start = time.perf_counter()
    try:
        good = True
        if check:
            good = same_twice(path)
        else:
            notebooks.write(executed(path), path)
    except (CellExecutionError, CellTimeoutError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return False
    seconds = time.perf_counter() - start
    word = "run" if not check else "same bytes twice" if good else "DIFFERS between two runs"
    print(f"{path.name}: {word}, {seconds:.1f} s", flush=True)
    return good


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(prog="book/execute.py", description=__doc__.split("\n")[0])
    parser.add_argument("pages", nargs="*", type=Path, help="notebooks; all of the book if none")
    parser.add_argument("--check", action="store_true", help="run twice, compare, change nothing")
    options = parser.parse_args(argv)
    pages = [page.resolve() for page in options.pages] or notebooks.pages()
    # A list, not a generator: one failing page must not keep the others from running.
    return 0 if all([run(page, check=options.check) for page in pages]) else 1


if __name__ == "__main__":
    raise SystemExit(main())
