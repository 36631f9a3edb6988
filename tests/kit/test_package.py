"""The package as a whole: light to import, documented, short modules, in one order."""

import ast
import importlib
import inspect
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
ORDER = [
    "errors",
    "cache",
    "syntax",
    "normal",
    "source",
    "members",
    "naming",
    "transcript",
    "meaning",
    "records",
    "client",
    "archives",
    "duplicates",
    "corpora",
    "mail",
    "credit",
    "census",
    "needs",
    "experiment",
    "raters",
    "provenance",
    "models",
    "quick",
    "features",
    "batches",
    "checks",
    "precision",
    "acceleration",
    "frozen",
    "checkpoints",
    "resume",
    "history",
    "finetune",
    "finetuned",
    "runs",
    "removals",
    "objective",
    "pairs",
    "pretraining",
    "landscape",
    "learners",
    "ordered",
    "illusions.principle",
    "illusions.collect",
    "illusions.collect_groups",
    "illusions.collect_copies",
    "illusions.collect_shift",
    "illusions.collect_years",
    "illusions.collect_mail",
    "illusions.collect_labels",
    "illusions.pretrain",
    "illusions.collect_balance",
    "illusions.collect_column",
    "illusions.tune",
    "illusions.tune_curves",
    "illusions.tune_epochs",
    "illusions.tune_loop",
    "illusions.tune_rate",
    "illusions",
    "sweep",
    "results",
    "renewal",
    "language",
    "claims",
    "answers.answer",
    "answers.background",
    "answers.principle",
    "answers.collect",
    "answers.shift",
    "answers.labels",
    "answers.credit",
    "answers.tune",
    "answers.mathematics",
    "answers.practice",
    "answers",
    "palette",
    "widget",
    "figures",
    "scoretable",
    "chart",
    "frame",
    "explore",
    "exercises",
    "panel",
    "neighbours",
    "sentence",
    "play",
    "__main__",
]
"""A module imports only modules above it."""


def modules():
    found = pkgutil.walk_packages([str(FOLDER)], "illusionkit.")
    return sorted(item.name.removeprefix("illusionkit.") for item in found)


def source(name):
    path = FOLDER.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imported_from_the_kit(name):
    """Return the kit's modules that a module imports, at the top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(source(name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{name}: a relative import"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    ours = {item.removeprefix("illusionkit.") for item in found if item.startswith("illusionkit.")}
    return ours & set(modules())


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
    "name", ["experiment", "archives", "corpora", "sweep", "claims", "learners"]
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


def test_every_module_has_its_place_in_the_order():
    assert sorted(ORDER) == modules()


@pytest.mark.parametrize("name", modules())
def test_a_module_imports_only_modules_above_it(name):
    above = set(ORDER[: ORDER.index(name)])
    assert imported_from_the_kit(name) - {name} <= above


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
