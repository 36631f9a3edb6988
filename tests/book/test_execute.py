"""The executor: the same source gives the same bytes, and a page that fails is left alone."""

from __future__ import annotations

import os
from pathlib import Path

import execute
import nbformat
import notebooks
import pytest
from nbclient.exceptions import CellExecutionError
from runs import run_once

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


def test_a_page_is_run_once_for_all_who_ask(tmp_path: Path) -> None:
    path = notebook_at(tmp_path / "clock.ipynb", "import time\nprint(time.time_ns())")
    first, second = (run_once(path, tmp_path / "shared") for _ in range(2))
    assert first.error == "" and first.tables == []
    assert first.notebook.cells[0].outputs[0].text == second.notebook.cells[0].outputs[0].text


def test_what_stops_a_page_is_kept_for_all_who_ask(tmp_path: Path) -> None:
    path = notebook_at(tmp_path / "bad.ipynb", "open('runs', 'a').write('x')\n1 / 0")
    for _ in range(2):
        assert "ZeroDivisionError" in run_once(path, tmp_path / "shared").error
    assert (tmp_path / "runs").read_text(encoding="utf-8") == "x"
