"""A page alone, as Colab opens it: an empty folder, the packages found there, its own first cell.

The environment stands for Colab's: a fresh virtual environment that finds this one's packages
(without the kit), a `google.colab` module, and a wheel of the kit named by ILLUSIONKIT_INSTALL.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import notebooks
import pytest
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient import NotebookClient

PAGES = notebooks.pages()


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
def colab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment that finds packages outside of itself, but not the kit.

    They lie behind links in a folder of their own: pip changes nothing outside its environment.
    """
    folder = tmp_path_factory.mktemp("colab")
    found = folder / "found"
    found.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "illusionkit" not in entry.name and entry.suffix != ".pth":
            (found / entry.name).symlink_to(entry)
    run(sys.executable, "-m", "venv", folder / "env", cwd=folder)
    python = folder / "env" / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = Path(run(python, "-c", where, cwd=folder).strip())
    (own / "found.pth").write_text(f"{found}\n", encoding="utf-8")
    (own / "google" / "colab").mkdir(parents=True)
    (own / "google" / "colab" / "__init__.py").write_text("", encoding="utf-8")
    # Colab's kernel has the module loaded before the first cell runs.
    (own / "sitecustomize.py").write_text("import google.colab\n", encoding="utf-8")
    return python


def packages(python: Path, folder: Path) -> dict[str, str]:
    """Return every package pip sees, with its version."""
    listed = run(python, "-m", "pip", "list", "--format", "json", cwd=folder)
    return {package["name"]: package["version"] for package in json.loads(listed)}


def kernel(python: Path) -> KernelManager:
    """Return a manager whose kernel runs in another environment."""
    manager = KernelManager()
    launch = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager._kernel_spec = KernelSpec(argv=launch, language="python")
    return manager


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_page_runs_alone(
    path: Path, wheel: Path, colab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ILLUSIONKIT_INSTALL", str(wheel))
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # whatever pip would exchange, it would have to fetch
    monkeypatch.delenv("ILLUSIONKIT_STRICT", raising=False)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    before = packages(colab, tmp_path)
    alone = tmp_path / path.name
    shutil.copy(path, alone)
    page = notebooks.read(alone)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(page, km=kernel(colab), timeout=600, resources=resources).execute()
    after = packages(colab, tmp_path)
    assert after.pop("illusionkit")
    assert after == before
    said = "\n".join(text for c in page.cells for _, text in notebooks.output_texts(c))
    assert "✗" not in said
    assert [p.name for p in tmp_path.iterdir()] == [path.name], "the page left files behind"


def test_the_kit_comes_from_the_wheel(wheel: Path, colab: Path, tmp_path: Path) -> None:
    run(colab, "-m", "pip", "install", "-q", "--no-index", wheel, cwd=tmp_path)
    where = run(colab, "-c", "import illusionkit; print(illusionkit.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(colab.parent.parent)
