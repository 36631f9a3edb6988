"""A page alone, as Colab opens it: an empty folder, the packages found there, its own first cell.

A few pages a run, by turns; their first cell, the same on all, is played as well. The environment
is a real one, made for this run: Colab's older IPython, ipywidgets, numpy, pandas and transformers,
a real torch, and a `google.colab` module. It sees no package of the one that runs the tests. The
kit comes into it as a wheel, named by ILLUSIONKIT_INSTALL, through the page's first cell.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import address
import execute
import nbformat
import notebooks
import psutil
import pytest
import rota
from IPython.core.inputtransformer2 import TransformerManager
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbval.plugin import get_sanitize_patterns

PAGES = notebooks.pages()

# What Colab has, or nearly (it pins; these take the newest of the series that has a wheel here).
FOUND = (
    "torch", "numpy<2.2", "transformers<4.58", "pandas<2.3", "scipy<1.15", "scikit-learn<1.7",
    "accelerate<1.12", "tensorboard<2.20", "matplotlib<3.11", "joblib", "tqdm",
    "filelock", "platformdirs", "tomli", "termcolor", "pyarrow<20", "narwhals",
    "pyyaml", "requests",
    "ipython<8", "ipykernel<6.18", "ipywidgets<8", "notebook<7",
)  # fmt: skip
KEPT = ("torch", "numpy", "transformers")
BROUGHT = ("illusionkit", "captum", "cleanlab", "fairlearn", "gguf")
"""What the first cell brings along: the kit, and the four packages it needs that Colab lacks."""
OFFLINE = re.compile(r"NewConnectionError|NameResolutionError|ConnectTimeout|ProxyError")
ASKED = """\
import sys
import illusionkit, numpy, torch, transformers
print(sys.prefix, illusionkit.__file__, sep="\\n")
print(numpy.__version__, torch.__version__, transformers.__version__, sep="\\n")
"""


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A wheel of the kit, built from the tree without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "-w", "--no-isolation", "-o", folder, root, cwd=folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Path]:
    """The Python of a fresh environment with the packages of FOUND; removed afterwards."""
    folder = tmp_path_factory.mktemp("colab")
    run(sys.executable, "-m", "venv", folder / "env", cwd=folder)
    python = folder / "env" / "bin" / "python"
    install = [python, "-m", "pip", "install", "-q", "--no-compile", "--progress-bar", "off"]
    done = subprocess.run(
        [*install, "-c", root / "constraints.txt", *FOUND],
        capture_output=True, text=True, check=False, env=plain(),
    )  # fmt: skip
    if done.returncode and OFFLINE.search(done.stderr) and not os.environ.get("CI"):
        pytest.skip("no package index can be reached, so there is no environment to try")
    assert done.returncode == 0, done.stderr[-3000:]
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = Path(run(python, "-c", where, cwd=folder).strip())
    (own / "google" / "colab").mkdir(parents=True)
    (own / "google" / "colab" / "__init__.py").write_text("", encoding="utf-8")
    # Colab's kernel has the module loaded before the first cell runs.
    (own / "sitecustomize.py").write_text("import google.colab\n", encoding="utf-8")
    yield python
    family = psutil.Process().children(recursive=True)
    assert not [one.pid for one in family if python.as_posix() in one.cmdline()]
    # More than a gigabyte, and slow to go: other tests need not wait for it.
    threading.Thread(target=shutil.rmtree, args=(folder, True), daemon=True).start()


@pytest.fixture
def colab(made: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The Python of that environment, without the kit, as a reader's kernel is started."""
    run(made, "-m", "pip", "uninstall", "-q", "-y", *BROUGHT, cwd=tmp_path)
    for name in ("ILLUSIONKIT_STRICT", "ILLUSIONKIT_INSTALL", "PYTHONPATH", "VIRTUAL_ENV"):
        monkeypatch.delenv(name, raising=False)
    return made


def plain() -> dict[str, str]:
    """Return this environment's variables without those that lead back into it."""
    return {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}


def packages(python: Path, folder: Path) -> dict[str, str]:
    """Return every package pip sees, with its version, after its requirements were checked."""
    run(python, "-m", "pip", "check", cwd=folder)
    listed = run(python, "-m", "pip", "list", "--format", "json", cwd=folder)
    return {package["name"]: package["version"] for package in json.loads(listed)}


def executed(page: NotebookNode, python: Path, folder: Path) -> NotebookNode:
    """Return the page after a run in a folder by the kernel of another environment."""
    manager = KernelManager()
    launch = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager._kernel_spec = KernelSpec(argv=launch, language="python")
    resources = {"metadata": {"path": str(folder)}}
    try:
        NotebookClient(page, km=manager, timeout=600, resources=resources).execute()
    finally:  # the client ends only a kernel that it started itself
        if manager.has_kernel:
            manager.shutdown_kernel(now=True)
    return page


