"""Every illusion is whole, and the program that says so sees what is missing."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from pathlib import Path
from typing import Any

import hygiene
import illusion
import notebooks
import pytest
import yaml

from illusionkit.experiment.results import path as table_path
from illusionkit.illusions import experiments


def test_nothing_is_missing() -> None:
    found = {name: illusion.missing(name) for name in experiments()}
    assert found and {name: said for name, said in found.items() if said} == {}


@pytest.fixture
def tree(tmp_path: Path, root: Path) -> Path:
    """A copy of what the program reads, without a repository."""
    for folder in ("chapters", "illusionkit", "book"):
        shutil.copytree(root / folder, tmp_path / folder)
    for file in ("_toc.yml", "README.md", "CONTRIBUTING.md", "CITATION.cff"):
        shutil.copy(root / file, tmp_path / file)
    return tmp_path


def page(tree: Path) -> Path:
    found = illusion.page_of("group-leakage", tree)
    assert found is not None
    return found


def test_an_experiment_that_is_none_lacks_its_spec(tree: Path) -> None:
    (told,) = illusion.missing("never-heard-of", tree)
    assert told.startswith("spec:") and "group-leakage" in told


def test_an_illusion_is_begun_at_once_and_all_of_it_is_to_be_written(tree: Path) -> None:
    made = illusion.begin("loud-mouth", "collect", tree)
    names = [path.relative_to(tree).as_posix() for path in made]
    assert names == [
        "illusionkit/illusions/collect/loud_mouth.py",
        "illusionkit/answers/loud_mouth.py",
        "chapters/03-pipeline/collect/loud-mouth.ipynb",
        "illusionkit/locale/en.json",
        "_toc.yml",
    ]
    for path in made[:4]:
        assert illusion.UNWRITTEN in path.read_text(encoding="utf-8"), path
    for path in made[:2]:
        compile(path.read_text(encoding="utf-8"), path, "exec")
    assert notebooks.read(made[2]).cells[0].id == "install-the-kit"
    assert hygiene.ids(notebooks.read(made[2])) == []


def test_what_is_begun_is_missed_until_it_is_written(tree: Path, monkeypatch) -> None:
    illusion.begin("loud-mouth", "collect", tree)
    spec = dataclasses.replace(
        illusion.registered("group-leakage"), id="loud-mouth", page="loud-mouth"
    )
    monkeypatch.setattr(illusion, "registered", lambda name: spec)
    told = "\n".join(illusion.missing("loud-mouth", tree))
    for part in ("loud_mouth.py are still", "2 hints", "make measure", "parts of it are still"):
        assert part in told
    assert "no heading" not in told and "not in _toc.yml" not in told
    assert illusion.missing("never-heard-of", tree) != []


@pytest.mark.parametrize(
    ("step", "line"),
    [
        ("collect", "          - file: chapters/03-pipeline/collect/loud-mouth"),
        ("tune", "      - file: chapters/03-pipeline/fine-tune/loud-mouth"),
        ("evaluate", "          - file: chapters/03-pipeline/evaluate-and-deploy/loud-mouth"),
    ],
)
def test_the_page_stands_in_the_contents_behind_its_neighbours(
    tree: Path, step: str, line: str
) -> None:
    before = (tree / "_toc.yml").read_text(encoding="utf-8").splitlines()
    illusion.begin("loud-mouth", step, tree)
    after = (tree / "_toc.yml").read_text(encoding="utf-8").splitlines()
    assert line in after and [entry for entry in after if entry != line] == before
    yaml.safe_load("\n".join(after))


def test_the_first_illusion_of_a_chapter_opens_a_part_before_the_appendix(tree: Path) -> None:
    toc = tree / "_toc.yml"
    text = toc.read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if "Applications" not in line and "/06-" not in line]
    toc.write_text("\n".join(kept) + "\n", encoding="utf-8")
    illusion.begin("loud-mouth", "applications", tree)
    illusion.begin("soft-voice", "applications", tree)
    parts = yaml.safe_load(toc.read_text(encoding="utf-8"))["parts"]
    opened = next(part for part in parts if part["caption"] == "Applications")
    folder = "chapters/06-applications"
    assert opened["chapters"] == [{"file": f"{folder}/{n}"} for n in ("loud-mouth", "soft-voice")]
    assert parts[-1]["caption"] == "Appendix"


def test_a_page_is_not_nested_under_its_neighbour_whose_deep_dive_is_last(tree: Path) -> None:
    toc = tree / "_toc.yml"
    page = "          - file: chapters/03-pipeline/collect/mail-triage"
    dive = f"{page}\n            sections:\n    {page}-deeper"
    toc.write_text(toc.read_text(encoding="utf-8").replace(page, dive), encoding="utf-8")
    illusion.begin("loud-mouth", "collect", tree)
    after = toc.read_text(encoding="utf-8").splitlines()
    at = after.index("          - file: chapters/03-pipeline/collect/loud-mouth")
    assert after[at - 1] == f"    {page}-deeper"


def test_the_page_begins_with_something_to_touch_and_its_code_below(tree: Path) -> None:
    made = notebooks.read(illusion.begin("loud-mouth", "collect", tree)[2])
    title, first = made.cells[1:3]
    assert title.cell_type == "markdown" and first.metadata["tags"] == ["hide-input", "scene"]
    assert "scene(" in first.source and "Guess(" in first.source
    assert hygiene.metadata(made) == []


def test_the_first_page_of_a_step_is_nested_under_it(tree: Path) -> None:
    toc = tree / "_toc.yml"

    def collect() -> tuple[Any, Any]:
        """Return the contents, and the chapter of collecting within them."""
        contents = yaml.safe_load(toc.read_text(encoding="utf-8"))
        chapters = [each for part in contents["parts"] for each in part["chapters"]]
        return contents, next(each for each in chapters if each["file"].endswith("/collect"))

    contents, chapter = collect()
    del chapter["sections"]
    toc.write_text(yaml.safe_dump(contents, sort_keys=False), encoding="utf-8")
    illusion.begin("loud-mouth", "collect", tree)
    assert collect()[1]["sections"] == [{"file": "chapters/03-pipeline/collect/loud-mouth"}]


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
    (told,) = illusion.missing("group-leakage", tree)
    assert "there is no chapters" in told


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("## What would have caught it", "## Later", "no heading begins with 'What would have"),
        ("verdict(", "judged(", "never calls verdict"),
        ("explore(", "draw(", "never calls explore"),
        ("Guess(", "ask(", "never calls predict"),
    ],
)
def test_a_part_that_was_taken_out_is_missed(tree: Path, old: str, new: str, said: str) -> None:
    notebook = notebooks.read(page(tree))
    for cell in notebook.cells:
        cell.source = cell.source.replace(old, new)
    notebooks.write(notebook, page(tree))
    assert any(said in line for line in illusion.missing("group-leakage", tree))


def test_a_page_that_was_never_run_is_told_so(tree: Path) -> None:
    notebook = notebooks.read(page(tree))
    notebooks.code_cells(notebook)[-1].execution_count = None
    notebooks.write(notebook, page(tree))
    (told,) = illusion.missing("group-leakage", tree)
    assert "1 cells were never run" in told and "make notebooks PAGES=chapters/" in told


def test_what_is_to_be_entered_elsewhere_is_told(tree: Path, monkeypatch) -> None:
    illusion.begin("loud-mouth", "collect", tree)
    spec = dataclasses.replace(
        illusion.registered("group-leakage"), id="loud-mouth", page="loud-mouth", title="Loud & new"
    )
    monkeypatch.setattr(illusion, "registered", lambda name: spec)
    told = "\n".join(illusion.elsewhere("loud-mouth", tree))
    for part in ("03-pipeline/collect.ipynb does not", "atlas.ipynb shows all", "no test in",
                 "predictions.csv holds no"):  # fmt: skip
        assert part in told, part


def test_what_is_entered_everywhere_is_told_nothing(root: Path) -> None:
    assert illusion.elsewhere("underpowered-win", root) == []


def test_an_experiment_without_a_table_is_told_so(
    tree: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path_factory.mktemp("empty")
    monkeypatch.setenv("ILLUSIONKIT_RESULTS", str(empty))
    assert table_path("group-leakage").parent == empty
    (told,) = illusion.missing("group-leakage", tree)
    assert "make measure" in told


def test_claims_are_proposed_and_written_where_one_fits(tree: Path) -> None:
    path = page(tree)
    notebook = notebooks.read(path)
    happened = next(cell for cell in notebook.cells if cell.id == "what-happened")
    claims = happened.metadata["illusionkit"]["claims"]
    meant = dict(claims)
    del claims["68 %"]
    read = next(cell for cell in notebook.cells if cell.id == "read")
    read.metadata["illusionkit"]["claims"]["99 points"] = "group-leakage#of old"
    notebooks.write(notebook, path)
    told = illusion.propose(path, write=False)
    assert any(line.startswith("what-happened: '68 %' is group-leakage#") for line in told)
    assert notebooks.read(path) == notebook  # nothing was asked to be written
    illusion.propose(path, write=True)
    cells = {cell.id: cell for cell in notebooks.read(path).cells}
    assert cells["what-happened"].metadata["illusionkit"]["claims"] == meant
    assert "99 points" not in cells["read"].metadata["illusionkit"]["claims"]
    assert illusion.propose(path, write=False) == []


def commit(tree: Path, *files: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "add", *files], cwd=tree, check=True)
    subprocess.run(["git", *who, "commit", "-qm", "x"], cwd=tree, check=True)


def test_a_table_that_came_with_its_spec_is_seen(tree: Path) -> None:
    (tree / "results").mkdir()
    (tree / "results" / "group-leakage.csv").write_text("1")
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    commit(tree, "README.md")
    commit(tree, "illusionkit", "results")
    (told,) = illusion.missing("group-leakage", tree)
    assert "together with, its spec" in told
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
    assert "There is a file of this name" in capsys.readouterr().err
