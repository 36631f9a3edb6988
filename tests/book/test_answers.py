"""An answer that the kit reads from a claim is the number that the exercise's page printed."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import notebooks
import pytest
from nbformat import NotebookNode

from illusionkit.answers import ANSWERS

PRINTED = re.compile(r"^(.+): expected .+⟨(.+)⟩", re.MULTILINE)
PAGES = notebooks.pages()


def calls(cell: NotebookNode, function: str) -> list[tuple[str, str]]:
    """Return (name, value as written) of a cell's calls of check or claim, in order."""
    lines = [line for line in cell.source.splitlines() if not line.startswith("%")]
    nodes = [node for node in ast.walk(ast.parse("\n".join(lines))) if isinstance(node, ast.Call)]
    return [
        (str(ast.literal_eval(node.args[0])), ast.unparse(node.args[1]))
        for node in nodes
        if isinstance(node.func, ast.Name) and node.func.id == function
    ]


def claims(cell: NotebookNode) -> dict[str, tuple[str, float]]:
    """Return {exercise: (claim, printed)} where a solution claims the very value it checks."""
    said = "".join(value for _, value in notebooks.output_texts(cell))
    printed = {name: float(value) for name, value in PRINTED.findall(said)}
    found = {}
    for exercise, answer in calls(cell, "check"):
        for claim, value in calls(cell, "claim"):
            if value == answer:
                found[exercise] = (claim, printed[claim])
    return found


def solutions(path: Path) -> list[NotebookNode]:
    """Return a page's folded cells that check an answer."""
    cells = notebooks.code_cells(notebooks.read(path))
    return [cell for cell in cells if cell.source.startswith("# @title") and calls(cell, "check")]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_what_a_solution_claims_is_the_kit_s_answer(path: Path) -> None:
    for cell in solutions(path):
        claimed = claims(cell)
        for exercise, _ in calls(cell, "check"):
            answer = ANSWERS[exercise]
            held = (answer.claim, answer.truth()) if answer.claim else None
            assert held == claimed.get(exercise), exercise


def test_every_claimed_answer_has_its_claim() -> None:
    found = {name for path in PAGES for cell in solutions(path) for name in claims(cell)}
    assert found == {name for name, answer in ANSWERS.items() if answer.claim} and len(found) > 10


def test_a_claim_of_something_else_or_of_another_number_would_be_seen() -> None:
    cell = NotebookNode(
        source='check("half-split", share)\nclaim("lines", share, expect=0.5, within=0.1)',
        outputs=[
            NotebookNode(
                output_type="stream", name="stdout", text="lines: expected 0.5 ± 0.1 · ⟨0.53⟩ ✓"
            )
        ],
    )
    assert claims(cell) == {"half-split": ("lines", 0.53)}
    cell.source = cell.source.replace('"lines", share', '"lines", other')
    assert claims(cell) == {}
