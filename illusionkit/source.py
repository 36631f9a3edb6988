"""Where source stands: a file, parsed once, and what it imports, defines and assigns."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import CodeType
from typing import Any

from illusionkit.normal import expression, form
from illusionkit.syntax import FUNCTIONS, Form, Function, Import, Token, imported

DECIDES_NO_NUMBER = True


@dataclass(frozen=True)
class Source:
    """A parsed file: its imports, and the functions and assignments that stand in it."""

    tree: ast.Module
    forms: dict[tuple[int, str], tuple[Form, ...]] = field(default_factory=dict)

    @cached_property
    def imports(self) -> dict[str, Import]:
        """Return what each name that is imported outside of functions stands for."""
        found = (n for n in _outside(self.tree) if isinstance(n, (ast.Import, ast.ImportFrom)))
        return {name: origin for node in found for name, origin in imported(node)}

    @cached_property
    def functions(self) -> dict[tuple[int, str], list[Function]]:
        """Return the functions by first line and name, as a code object says them."""
        found: dict[tuple[int, str], list[Function]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, FUNCTIONS):
                above = [] if isinstance(node, ast.Lambda) else node.decorator_list
                first = min([node.lineno, *(each.lineno for each in above)])
                name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
                found.setdefault((first, name), []).append(node)
        return found

    def of(self, code: CodeType) -> tuple[Form, ...]:
        """Return the form of what ``code`` was made from; nothing where the file does not hold it.

        Of several lambdas in one line it may be all: code has columns from Python 3.11 on.
        """
        place = code.co_firstlineno, code.co_name
        if place not in self.forms:
            self.forms[place] = tuple(map(form, self.functions.get(place, ())))
        found = self.forms[place]
        if len(found) < 2:
            return found
        chosen = [_holds(node, code) for node in self.functions[place]]
        return tuple(each for each, here in zip(found, chosen, strict=True) if here)

    def assigned(self, name: str) -> tuple[Token, ...]:
        """Return the expressions that the module gives one of its names."""
        tokens: list[Token] = []
        for node in _outside(self.tree):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", 0)]
            if any(isinstance(each, ast.Name) and each.id == name for each in targets):
                tokens += expression(getattr(node, "value", None))
        return tuple(tokens)


def _holds(node: Function, code: CodeType) -> bool:
    """Tell whether all of ``code`` stands within a function, as far as its columns are known."""
    positions: Iterator[Any] = getattr(code, "co_positions", lambda: iter(()))()
    where = [(line, column) for line, _, column, _ in positions if line and column]
    start, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
    return all(start <= each < end for each in where)


_known: dict[str, tuple[list[str], Source | None]] = {}


def source_of(name: str, space: Mapping[str, Any]) -> Source | None:
    """Return the parsed file called ``name``, or None where there is none (code from a prompt).

    ``space`` are the globals of its module. A file is parsed once, and again if it changed.
    """
    linecache.checkcache(name)
    lines = linecache.getlines(name, dict(space) if name not in _known else None)
    if name not in _known or _known[name][0] is not lines:
        _known[name] = lines, _parsed(lines)
    return _known[name][1]


def _parsed(lines: list[str]) -> Source | None:
    try:
        return Source(ast.parse("".join(lines))) if lines else None
    except SyntaxError:  # a cell of a notebook that holds more than Python
        return None


def _outside(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements of a module that stand in no function and no class."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (*FUNCTIONS, ast.ClassDef, ast.expr)):
            yield child
            yield from _outside(child)
