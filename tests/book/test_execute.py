"""Notebooks run to the same bytes twice, and their figures' tables hold on this machine."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import execute
import nbformat
import notebooks
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

PAGES = notebooks.pages()
DATA = re.compile(r'<script type="application/json">(.*?)</script>', re.DOTALL)
CELLS = (
    "import os\nimport matplotlib.pyplot as plt\nimport numpy as np\nimport pandas as pd",
    "print('one', flush=True)\nprint('two')\nobject()",
    "pd.DataFrame({'x': np.random.default_rng(0).normal(size=3)})",
    "from IPython.display import HTML\nHTML('<p>' + str({'b', 'a', 'c'}) + '</p>')",
    "figure, axes = plt.subplots(figsize=(3, 2))\naxes.plot([1, 2], [2, 1])\nplt.show()",
    "print(os.environ['ILLUSIONKIT_STRICT'], os.environ['OMP_NUM_THREADS'])",
)


def notebook_at(path: Path, *sources: str) -> Path:
    cells = [nbformat.v4.new_code_cell(s, id=f"cell-{i}") for i, s in enumerate(sources)]
    notebooks.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


@cache
def bytes_of_two_runs(path: Path, record: Path) -> tuple[str, str]:
    """Run a page twice; the first run records the tables of its figures."""
    first = execute.executed(path, record=record)
    return nbformat.writes(first), nbformat.writes(execute.executed(path))


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("records")


def test_a_real_notebook_runs_to_the_same_bytes(tmp_path: Path) -> None:
    path = notebook_at(tmp_path / "small.ipynb", *CELLS)
    assert execute.same_twice(path)
    assert execute.run(path, check=False)
    once = path.read_bytes()
    assert execute.run(path, check=False)
    assert path.read_bytes() == once
    stored = notebooks.read(path)
    texts = [text for c in stored.cells for _, text in notebooks.output_texts(c)]
    assert "one\ntwo\n" in texts and "1 1\n" in texts
    assert any("object at 0x0>" in text for text in texts)


def test_a_notebook_that_differs_is_seen(tmp_path: Path) -> None:
    path = notebook_at(tmp_path / "clock.ipynb", "import time\nprint(time.time_ns())")
    assert not execute.same_twice(path)
    assert execute.main(["--check", str(path)]) == 1


def test_a_page_that_fails_is_left_as_it_was(tmp_path: Path) -> None:
    bad = notebook_at(tmp_path / "bad.ipynb", "print('fine')", "1 / 0")
    good = notebook_at(tmp_path / "good.ipynb", "print('good')")
    before = bad.read_bytes()
    assert execute.main([str(bad), str(good)]) == 1
    assert bad.read_bytes() == before
    assert "good" in notebooks.read(good).cells[0].outputs[0].text


def test_a_missed_claim_stops_the_page(tmp_path: Path) -> None:
    source = "from illusionkit.experiment import claim\nclaim('half', 0.7, expect=0.5, within=0.1)"
    with pytest.raises(CellExecutionError, match="half"):
        execute.executed(notebook_at(tmp_path / "miss.ipynb", source))


def test_the_variables_are_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    execute.executed(notebook_at(tmp_path / "one.ipynb", "1"))
    assert os.environ["PYTHONHASHSEED"] == "7"
    assert "MPLBACKEND" not in os.environ


def test_normalising_takes_out_what_a_run_leaves() -> None:
    code = nbformat.v4.new_code_cell("x", id="x")
    code.metadata.update(
        {"execution": {"iopub.status.busy": "12:00"}, "collapsed": True, "tags": ["hide-input"]}
    )
    book = nbformat.v4.new_notebook(cells=[code])
    book.metadata = nbformat.from_dict({"widgets": {}, "kernelspec": {"name": "mine"}, "colab": {}})
    done = execute.normalised(book)
    assert set(done.metadata) == {"kernelspec", "language_info"}
    assert done.metadata.kernelspec.name == "python3"
    assert dict(done.cells[0].metadata) == {"tags": ["hide-input"]}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_page_runs_to_the_same_bytes(path: Path, records: Path) -> None:
    first, second = bytes_of_two_runs(path, records / path.stem)
    assert first == second


def payloads(page: NotebookNode) -> list[list[dict[str, Any]]]:
    """Return the tables of the interactive figures stored in a page, in order."""
    found = []
    for cell in notebooks.code_cells(page):
        for kind, text in notebooks.output_texts(cell):
            if kind == "text/html" and 'data-ik="explore"' in text:
                found += [json.loads(m[1])["table"] for m in DATA.finditer(text)]
    return found


def disagreements(stored: list[dict[str, Any]], fresh: list[dict[str, Any]]) -> list[str]:
    """Return where a freshly measured table leaves the intervals of the stored one.

    Columns without an interval, such as doses, must be equal.
    """
    if [set(row) for row in stored] != [set(row) for row in fresh]:
        return ["the tables have other rows or columns"]
    found = []
    for number, (old, new) in enumerate(zip(stored, fresh, strict=True)):
        for name, value in old.items():
            if name.endswith(("_lo", "_hi")):
                continue
            low, high = old.get(f"{name}_lo", value), old.get(f"{name}_hi", value)
            fits = low <= new[name] <= high if isinstance(value, float) else new[name] == value
            if not fits:
                found.append(f"row {number}, {name}: {new[name]} is outside {low} … {high}")
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_figures_hold_their_intervals_here(path: Path, records: Path) -> None:
    bytes_of_two_runs(path, records / path.stem)
    folder = records / path.stem
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    fresh = [json.loads(file.read_text(encoding="utf-8"))["table"] for file in files]
    stored = payloads(notebooks.read(path))
    assert len(fresh) == len(stored), "two figures of a page share a title, or one is not stored"
    # Records are files, without an order: each must agree with the one stored table it belongs to.
    for table in stored:
        tries = [disagreements(table, other) for other in fresh]
        assert [] in tries, min(tries, key=len)


def test_a_table_that_moved_would_be_seen() -> None:
    row = {"dose": 0.5, "honest": 0.71, "honest_lo": 0.70, "honest_hi": 0.72}
    assert disagreements([row], [{**row, "honest": 0.715}]) == []
    assert disagreements([row], [{**row, "honest": 0.75}])
    assert disagreements([row], [{**row, "dose": 0.6}])
    assert disagreements([row], [row, row])
