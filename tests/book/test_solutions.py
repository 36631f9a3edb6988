"""Every exercise of every page: open at first, solved by its solution, not by a wrong answer."""

from __future__ import annotations

import ast
import json
import math
import re
from functools import cache
from pathlib import Path
from typing import Any

import notebooks
import pytest
from nbformat import NotebookNode

from illusionkit.answers import ANSWERS, check
from illusionkit.errors import ClaimError, IllusionError
from illusionkit.language import text

PAGES = notebooks.pages()


def checked(cell: NotebookNode) -> tuple[str, str | None] | None:
    """Return (exercise, answer's name) of a cell's call of check; None where there is none."""
    lines = [line for line in cell.source.splitlines() if not line.startswith("%")]
    for node in ast.walk(ast.parse("\n".join(lines))):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Name) and called.id == "check":
            exercise, answer = node.args
            return exercise.value, answer.id if isinstance(answer, ast.Name) else None
    return None


def leaves_open(cell: NotebookNode, name: str | None) -> bool:
    """Return whether the cell sets the answer to three dots."""
    return bool(re.search(rf"^{name}\s*=\s*\.\.\.", cell.source, re.MULTILINE))


@cache
def exercises(path: Path) -> dict[str, list[tuple[NotebookNode, bool]]]:
    """Return {exercise: its cells in order, each with whether it is left open}."""
    found: dict[str, list[tuple[NotebookNode, bool]]] = {}
    for cell in notebooks.code_cells(notebooks.read(path)):
        if "..." in cell.source or "check(" in cell.source:
            call = checked(cell)
            if call:
                found.setdefault(call[0], []).append((cell, leaves_open(cell, call[1])))
    return found


ALL = [(path, name) for path in PAGES for name in exercises(path)]
each_exercise = pytest.mark.parametrize(
    ("path", "name"), ALL, ids=[f"{path.stem}-{name}" for path, name in ALL]
)
each_answer = pytest.mark.parametrize("name", ANSWERS)


def printed(cell: NotebookNode) -> str:
    return "".join(value for _, value in notebooks.output_texts(cell))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_has_two_or_three_exercises(path: Path) -> None:
    assert 2 <= len(exercises(path)) <= 3


def test_every_answer_of_the_kit_is_asked_for() -> None:
    assert {name for _, name in ALL} == set(ANSWERS)


@each_exercise
def test_the_open_cell_stands_before_its_folded_solution(path: Path, name: str) -> None:
    (task, task_open), (solution, solution_open) = exercises(path)[name]
    assert task_open and not solution_open
    assert "hide-cell" in solution.metadata["tags"]
    assert "tags" not in task.metadata
    assert solution.metadata["cellView"] == "form" and solution.source.startswith("# @title")


@each_exercise
def test_unanswered_it_says_so_and_solved_it_says_right(path: Path, name: str) -> None:
    (task, _), (solution, _) = exercises(path)[name]
    assert printed(task) == text("check.waiting") + "\n"
    assert text("check.right") in printed(solution).splitlines()
    assert text(f"check.{name}") not in printed(solution)


def far(name: str) -> list[float]:
    """Return wrong answers: just beyond the tolerance, percent for a share, the complement, …"""
    truth, within = ANSWERS[name].truth(), ANSWERS[name].within
    beyond = [truth + 1.05 * within, truth - 1.05 * within]
    return [*beyond, 100 * truth, 1 - truth, 0.0, 1.0, -truth, math.nan, math.inf, -math.inf]


@each_answer
def test_the_true_answer_passes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    truth, within = ANSWERS[name].truth(), ANSWERS[name].within
    for near in (truth, truth + 0.9 * within, truth - 0.9 * within):
        check(name, near)
        assert capsys.readouterr().out == text("check.right") + "\n"


@each_answer
def test_wrong_answers_fail_and_get_a_hint(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in far(name):
        monkeypatch.setenv("ILLUSIONKIT_STRICT", "1")
        with pytest.raises(ClaimError, match=name) as caught:
            check(name, wrong)
        said = capsys.readouterr().out
        assert text(f"check.{name}") in said and text("check.right") not in said
        monkeypatch.setenv("ILLUSIONKIT_STRICT", "0")
        check(name, wrong)  # a reader is told, and may go on
        assert capsys.readouterr().out == said
        assert not tells(said + str(caught.value).replace(str(wrong), ""), ANSWERS[name].truth())


def tells(said: str, truth: float) -> bool:
    """Return whether a text holds the answer, as a share or in per cent, to two digits or more."""
    numbers = [float(n) for n in re.findall(r"\d+(?:\.\d+)?", said)]
    shown = {round(scale * truth, digits) for scale in (1, 100) for digits in (2, 3, 4)}
    return any(number in shown - {0.0} for number in numbers)


def test_a_hint_that_tells_the_answer_would_be_seen() -> None:
    assert tells("it is 53 %, nearly", 0.53) and tells("0.533", 0.53298)
    assert not tells("split with test_size=0.5 and random_state=0", 0.533)


@each_answer
@pytest.mark.parametrize(
    "wrong",
    [None, "a half", [0.5, 0.6], {}, b"x", object()],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_number_is_refused(
    name: str, wrong: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(IllusionError, match="is one number, not"):
        check(name, wrong)
    assert capsys.readouterr().out == ""


def test_an_unknown_exercise_is_named_with_those_there_are() -> None:
    with pytest.raises(IllusionError, match=r"'nowhere'.*half-split"):
        check("nowhere", 0.5)


def test_every_exercise_has_a_hint_of_its_own(root: Path) -> None:
    words = json.loads((root / "illusionkit" / "locale" / "en.json").read_text(encoding="utf-8"))
    hints = [words[f"check.{name}"] for name in ANSWERS]
    assert len(set(hints)) == len(hints)


def test_a_solution_that_is_left_open_would_be_seen() -> None:
    cell = NotebookNode(source='share = ...\ncheck("half-split", share)')
    assert checked(cell) == ("half-split", "share") and leaves_open(cell, "share")
    cell.source = 'share = 0.5\ncheck("half-split", share)'
    assert not leaves_open(cell, "share")
