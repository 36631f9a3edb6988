"""The normal form of a function's syntax: what it does, whatever its parts are called.

Comments, docstrings, layout, annotations, the words of errors and the names of what is local fall
away. A name that is not local stays open: `illusionkit.meaning` puts in its place what it names.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

DECIDES_NO_NUMBER = True

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True)
class Import:
    """Where an import statement takes a name from; ``level`` counts the dots before ``module``."""

    module: str
    name: str | None = None
    level: int = 0


@dataclass(frozen=True)
class Global:
    """A name that is not local and the attributes read from it; ``origin`` if imported inside."""

    path: tuple[str, ...]
    origin: Import | None = None


@dataclass(frozen=True)
class Attribute:
    """The name of an attribute of something whose type can't be known."""

    name: str


@dataclass(frozen=True)
class Keyword:
    """The name of an argument, and what is called if that is a name that is not local."""

    called: Global | None
    name: str


@dataclass(frozen=True)
class Text:
    """A text in the code: it may be the name of a column, or of an attribute."""

    value: str


Token = str | Global | Attribute | Keyword | Text


@dataclass(frozen=True)
class Form:
    """The normal form of one function.

    ``parameters`` are all but those of any number, in order; ``flexible`` says that it takes
    arguments of any other name; ``stored`` are the attributes that it gives its first parameter.
    """

    tokens: tuple[Token, ...]
    decorators: tuple[tuple[Token, ...], ...]
    annotations: tuple[Global, ...]
    parameters: tuple[str, ...]
    flexible: bool
    stored: tuple[str, ...]


def named(annotation: str | ast.AST | None) -> list[Global]:
    """Return the names in an annotation, texts in it read as annotations too."""
    try:
        node = ast.parse(annotation, mode="eval") if isinstance(annotation, str) else annotation
    except SyntaxError:
        return []
    found: list[Global] = []
    for each in ast.walk(node) if node is not None else ():
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            found += named(each.value)
        elif path(each):
            found.append(Global(path(each)))
    return found


def imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Import]]:
    """Yield each name that a statement imports, and where it takes it from."""
    for each in node.names:
        if isinstance(node, ast.ImportFrom):
            yield each.asname or each.name, Import(node.module or "", each.name, node.level)
        elif each.asname:
            yield each.asname, Import(each.name)
        else:
            yield each.name.partition(".")[0], Import(each.name.partition(".")[0])


def path(node: ast.AST) -> tuple[str, ...]:
    """Return ``("a", "b", "c")`` for the expression ``a.b.c``, and nothing for another."""
    if isinstance(node, ast.Attribute):
        before = path(node.value)
        return (*before, node.attr) if before else ()
    return (node.id,) if isinstance(node, ast.Name) else ()


def groups(arguments: ast.arguments) -> tuple[list[ast.arg], ...]:
    """Return parameters by kind: by place only, either way, by name only."""
    return arguments.posonlyargs, arguments.args, arguments.kwonlyargs


def parameters(arguments: ast.arguments) -> list[ast.arg]:
    """Return all parameters, in order."""
    rest = [each for each in (arguments.vararg, arguments.kwarg) if each]
    return [each for group in (*groups(arguments), rest) for each in group]


def bindings(node: ast.AST) -> Iterator[tuple[str, Import | None]]:
    """Yield the names that a statement makes local, and what is imported as them."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from imported(node)
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name, None
    elif isinstance(node, COMPREHENSIONS):
        inside = [each for each in ast.walk(node) if isinstance(each, ast.NamedExpr)]
        yield from ((each.target.id, None) for each in inside)
    elif not isinstance(node, ast.Lambda):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id, None
        for name in ("name", "rest"):  # of an error that is caught, of a pattern that is matched
            if isinstance(getattr(node, name, None), str):
                yield getattr(node, name), None
        for child in ast.iter_child_nodes(node):
            yield from bindings(child)
