"""The code is linted, formatted and typed, and modules and functions stay short."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

MODULE_LINES = 300
FUNCTION_LINES = 12
COMMANDS = {
    "lint": ("-m", "ruff", "check", "."),
    "format": ("-m", "ruff", "format", "--check", "."),
    "types": ("-m", "mypy"),
    "address": ("book/address.py", "check"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_command_finds_nothing(name: str, root: Path) -> None:
    command = [sys.executable, *COMMANDS[name]]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def modules(root: Path) -> list[Path]:
    return [p for folder in ("illusionkit", "book") for p in sorted((root / folder).rglob("*.py"))]


def test_a_module_reads_in_ten_minutes(root: Path) -> None:
    lengths = {p.name: len(p.read_text(encoding="utf-8").splitlines()) for p in modules(root)}
    assert not {name: n for name, n in lengths.items() if n > MODULE_LINES}


def test_the_median_function_is_short(root: Path) -> None:
    lengths = []
    for path in modules(root):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lengths.append(1 + (body[-1].end_lineno - body[0].lineno + 1 if body else 0))
    assert statistics.median(lengths) <= FUNCTION_LINES
