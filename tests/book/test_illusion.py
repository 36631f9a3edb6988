"""Every illusion is whole, and the program that says so sees what is missing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import illusion
import notebooks
import pytest

from illusionkit.experiment.results import path as table_path
from illusionkit.illusions import experiments


def test_nothing_is_missing() -> None:
    found = {name: illusion.missing(name) for name in experiments()}
    assert found and {name: said for name, said in found.items() if said} == {}


@pytest.fixture
def tree(tmp_path: Path, root: Path) -> Path:
    """A copy of what the program reads, without a repository."""
    for folder in ("chapters", "tests/kit", "book"):
        shutil.copytree(root / folder, tmp_path / folder)
    for file in ("_toc.yml", "README.md", "CONTRIBUTING.md", "CITATION.cff"):
        shutil.copy(root / file, tmp_path / file)
    return tmp_path


def page(tree: Path) -> Path:
    found = illusion.page_of("group-leakage", tree)
    assert found is not None
    return found


def test_an_experiment_that_is_none_lacks_its_spec(tree: Path) -> None:
    (said,) = illusion.missing("never-heard-of", tree)
    assert said.startswith("spec:") and "group-leakage" in said


def test_a_new_page_has_every_part_and_each_is_to_be_written(tree: Path, capsys) -> None:
    page(tree).unlink()
    path = illusion.begin("group-leakage", "collect", tree)
    assert path == tree / "chapters/03-pipeline/collect/group-leakage.ipynb"
    assert notebooks.read(path).cells[0].id == "install-the-kit"
    said = illusion.missing("group-leakage", tree)
    assert any(f"{len(illusion.PARTS) + 1} parts" in line for line in said)
    assert not any("no heading" in line for line in said)
    assert any("never calls predict" in line for line in said)


def test_a_page_is_never_overwritten(tree: Path) -> None:
    before = page(tree).read_bytes()
    with pytest.raises(FileExistsError, match="group-leakage"):
        illusion.begin("group-leakage", "collect", tree)
    assert page(tree).read_bytes() == before


@pytest.mark.parametrize("name", ["", "Big", "two words", "../out", "a--b"])
def test_a_name_that_is_no_slug_is_refused(tree: Path, name: str) -> None:
    with pytest.raises(ValueError, match="joined by hyphens"):
        illusion.begin(name, "collect", tree)


def test_a_missing_page_and_a_missing_line_of_contents_are_named(tree: Path) -> None:
    toc = tree / "_toc.yml"
    toc.write_text(toc.read_text().replace("/group-leakage", "/other"), encoding="utf-8")
    assert illusion.missing("group-leakage", tree) == [
        "page: group-leakage.ipynb is not in _toc.yml"
    ]
    page(tree).unlink()
    (said,) = illusion.missing("group-leakage", tree)
    assert "there is no chapters" in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("## What would have caught it", "## Later", "no heading begins with 'What would have"),
        ("verdict(", "judged(", "never calls verdict"),
        ("explore(", "draw(", "never calls explore"),
        ("predict(", "ask(", "never calls predict"),
    ],
)
def test_a_part_that_was_taken_out_is_missed(tree: Path, old: str, new: str, said: str) -> None:
    notebook = notebooks.read(page(tree))
    for cell in notebook.cells:
        cell.source = cell.source.replace(old, new)
    notebooks.write(notebook, page(tree))
    assert any(said in line for line in illusion.missing("group-leakage", tree))


def test_an_experiment_without_a_test_or_a_table_is_told_so(
    tree: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (tree / "tests" / "kit").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace('"group-leakage"', '"x"'), encoding="utf-8")
    empty = tmp_path_factory.mktemp("empty")
    monkeypatch.setenv("ILLUSIONKIT_RESULTS", str(empty))
    assert table_path("group-leakage").parent == empty
    first, second = illusion.missing("group-leakage", tree)
    assert 'names "group-leakage"' in first and "make measure" in second


def commit(tree: Path, *files: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "add", *files], cwd=tree, check=True)
    subprocess.run(["git", *who, "commit", "-qm", "x"], cwd=tree, check=True)


def test_a_table_that_came_with_its_spec_is_seen(tree: Path) -> None:
    (tree / "illusionkit").mkdir()
    (tree / "results").mkdir()
    (tree / "illusionkit" / "collect.py").write_text('id="group-leakage"')
    (tree / "results" / "group-leakage.csv").write_text("1")
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    commit(tree, "README.md")
    commit(tree, "illusionkit", "results")
    (said,) = illusion.missing("group-leakage", tree)
    assert "together with, its spec" in said
    (tree / ".git").rename(tree / "old")
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    commit(tree, "illusionkit")
    commit(tree, "results")
    assert illusion.missing("group-leakage", tree) == []


def test_the_command_line(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert illusion.main(["check", "group-leakage"]) == 0
    assert "nothing is missing" in capsys.readouterr().out
    assert illusion.main(["check", "never-heard-of"]) == 1
    assert illusion.main(["new", "group-leakage"]) == 1
    assert "There is a page of this name" in capsys.readouterr().err
