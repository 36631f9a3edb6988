"""The normal form of a function: its syntax, whatever its parts are called and however it looks.

Comments, docstrings, layout, annotations, the words of errors and the names of what is local fall
away. A name that is not local stays open: `illusionkit.meaning` puts in its place what it names.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from illusionkit.syntax import (
    Attribute,
    Form,
    Function,
    Global,
    Import,
    Keyword,
    Scope,
    Text,
    Token,
    bindings,
    declared,
    groups,
    imported,
    joined,
    named,
    parameters,
    path,
    stored,
)

DECIDES_NO_NUMBER = True

SKIPPED = ("ctx", "kind", "type_comment", "type_params", "returns", "annotation")
"""Fields of a node that say nothing of what it does."""


def form(node: Function) -> Form:
    """Return the normal form of a function."""
    inside = list(ast.walk(node))
    writer, arguments = _Writer(inside), node.args
    above = [] if isinstance(node, ast.Lambda) else node.decorator_list
    writer.function(node)
    return Form(
        tokens=joined(writer.tokens),
        decorators=tuple(expression(each) for each in above),
        annotations=tuple(writer.annotations),
        parameters=tuple(each.arg for group in groups(arguments) for each in group),
        flexible=arguments.kwarg is not None,
        stored=tuple(stored(node, inside)),
    )


def expression(node: ast.AST | None) -> tuple[Token, ...]:
    """Return the tokens of an expression that stands in no function."""
    writer = _Writer()
    writer.write(node)
    return joined(writer.tokens)


class _Writer:
    """Writes syntax as tokens; ``inside`` are all nodes of what it will write."""

    def __init__(self, inside: Sequence[ast.AST] = ()) -> None:
        calls = [each for each in inside if isinstance(each, ast.Call)]
        self.tokens: list[Token] = []
        self.annotations: list[Global] = []
        self._by_name = {each.arg for call in calls for each in call.keywords}
        self._shares = any(isinstance(each, (ast.Global, ast.Nonlocal)) for each in inside)
        self._scopes: list[Scope] = []
        self._tries = 0

    def write(self, node: Any) -> None:
        """Write a node, a list of nodes or a plain value."""
        if isinstance(node, list):
            self.tokens.append("[")
            for each in self._told(node):
                self.write(each)
            self.tokens.append("]")
        elif isinstance(node, ast.AST):
            name = f"_on_{type(node).__name__.lower()}"
            getattr(self, name, self._any)(node)
        else:
            self.tokens.append(ascii(node))

    def function(self, node: Function, *, inner: bool = False) -> None:
        """Write parameters and body of a function."""
        arguments = node.args
        kind = "async def(" if isinstance(node, ast.AsyncFunctionDef) else "def("
        rest = bool(arguments.vararg), bool(arguments.kwarg)
        self.tokens += [kind, *(str(len(group)) for group in groups(arguments)), *map(str, rest)]
        self.write([arguments.defaults, arguments.kw_defaults])
        for each in parameters(arguments):
            self.annotations += named(each.annotation)
            if inner and (arguments.kwarg or each.arg in self._by_name):
                self.tokens.append(f"named {each.arg}")
        self.annotations += named(getattr(node, "returns", None))
        body: list[Any] = [node.body] if isinstance(node, ast.Lambda) else node.body
        self._enter([each.arg for each in parameters(arguments)], body)
        self.write(body)
        self._scopes.pop()
        self.tokens.append(")")

    def _enter(self, given: Sequence[str], body: Sequence[ast.AST]) -> None:
        """Begin the scope of a function: its parameters in order, and what its body binds."""
        elsewhere = {n for each in body for n in declared(each)} if self._shares else set()
        origins: dict[str, set[Import | None]] = {name: {None} for name in given}
        for name, origin in (pair for each in body for pair in bindings(each)):
            origins.setdefault(name, set()).add(origin)
        found = {name: next(iter(each)) for name, each in origins.items() if len(each) == 1}
        imports = {name: origin for name, origin in found.items() if origin is not None}
        names = set(origins) - elsewhere - set(imports)
        self._scopes.append(Scope(len(self._scopes), names, imports))
        for name in given:
            self._scopes[-1].label(name)

    def _told(self, body: list[Any]) -> list[Any]:
        """Return statements without those that only make the words of an error ready."""
        end = len(body) - 1
        if self._tries or not body or not isinstance(body[-1], ast.Raise):
            return body
        while end and isinstance(body[end - 1], ast.Assign) and self._is_local(body[end - 1]):
            end -= 1
        return [*body[:end], body[-1]]

    def _is_local(self, node: ast.Assign) -> bool:
        names = self._scopes[-1].names
        return all(len(p) == 1 and p[0] in names for p in map(path, node.targets))

    def _any(self, node: ast.AST, *left_out: str) -> None:
        """Write the fields of a node; what is empty says nothing, in any version of Python."""
        self.tokens.append(f"{type(node).__name__}(")
        for name, value in ast.iter_fields(node):
            if name not in (*SKIPPED, *left_out) and value is not None and value != []:
                self.tokens.append(f"{name}=")
                self.write(value)
        self.tokens.append(")")

    def _local(self, name: str) -> str | Import | None:
        """Return what stands for a local name, or None if it is not local."""
        for number, scope in enumerate(reversed(self._scopes)):
            if scope.of_class and number:  # only the class itself sees its names
                continue
            if name in scope.imports:
                return scope.imports[name]
            if name in scope.names:
                return scope.label(name)
        return None

    def _open(self, node: ast.AST) -> Global | None:
        """Return a name that is not local with its attributes, or None for anything else."""
        names = path(node)
        found = self._local(names[0]) if names else ""
        return None if isinstance(found, str) else Global(names, found)

    def _bound(self, name: str | None) -> None:
        """Write a name that is bound here."""
        if name is not None:
            found = self._local(name)
            self.tokens.append(found if isinstance(found, str) else f"global {name}")

    def _on_name(self, node: ast.Name) -> None:
        self.tokens.append(self._open(node) or str(self._local(node.id)))

    def _on_attribute(self, node: ast.Attribute) -> None:
        known = self._open(node)
        if known is not None:
            self.tokens.append(known)
        else:
            self.write(node.value)
            self.tokens += [".", Attribute(node.attr)]

    def _on_constant(self, node: ast.Constant) -> None:
        value = node.value
        self.tokens.append(Text(value) if isinstance(value, str) else ascii(value))

    def _on_joinedstr(self, node: ast.JoinedStr) -> None:
        """Write an f-string; versions of Python cut its fixed parts differently."""
        self.tokens.append("f(")
        fixed = ""
        for each in [*node.values, None]:
            if isinstance(each, ast.Constant):
                fixed += str(each.value)
                continue
            self.tokens += [Text(fixed)] if fixed else []
            fixed = ""
            self.write(each)
        self.tokens.append(")")

    def _on_call(self, node: ast.Call) -> None:
        called = self._open(node.func)
        self.tokens.append("call(")
        self.write(node.func)
        self.write(node.args)
        for each in node.keywords:
            self.tokens.append("**" if each.arg is None else Keyword(called, each.arg))
            self.write(each.value)
        self.tokens.append(")")

    def _on_expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring
            self._any(node)

    def _on_annassign(self, node: ast.AnnAssign) -> None:
        self.annotations += named(node.annotation)
        if node.value is not None:
            self._any(ast.Assign([node.target], node.value))
        elif self._scopes and self._scopes[-1].of_class:  # it may be a field of a dataclass
            self.write(node.target)

    def _on_try(self, node: ast.Try) -> None:
        self._tries += 1
        self._any(node)
        self._tries -= 1

    _on_trystar = _on_try

    def _on_raise(self, node: ast.Raise) -> None:
        """Write what kind of error it is, and none of its words."""
        self.tokens.append("raise")
        if node.exc is not None:
            self.write(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)

    def _on_assert(self, node: ast.Assert) -> None:
        self._any(node, "msg")

    def _on_import(self, node: ast.Import | ast.ImportFrom) -> None:
        for name, origin in imported(node):
            if isinstance(self._local(name), str):  # a name that is also given otherwise
                self._bound(name)
                self.tokens.append(Global((name,), origin))

    _on_importfrom = _on_import

    def _on_global(self, node: ast.Global | ast.Nonlocal) -> None:
        """Write nothing: the names say themselves whose they are."""

    _on_nonlocal = _on_global

    def _on_excepthandler(self, node: ast.ExceptHandler) -> None:
        self._bound(node.name)
        self._any(node, "name")

    def _on_matchas(self, node: Any) -> None:
        for name in ("name", "rest"):
            self._bound(getattr(node, name, None))
        self._any(node, "name", "rest")

    _on_matchstar = _on_matchmapping = _on_matchas

    def _on_matchclass(self, node: Any) -> None:
        self.tokens += [Attribute(name) for name in node.kwd_attrs]
        self._any(node, "kwd_attrs")

    def _comprehension_of(self, node: Any) -> None:
        """Write a comprehension; its first source of values is looked up outside of it."""
        self.write(node.generators[0].iter)
        targets = {name for each in node.generators for name, _ in bindings(each.target)}
        self._scopes.append(Scope(len(self._scopes), targets))
        for number, each in enumerate(node.generators):
            self._any(each, *(("iter",) if number == 0 else ()))
        self._any(node, "generators")
        self._scopes.pop()

    _on_listcomp = _on_setcomp = _on_dictcomp = _on_generatorexp = _comprehension_of

    def _on_functiondef(self, node: Function) -> None:
        """Write a function inside another, with what stands above it."""
        if not isinstance(node, ast.Lambda):
            self._member(node.name)
            self.write(node.decorator_list)
        self.function(node, inner=True)

    _on_asyncfunctiondef = _on_lambda = _on_functiondef

    def _member(self, name: str) -> None:
        """Write the name of a function or class: a local one, or that of a member of a class."""
        if self._scopes and self._scopes[-1].of_class:
            self.tokens.append(Attribute(name))
        else:
            self._bound(name)

    def _on_classdef(self, node: ast.ClassDef) -> None:
        """Write a class inside a function, whole."""
        self._member(node.name)
        self.tokens.append("class(")
        self.write([node.decorator_list, node.bases])
        for each in node.keywords:
            self.write([ast.Constant(each.arg), each.value])
        names = {name for each in node.body for name, _ in bindings(each)}
        self._scopes.append(Scope(len(self._scopes), names, of_class=True))
        self.write(node.body)
        self._scopes.pop()
        self.tokens.append(")")
