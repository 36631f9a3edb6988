"""Every exercise of every page: open at first, solved by its solution, not by a wrong answer."""

from __future__ import annotations

import ast
import copy
import dataclasses
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

PAGES = [page for page in notebooks.pages() if page.name != notebooks.OPENING]


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


each_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
each_answer = pytest.mark.parametrize("name", ANSWERS)


def printed(cell: NotebookNode) -> str:
    return "".join(value for _, value in notebooks.output_texts(cell))


@each_page
def test_a_page_has_one_to_three_exercises_each_with_a_folded_solution(path: Path) -> None:
    assert 1 <= len(exercises(path)) <= 3
    wrong = [f"{name}: {said}" for name, cells in exercises(path).items() for said in flaws(cells)]
    assert not wrong, "\n".join(wrong)
    wrong = [n for n, cells in exercises(path).items() if not opens_and_solves(n, *cells)]
    assert not wrong, "an open exercise says it waits, and its solution is told it is right"


def flaws(cells: list[tuple[NotebookNode, bool]]) -> list[str]:
    """Return what is wrong with an exercise's cells: an open one, then its folded solution."""
    if [left_open for _, left_open in cells] != [True, False]:
        return ["not one open cell and then its solution"]
    (task, _), (solution, _) = cells
    wanted = {
        "the open cell has tags": "tags" not in task.metadata,
        "the solution is not folded": "hide-cell" in solution.metadata.get("tags", []),
        "the solution is not folded in Colab": solution.metadata.get("cellView") == "form",
        "the solution has no title": solution.source.startswith("# @title"),
    }
    return [said for said, good in wanted.items() if not good]


def opens_and_solves(name: str, task: tuple[Any, bool], solution: tuple[Any, bool]) -> bool:
    """Return whether the open cell says that it waits, and the solution is right without a hint."""
    said = printed(solution[0])
    solved = text("check.right") in said.splitlines() and text(f"check.{name}") not in said
    return printed(task[0]) == text("check.waiting") + "\n" and solved


def test_every_answer_of_the_kit_is_asked_for() -> None:
    assert {name for path in PAGES for name in exercises(path)} == set(ANSWERS)


def test_a_solution_that_stands_open_or_first_would_be_seen() -> None:
    path = next(path for path in PAGES if exercises(path))
    name, cells = next(iter(exercises(path).items()))
    assert flaws(cells) == [] and flaws(cells[::-1]) and flaws(cells[:1])
    assert opens_and_solves(name, *cells) and not opens_and_solves(name, *cells[::-1])
    for change in ({"tags": []}, {"cellView": ""}):
        solution = copy.deepcopy(cells[1][0])
        solution.metadata.update(change)
        assert len(flaws([cells[0], (solution, False)])) == 1


@cache
def truth(name: str) -> float:
    """Return the right answer; to compute it may take a training."""
    return ANSWERS[name].truth()


@pytest.fixture
def within(name: str, monkeypatch: pytest.MonkeyPatch) -> float:
    """The distance allowed; the right answer is computed once for all that is asked here."""
    right = truth(name)
    known = dataclasses.replace(ANSWERS[name], truth=lambda: right)
    monkeypatch.setitem(ANSWERS, name, known)
    return known.within


def far(truth: float, within: float) -> list[float]:
    """Return wrong answers: just beyond the tolerance, percent for a share, the complement, …"""
    beyond = [truth + 1.05 * within, truth - 1.05 * within]
    return [*beyond, 100 * truth, 1 - truth, 0.0, 1.0, -truth, math.nan, math.inf, -math.inf]


@each_answer
def test_the_true_answer_passes(
    name: str, within: float, capsys: pytest.CaptureFixture[str]
) -> None:
    for near in (0.0, 0.9 * within, -0.9 * within):
        check(name, truth(name) + near)
        assert capsys.readouterr().out == text("check.right") + "\n"


@each_answer
def test_wrong_answers_fail_and_get_a_hint(
    name: str, within: float, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in far(truth(name), within):
        monkeypatch.setenv("ILLUSIONKIT_STRICT", "1")
        with pytest.raises(ClaimError, match=name) as caught:
            check(name, wrong)
        said = capsys.readouterr().out
        assert text(f"check.{name}") in said and text("check.right") not in said
        monkeypatch.setenv("ILLUSIONKIT_STRICT", "0")
        check(name, wrong)  # a reader is told, and may go on
        assert capsys.readouterr().out == said
        assert not tells(said + str(caught.value).replace(str(wrong), ""), truth(name))


def tells(said: str, truth: float) -> bool:
    """Return whether a text holds the answer, as a share or in per cent, to two digits or more."""
    numbers = [float(n) for n in re.findall(r"\d+(?:\.\d+)?", said)]
    shown = {round(scale * truth, digits) for scale in (1, 100) for digits in (2, 3, 4)}
    return any(number in shown - {0.0} for number in numbers)


def test_a_hint_that_tells_the_answer_would_be_seen() -> None:
    assert tells("it is 53 %, nearly", 0.53) and tells("0.533", 0.53298)
    assert not tells("split with test_size=0.5 and random_state=0", 0.533)


@pytest.mark.parametrize(
    "wrong",
    [None, "a half", [0.5, 0.6], {}, b"x", object()],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_number_is_refused(wrong: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(IllusionError, match="is one number, not"):
        check(next(iter(ANSWERS)), wrong)
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
