"""Every page has its turn, a changed page has it at once, and the draw is said."""

from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path

import pytest
import rota

PAGES = [Path(f"chapters/{n:02}.ipynb") for n in range(17)]


@pytest.fixture(autouse=True)
def _nothing_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TURN", "BASE", "ALL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository of five pages and two commits."""
    (tmp_path / "chapters").mkdir()
    git(tmp_path, "init", "-q")
    for n in range(5):
        (tmp_path / "chapters" / f"{n}.ipynb").write_text("{}")
    commit(tmp_path)
    commit(tmp_path)
    return tmp_path


def git(tree: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *who, *words], cwd=tree, check=True, capture_output=True)


def commit(tree: Path) -> None:
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "--allow-empty", "-m", "x")


@pytest.mark.parametrize("count", [0, 1, 4, 5, 17, 65])
@pytest.mark.parametrize("a_run", [rota.A_RUN, rota.BY_NBVAL])
def test_every_page_has_its_turn_in_as_few_runs_as_can_be(count: int, a_run: int) -> None:
    pages = [Path(f"{n}.ipynb") for n in range(count)]
    runs = -(-count // a_run)
    hands = [rota.by_turns(pages, number, {}, a_run) for number in range(100, 100 + runs)]
    assert sorted(page for hand in hands for page in hand) == sorted(pages)
    assert all(1 <= len(hand) <= a_run for hand in hands)


def test_light_and_heavy_pages_are_dealt_evenly() -> None:
    known = {f"page {page.stem}": float(n) for n, page in enumerate(reversed(PAGES))}
    sums = [sum(known[f"page {p.stem}"] for p in rota.by_turns(PAGES, n, known)) for n in range(5)]
    assert max(sums) < 2 * min(sums)


def test_the_turn_grows_by_one_with_a_commit_and_with_a_merge(tree: Path) -> None:
    assert rota.turn(tree) == 2
    git(tree, "checkout", "-q", "-b", "side")
    commit(tree)
    commit(tree)
    git(tree, "checkout", "-q", "-")
    git(tree, "merge", "-q", "--no-ff", "-m", "x", "side")
    assert rota.turn(tree) == 3


def test_without_the_whole_history_it_is_that_of_the_day(tree: Path, tmp_path: Path) -> None:
    today = date.today().toordinal()
    git(tree, "clone", "-q", "--depth", "1", tree.as_uri(), "shallow")
    assert rota.turn(tree / "shallow") in (today, today + 1)
    (tree / ".git").rename(tree / "gone")
    assert rota.turn(tree) in (today, today + 1)


def test_a_turn_that_is_given_counts(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURN", "7")
    assert rota.turn(tree) == 7


def test_what_differs_from_the_base_is_taken_as_well(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = rota.git("rev-parse", "HEAD", root=tree)
    monkeypatch.setenv("TURN", "2")
    turns = set(rota.chosen(tree))
    committed, edited, new = (tree / "chapters" / f"{name}.ipynb" for name in (1, 3, "new"))
    assert not turns & {committed, edited, new}
    committed.write_text("[]")
    commit(tree)
    edited.write_text("[]")
    new.write_text("{}")
    monkeypatch.setenv("BASE", str(base))
    assert rota.changed(str(base), tree) == {committed, edited, new}
    assert set(rota.chosen(tree)) >= {committed, edited, new}
    assert len(rota.by_nbval(tree)) <= rota.BY_NBVAL


def test_all_means_all(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL", "1")
    assert len(rota.chosen(tree)) == len(rota.by_nbval(tree)) == 5


def test_an_unknown_base_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BASE", "never-heard-of")
    with pytest.raises(ValueError, match="BASE=never-heard-of"):
        rota.chosen()
    assert rota.main([]) == 2 and "never-heard-of" in capsys.readouterr().err


def test_the_book_takes_a_few_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert rota.main(["nbval"]) == 0
    paths = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert 0 < len(paths) <= rota.BY_NBVAL and all(path.is_file() for path in paths)
    assert rota.main([]) == 0 and f"TURN={rota.turn()}" in capsys.readouterr().out