def unmeasured(cell: NotebookNode, root: Path) -> list[tuple[str, str]]:
    """Return a cell's outputs as (kind, text) without what nbval blanks; no progress bars.

    What was printed is one text: elsewhere a progress bar may stand between two lines.
    """
    rules = (root / "tests" / "nbval-sanitize.cfg").read_text(encoding="utf-8")
    found = []
    for kind, text in notebooks.output_texts(execute.normalised(only(cell)).cells[0]):
        for pattern, blank in get_sanitize_patterns(rules):
            text = re.sub(pattern, blank, text)
        if kind in ("stdout", "text/html", "text/plain", "error"):
            found.append((kind, text))
    printed = "".join(text for kind, text in found if kind == "stdout")
    others = [each for each in found if each[0] != "stdout"]
    return sorted([("stdout", printed), *others])  # the kinds of one output have no order


def only(cell: NotebookNode) -> NotebookNode:
    return nbformat.v4.new_notebook(cells=[cell])


@pytest.mark.parametrize("path", rota.chosen(), ids=lambda path: path.stem)
def test_page_runs_alone(
    path: Path, wheel: Path, colab: Path, root: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("ILLUSIONKIT_INSTALL", str(wheel))
    before = packages(colab, tmp_path)
    alone = tmp_path / path.name
    shutil.copy(path, alone)
    page = notebooks.read(alone)
    page.cells.append(nbformat.v4.new_code_cell(ASKED))
    executed(page, colab, tmp_path)
    asked = page.cells.pop().outputs[0].text.split()
    after = packages(colab, tmp_path)
    assert all([after.pop(name) for name in BROUGHT]) and after == before
    env = colab.parent.parent
    assert Path(asked[0]) == env and Path(asked[1]).is_relative_to(env)
    assert sorted(asked[2:]) == sorted(before[name] for name in KEPT)
    pairs = zip(notebooks.code_cells(page), notebooks.code_cells(notebooks.read(path)), strict=True)
    for fresh, stored in list(pairs)[1:]:  # pip says something of its own in the first
        assert unmeasured(fresh, root) == unmeasured(stored, root), stored.id
    assert [p.name for p in tmp_path.iterdir()] == [path.name], "the page left files behind"


def test_the_found_packages_are_older_than_ours(colab: Path, tmp_path: Path) -> None:
    found = packages(colab, tmp_path)
    assert not found.keys() & set(BROUGHT)
    assert found["numpy"] < "2.2" and found["transformers"] < "4.58" and found["ipython"] < "8"
    assert found["torch"].startswith("2.")


def first_cell(path: Path) -> NotebookNode:
    return notebooks.code_cells(notebooks.read(path))[0]


def reserved(path: Path) -> NotebookNode:
    """Return the first cell of a page as it is while the book has no public address."""
    cell = first_cell(path)
    cell.source = re.sub(r'"git\+[^"]*"', '"git+https://data-illusions.invalid/x.git"', cell.source)
    return cell


def test_without_an_address_the_first_cell_stops_in_colab(colab: Path, tmp_path: Path) -> None:
    before = packages(colab, tmp_path)
    with pytest.raises(CellExecutionError, match=r"Set the environment variable.*ILLUSIONKIT_INST"):
        executed(only(reserved(PAGES[0])), colab, tmp_path)
    assert packages(colab, tmp_path) == before


class Shell:
    """Stands for IPython: keeps the magics that a cell calls."""

    def __init__(self) -> None:
        self.called: list[tuple[str, str]] = []

    def run_line_magic(self, name: str, line: str) -> None:
        self.called.append((name, line))


def played(cell: NotebookNode) -> tuple[list[tuple[str, str]], dict[str, object]]:
    """Run a cell here, with a shell that only takes notes; return the notes and its names."""
    shell = Shell()
    names: dict[str, object] = {"get_ipython": lambda: shell}
    exec(TransformerManager().transform_cell(cell.source), names)
    return shell.called, names


def test_every_page_begins_with_the_same_cell() -> None:
    first = first_cell(PAGES[0])
    assert [path.stem for path in PAGES if first_cell(path) != first] == []


def test_outside_colab_the_first_cell_does_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ILLUSIONKIT_INSTALL", "must-not-be-installed.whl")
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    called, names = played(first_cell(PAGES[0]))
    assert not called and "source" not in names
    assert capsys.readouterr() == ("", "") and first_cell(PAGES[0]).outputs == []


def test_in_colab_the_first_cell_stops_or_installs_one_thing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "google.colab", sys)
    monkeypatch.delenv("ILLUSIONKIT_INSTALL", raising=False)
    with pytest.raises(SystemExit, match="public address is not set yet"):
        played(reserved(PAGES[0]))
    monkeypatch.setenv("ILLUSIONKIT_INSTALL", "kit.whl")
    called, names = played(reserved(PAGES[0]))
    assert called == [("pip", 'install -q "$source"')] and names["source"] == "kit.whl"
    monkeypatch.delenv("ILLUSIONKIT_INSTALL")
    known = address.Address("https://github.com/someone/book", "main")
    cell = address.with_cell(notebooks.read(PAGES[0]), known).cells[0]
    called, names = played(cell)
    assert called == [("pip", 'install -q "$source"')] and names["source"] == known.install
