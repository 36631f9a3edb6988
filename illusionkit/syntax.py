"""Syntax trees as text: without layout, words for people, annotations, and names of their own."""

from __future__ import annotations

import ast
from types import ModuleType
from typing import Any, Protocol

from illusionkit.names import Names, Outside

ELSEWHERE = ("SOURCES",)
"""Names that the hash of the data stands for."""

CACHES = ("cache", "lru_cache", "cached_property")
SILENT = ("ctx", "kind", "type_comment", "type_params", "returns", "annotation")
"""Fields of a syntax tree that say nothing of what it does."""


class Walk(Protocol):
    """Who follows the names that a tree mentions (see `illusionkit.meaning`)."""

    def opaque(self, value: Any, name: str, module: str) -> str:
        """Return what stands for a value that a module holds under a name."""

    def ask(self, name: str) -> None:
        """Note that some code reads an attribute of this name."""

    def annotated(self, value: Any) -> None:
        """Note a class that an annotation names."""


class Writer:
    """Writes syntax trees without what does not matter."""

    def __init__(self, walk: Walk, names: Names) -> None:
        self._walk, self._names = walk, names

    def write(self, node: Any) -> str:
        """Return a tree, a list of trees or a plain value as text."""
        if isinstance(node, list):
            return f"[{' '.join(filter(None, map(self.write, node)))}]"
        if not isinstance(node, ast.AST):
            return ascii(node)
        own = getattr(self, f"_{type(node).__name__.lower()}", self._any)
        return str(own(node))

    def _any(self, node: ast.AST, *silent: str) -> str:
        self._note(getattr(node, "annotation", None), getattr(node, "returns", None))
        fields = (
            f"{name}={self.write(value)}"
            for name, value in ast.iter_fields(node)
            if name not in (*SILENT, *silent) and value is not None and value != []
        )
        return f"{type(node).__name__}({' '.join(fields)})"

    def _note(self, *annotations: ast.AST | None) -> None:
        """Tell the walk of the classes that annotations name."""
        for node in (each for note in annotations if note is not None for each in ast.walk(note)):
            if isinstance(node, ast.Name) and node.id in self._names:
                self._walk.annotated(self._names.meaning(node.id))

    def _name(self, node: ast.Name) -> str:
        local = self._names.local(node.id)
        if local is not None and (self._names.shadowed(node.id) or node.id not in self._names):
            return local
        told = self._meaning([node.id])
        return told if local is None else f"{local} {told}"

    def _attribute(self, node: ast.Attribute) -> str:
        path = _path(node)
        if path and self._names.local(path[0]) is None and path[0] in self._names:
            return self._meaning(path)
        self._walk.ask(node.attr)
        return f"{self.write(node.value)}.{node.attr}"

    def _meaning(self, path: list[str]) -> str:
        """Return what ``a.b.c`` means, as far as it leads through modules."""
        module, name = self._names.module, path[0]
        if name not in self._names:
            self._walk.ask(name)
            return name  # of Python itself, or known to a type checker only
        value, rest = self._names.meaning(name), path[1:]
        while rest and isinstance(value, ModuleType) and hasattr(value, rest[0]):
            module, name = value.__name__, rest[0]
            value, rest = getattr(value, name), rest[1:]
        if isinstance(value, Outside):
            return ".".join([value.name, *rest])
        for each in rest:
            self._walk.ask(each)
        told = "elsewhere" if name in ELSEWHERE else self._walk.opaque(value, name, module)
        return ".".join([told, *rest])

    def _constant(self, node: ast.Constant) -> str:
        if isinstance(node.value, str):
            self._walk.ask(node.value)
        return ascii(node.value)

    def _expr(self, node: ast.Expr) -> str:
        return "" if isinstance(node.value, ast.Constant) else self._any(node)

    def _functiondef(self, node: ast.FunctionDef) -> str:
        kept = [each for each in node.decorator_list if not self._is_cache(each)]
        self._note(*(each.annotation for each in _arguments(node.args)))
        return f"{self.write(kept)} {self._any(node, 'name', 'decorator_list')}"

    _asyncfunctiondef = _functiondef

    def _is_cache(self, node: ast.expr) -> bool:
        path = _path(node.func if isinstance(node, ast.Call) else node)
        told = self._meaning(path) if path else ""
        return told.startswith("!") or told in {f"functools:{name}" for name in CACHES}

    def _annassign(self, node: ast.AnnAssign) -> str:
        self._note(node.annotation)
        plain = ast.Assign([node.target], node.value) if node.value is not None else node.target
        return self._any(plain)

    def _raise(self, node: ast.Raise) -> str:
        """Write what kind of error it is: another place may wait for it. Its words don't count."""
        kind = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return f"raise {'' if kind is None else self.write(kind)}"

    def _assert(self, node: ast.Assert) -> str:
        return self._any(node, "msg")

    def _import(self, node: ast.AST) -> str:
        return ""

    _importfrom = _import

    def _excepthandler(self, node: ast.ExceptHandler) -> str:
        return f"{self._names.local(node.name or '')} {self._any(node, 'name')}"


def _path(node: ast.AST) -> list[str]:
    """Return ``["a", "b"]`` for the expression ``a.b``, and nothing for another."""
    if isinstance(node, ast.Attribute):
        before = _path(node.value)
        return [*before, node.attr] if before else []
    return [node.id] if isinstance(node, ast.Name) else []


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return every + [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
