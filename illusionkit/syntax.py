"""Syntax trees as text: without layout, words for people, annotations, and names of their own."""

from __future__ import annotations

import ast
import linecache
import sys
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, Protocol

PACKAGE = "illusionkit"
ELSEWHERE = ("SOURCES",)
"""Names that the hash of the data stands for."""

CACHES = ("cache", "lru_cache", "cached_property")
SILENT = ("ctx", "kind", "type_comment", "type_params", "returns", "annotation")
"""Fields of a syntax tree that say nothing of what it does."""

SCOPES = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.ListComp, ast.SetComp,
    ast.DictComp, ast.GeneratorExp,
)  # fmt: skip


class Walk(Protocol):
    """Who follows the names that a tree mentions (see `illusionkit.meaning`)."""

    def opaque(self, value: Any, name: str, module: str) -> str:
        """Return what stands for a value that a module holds under a name."""

    def ask(self, name: str) -> None:
        """Note that some code reads an attribute of this name."""

    def annotated(self, value: Any) -> None:
        """Note a class that an annotation names."""


@dataclass(frozen=True)
class Outside:
    """Something of another package, which is not imported for this."""

    name: str


def is_package(module: str) -> bool:
    """Tell whether a module is one of this kit."""
    return module.partition(".")[0] == PACKAGE


class Names:
    """What the names in a piece of code mean; ``inside`` are those that a function holds on to."""

    def __init__(
        self, module: str, node: ast.AST | None = None, inside: Mapping[str, Any] | None = None
    ) -> None:
        self.module = module
        self.bindings = _bindings(node) if node is not None else Bindings()
        imports = (pair for each in self.bindings.imports for pair in _imported(each, module))
        self._space = ChainMap(dict(inside or {}), dict(imports), vars(sys.modules[module]))

    def local(self, name: str) -> str | None:
        """Return what stands for a local name, or None if it is none; parameters keep theirs."""
        parameter = name in self.bindings.parameters
        return f"p {name}" if parameter else self.bindings.numbers.get(name)

    def shadowed(self, name: str) -> bool:
        """Tell whether a local name hides any other meaning in all of the code."""
        return name in self.bindings.outer

    def meaning(self, name: str) -> Any:
        """Return what a name that is not local means; raises KeyError."""
        return self._space[name]

    def __contains__(self, name: str) -> bool:
        return name in self._space


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


def definition(item: Any) -> Any:
    """Return the syntax tree of a function or class, or None where there is no source."""
    code = getattr(item, "__code__", None)
    file = code.co_filename if code else getattr(sys.modules.get(item.__module__), "__file__", "")
    found = _definitions(file).get(item.__qualname__)
    return found.get(code.co_firstlineno) if isinstance(found, dict) and code else found


def members(kind: Any) -> list[tuple[str, ast.stmt]]:
    """Return what a class of ours defines itself, by name; what has none may do anything."""
    node = definition(kind) if isinstance(kind, type) else None
    found: list[tuple[str, ast.stmt]] = []
    for each in node.body if node is not None else ():
        targets = getattr(each, "targets", [getattr(each, "target", each)])
        names = [getattr(target, "id", getattr(target, "name", "")) for target in targets]
        documents = isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)
        found += [] if documents else [(name, each) for name in names]
    return found


def is_field(node: ast.stmt) -> bool:
    """Tell whether a member of a class is a field, whose place may count."""
    return isinstance(node, (ast.Assign, ast.AnnAssign))


@cache
def _tree(file: str) -> ast.Module:
    """Return the syntax tree of a file or a notebook's cell; an empty one if there is none."""
    return ast.parse("".join(linecache.getlines(file)))


@cache
def _definitions(file: str) -> dict[str, Any]:
    """Return the functions and classes of a file by qualified name; lambdas by name and line."""
    found: dict[str, Any] = {}

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            name = "<lambda>" if isinstance(child, ast.Lambda) else getattr(child, "name", "")
            if isinstance(child, ast.Lambda):
                lines = found.setdefault(f"{prefix}{name}", {})
                lines[child.lineno] = _both(lines.get(child.lineno), child)
            elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                found[f"{prefix}{name}"] = child
            inner = not isinstance(child, SCOPES[:4])
            local = "" if isinstance(child, ast.ClassDef) else "<locals>."
            visit(child, prefix if inner else f"{prefix}{name}.{local}")

    visit(_tree(file), "")
    return found


def _both(first: ast.AST | None, second: ast.AST) -> ast.AST:
    """Return lambdas of one line as one tree: which is which can't be told."""
    return second if first is None else ast.Expr(ast.Tuple([first, second]))


def assigned(module: str, name: str) -> ast.AST | None:
    """Return the expression that a module gives a name."""
    for node in _tree(getattr(sys.modules[module], "__file__", "")).body:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        if any(isinstance(each, ast.Name) and each.id == name for each in targets):
            return getattr(node, "value", None)
    return None


@dataclass(frozen=True)
class Bindings:
    """The names that a piece of code binds: ``outer`` not in a scope inside, ``numbers`` all."""

    outer: frozenset[str] = frozenset()
    numbers: Mapping[str, str] = field(default_factory=dict)
    parameters: frozenset[str] = frozenset()
    imports: tuple[Any, ...] = ()


@cache
def _bindings(node: ast.AST) -> Bindings:
    every, inside = list(ast.walk(node)), list(_bound(node, deep=True))
    return Bindings(
        frozenset(_bound(node, deep=False)),
        {name: f"v{number}" for number, name in enumerate(dict.fromkeys(inside))},
        frozenset(each.arg for each in every if isinstance(each, ast.arg)),
        tuple(each for each in every if isinstance(each, (ast.Import, ast.ImportFrom))),
    )


def _bound(node: ast.AST, *, deep: bool) -> Iterator[str]:
    """Yield the names that code binds, in order; with ``deep`` those of scopes inside as well."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, (ast.Store, ast.Del)):
            yield child.id
        elif isinstance(child, ast.arg):
            yield child.arg
        elif not isinstance(child, (ast.alias, ast.ImportFrom)):
            name = getattr(child, "name", None)  # of a definition, a handler, a pattern
            yield from [name] if isinstance(name, str) else []
        if deep or not isinstance(child, SCOPES):
            yield from _bound(child, deep=deep)


def _imported(node: ast.Import | ast.ImportFrom, inside: str) -> Iterator[tuple[str, Any]]:
    """Yield the names that an import statement binds, with what they mean."""
    if isinstance(node, ast.Import):
        for each in node.names:
            first = each.name.partition(".")[0]
            yield each.asname or first, _module(each.name if each.asname else first)
        return
    package = inside.rsplit(".", node.level)[0] if node.level else ""
    module = _module(".".join(filter(None, (package, node.module))))
    for each in node.names:
        if isinstance(module, Outside):
            found: Any = Outside(f"{module.name.partition('.')[0]}:{each.name}")
        else:
            found = getattr(module, each.name, None) or _module(f"{module.__name__}.{each.name}")
        yield each.asname or each.name, found


def _module(name: str) -> Any:
    return import_module(name) if is_package(name) else Outside(name)


def _path(node: ast.AST) -> list[str]:
    """Return ``["a", "b"]`` for the expression ``a.b``, and nothing for another."""
    if isinstance(node, ast.Attribute):
        before = _path(node.value)
        return [*before, node.attr] if before else []
    return [node.id] if isinstance(node, ast.Name) else []


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return every + [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
