"""Pieces of syntax: tokens of a normal form, and which names a piece of code makes local."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

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


def joined(tokens: Sequence[Token]) -> tuple[Token, ...]:
    """Return the tokens with neighbours that stand for themselves as one."""
    found: list[Token] = []
    for token in tokens:
        if found and isinstance(token, str) and isinstance(found[-1], str):
            found[-1] += f" {token}"
        else:
            found.append(token)
    return tuple(found)


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


def stored(node: Function, inside: Sequence[ast.AST]) -> Iterator[str]:
    """Yield the names of the attributes that are given to the first parameter."""
    first = next((each.arg for each in parameters(node.args)), None)
    for each in inside:
        if isinstance(each, ast.Attribute) and not isinstance(each.ctx, ast.Load):
            yield from [each.attr] if path(each.value) == (first,) else []


def declared(node: ast.AST) -> Iterator[str]:
    """Yield the names that a function says are another scope's."""
    if isinstance(node, (ast.Global, ast.Nonlocal)):
        yield from node.names
    elif not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        for child in ast.iter_child_nodes(node):
            yield from declared(child)


@dataclass
class Scope:
    """The names of a function, a comprehension or a class, numbered as they are first met."""

    depth: int
    names: set[str]
    imports: dict[str, Import] = field(default_factory=dict)
    of_class: bool = False
    numbers: dict[str, int] = field(default_factory=dict)

    def label(self, name: str) -> str:
        """Return what stands for a name."""
        if self.of_class:
            return f"member {name}"
        return f"%{self.depth}.{self.numbers.setdefault(name, len(self.numbers))}"
