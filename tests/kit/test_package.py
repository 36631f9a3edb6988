"""The package as a whole: light to import, documented, short modules, rooms in one order."""

import ast
import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import illusionkit

FOLDER = Path(illusionkit.__file__).parent
HEAVY = {"sklearn", "matplotlib", "torch", "transformers", "pandas", "scipy", "numpy", "IPython"}


def modules():
    found = pkgutil.walk_packages([str(FOLDER)], "illusionkit.")
    return sorted(item.name.removeprefix("illusionkit.") for item in found)


def source(name):
    path = FOLDER.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def after(statement):
    """Return the top-level modules that a fresh interpreter has loaded after a statement."""
    program = f"{statement}\nimport sys\nprint(*{{n.partition('.')[0] for n in sys.modules}})"
    return set(subprocess.check_output([sys.executable, "-c", program], text=True).split())


def test_importing_the_package_loads_nothing_heavy():
    assert not after("import illusionkit") & HEAVY


def test_the_command_line_loads_no_learner_to_show_its_help():
    loaded = after("from illusionkit.__main__ import _parser; _parser()")
    assert not loaded & {"sklearn", "matplotlib", "torch", "pandas"}


@pytest.mark.parametrize(
    "name",
    [
        "experiment.spec",
        "data.archives",
        "data.corpora",
        "experiment.sweep",
        "experiment.claims",
        "models.learners",
    ],
)
def test_a_module_loads_no_learner_and_no_figure_on_import(name):
    assert not after(f"import illusionkit.{name}") & {"sklearn", "matplotlib", "torch"}


@pytest.mark.parametrize("name", [name for name in modules() if name != "__main__"])
def test_importing_prints_and_fetches_nothing(name, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", f"import illusionkit.{name}"],
        capture_output=True,
        check=True,
        env={"ILLUSIONKIT_CACHE": str(tmp_path / "none"), "PATH": "", "HOME": str(tmp_path)},
    )
    assert done.stdout == done.stderr == b""
    assert not (tmp_path / "none").exists()


def test_the_version_is_the_installed_one():
    assert illusionkit.__version__ == version("illusionkit")
    assert re.fullmatch(r"\d+\.\d+\.\d+", illusionkit.__version__)


def test_rooms_import_only_what_lies_below_them():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=FOLDER.parent,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(FOLDER.parent)},
    )
    assert done.returncode == 0, done.stdout


def test_no_import_is_relative():
    trees = [(name, ast.parse(source(name).read_text(encoding="utf-8"))) for name in modules()]
    nodes = [(name, node) for name, tree in trees for node in ast.walk(tree)]
    assert not [name for name, node in nodes if isinstance(node, ast.ImportFrom) and node.level]


@pytest.mark.parametrize("name", modules())
def test_a_module_can_be_read_in_ten_minutes(name):
    assert len(source(name).read_text(encoding="utf-8").splitlines()) <= 300


def public(module):
    """Yield what a module offers under its own name, classes' methods as well."""
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(inspect.unwrap(value)) or inspect.isclass(value):
            yield name, value
        if inspect.isclass(value):
            for label, member in vars(value).items():
                member = getattr(member, "fget", None) or getattr(member, "__func__", member)
                if not label.startswith("_") and inspect.isfunction(member):
                    yield f"{name}.{label}", member


@pytest.mark.parametrize("name", modules())
def test_every_public_name_says_what_it_is(name):
    module = importlib.import_module(f"illusionkit.{name}")
    assert module.__doc__
    for label, value in public(module):
        text = inspect.getdoc(value) or ""
        first = text.split("\n\n")[0]
        assert first.endswith((".", ":")), f"{name}.{label}: {first!r}"
        assert "\n" not in first, f"{name}.{label}: the first line is one line"


def test_functions_are_short():
    lengths = []
    for name in modules():
        for node in ast.walk(ast.parse(source(name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                documented = ast.get_docstring(node) is not None
                first = node.body[documented] if len(node.body) > documented else node.body[0]
                lengths.append((node.end_lineno or 0) - first.lineno + 1)
    assert len(lengths) > 100
    assert sorted(lengths)[len(lengths) // 2] <= 12
