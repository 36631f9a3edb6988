"""environment.yml, constraints.txt, the Makefile's stamps and pyproject.toml agree.

Conda's channels can't be reached from every machine, so the environment is compared, not made.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# Where conda-forge calls a package otherwise than the Python index does.
CONDA_NAMES = {"matplotlib": "matplotlib-base", "torch": "pytorch"}


@pytest.fixture
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture
def environment(root: Path) -> dict[str, Any]:
    return yaml.safe_load((root / "environment.yml").read_text(encoding="utf-8"))


def wanted(project: dict[str, Any], python: str) -> dict[str, SpecifierSet]:
    """Return the packages that the kit needs under one Python, by conda's names."""
    found = {}
    for line in project["dependencies"]:
        need = Requirement(line)
        if need.marker is None or need.marker.evaluate({"python_version": python}):
            found[CONDA_NAMES.get(need.name, need.name)] = need.specifier
    return found


def listed(environment: dict[str, Any]) -> dict[str, SpecifierSet]:
    """Return the packages that conda is asked for, Python and pip left out."""
    lines = [line for line in environment["dependencies"] if isinstance(line, str)]
    needs = [Requirement(line) for line in lines if not line.startswith(("python=", "pip"))]
    return {need.name: need.specifier for need in needs}


def reference_python(environment: dict[str, Any]) -> str:
    lines = [line for line in environment["dependencies"] if str(line).startswith("python=")]
    assert len(lines) == 1
    return lines[0].removeprefix("python=")


def test_conda_is_asked_for_what_the_kit_needs(
    project: dict[str, Any], environment: dict[str, Any]
) -> None:
    assert listed(environment) == wanted(project, reference_python(environment))


def test_the_rest_comes_through_the_extras(environment: dict[str, Any]) -> None:
    pip = [line["pip"] for line in environment["dependencies"] if isinstance(line, dict)]
    assert pip == [["-c constraints.txt", "-e .[book,test]"]]


def test_its_python_is_the_reference_and_allowed(
    project: dict[str, Any], environment: dict[str, Any]
) -> None:
    python = reference_python(environment)
    assert Version(python) in SpecifierSet(project["requires-python"])
    assert python == "3.11"


def test_a_forgotten_package_would_be_seen(
    project: dict[str, Any], environment: dict[str, Any]
) -> None:
    project["dependencies"].append("a-new-need>=1")
    assert listed(environment) != wanted(project, "3.11")


def test_only_constraints_cap_and_the_book_pins_its_builder(
    project: dict[str, Any], root: Path
) -> None:
    capped = [line for line in project["dependencies"] if "<" in line.split(";")[0] or "==" in line]
    assert not capped, "a cap would make Colab exchange the versions it ships"
    book = {Requirement(line).name: line for line in project["optional-dependencies"]["book"]}
    assert book["jupyter-book"] == "jupyter-book==1.0.4.post1"
    assert "<1.3" in book["sphinx-book-theme"]
    assert "torch<2.14" in (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
