"""The functions that the page `bert-objective` writes down are those of the kit."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import notebooks
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from illusionkit.models import objective

PAGE = "chapters/04-mathematics/bert-objective.ipynb"
FUNCTIONS = (
    "sentence_pairs",
    "mask_tokens",
    "nats",
    "masked_language_loss",
    "next_sentence_loss",
)


class Bare(ast.NodeTransformer):
    """Take away what only the kit has: docstrings, annotations, imports, checks of the input."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:]
        node.body = [line for line in node.body if not only_kit(line)]
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node


def only_kit(line: ast.stmt) -> bool:
    if isinstance(line, (ast.Import, ast.ImportFrom)):
        return True
    if not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Call)):
        return False
    called = line.value.func
    return isinstance(called, ast.Name) and called.id.startswith("check_")


def functions(source: str) -> dict[str, str]:
    """Return the syntax trees of a source's functions, bare, by name."""
    tree = ast.parse(source)
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {node.name: ast.dump(Bare().visit(node)) for node in found}


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    """The page's code, all cells together, as Python."""
    cells = notebooks.code_cells(notebooks.read(root / PAGE))
    return "\n".join(TransformerManager().transform_cell(cell.source) for cell in cells)


@pytest.fixture(scope="module")
def kit() -> str:
    return inspect.getsource(objective)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_page_and_the_kit_hold_the_same_function(page: str, kit: str, name: str) -> None:
    assert functions(page)[name] == functions(kit)[name]


def test_no_function_of_the_objective_is_left_out(kit: str) -> None:
    public = [name for name in functions(kit) if not name.startswith(("check_", "_"))]
    assert sorted(public) == sorted(FUNCTIONS)


def test_so_do_their_constants(page: str) -> None:
    values = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(page).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "IGNORED"
    }
    assert values == {"IGNORED": objective.IGNORED}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("< 0.15", "< 0.16"),
        ("dice >= 0.8", "dice > 0.8"),
        ("& ~special", "| ~special"),
        ("max(1, len(surprise))", "len(surprise)"),
        ('!= pairs["unit"]', '== pairs["unit"]'),
    ],
)
def test_one_sign_that_differs_would_be_seen(kit: str, right: str, wrong: str) -> None:
    assert right in kit
    changed = functions(kit.replace(right, wrong))
    assert [name for name in FUNCTIONS if changed[name] != functions(kit)[name]]


def test_what_is_taken_away_is_no_more_than_is_said() -> None:
    long = (
        'def f(x: int, y: str = "a") -> int:\n    """Say."""\n    import os\n'
        "    check_it(x)\n    checked = check_it(x)\n    other(x)\n    return x\n"
    )
    short = 'def f(x, y="a"):\n    checked = check_it(x)\n    other(x)\n    return x\n'
    assert functions(long) == functions(short)
