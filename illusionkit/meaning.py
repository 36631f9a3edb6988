"""A hash of what code does: blind to layout, places and names of its own, and to what nobody calls.

From the roots it walks to every function, class and constant of this kit that they reach. Each is
written down once, under the number at which it was met, as a syntax tree in which a number stands
for what a name means. Of a class count the members that some code reached asks for by name, of
whatever: whose they are can't be known. For the same reason names of parameters and of members
count; those of functions, classes, constants and locals do not, nor where any of them stands.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections import deque
from collections.abc import Callable, Iterator
from enum import Enum
from functools import partial
from types import CodeType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

from illusionkit import cache
from illusionkit.names import Names, assigned, definition, is_field, is_package, members
from illusionkit.syntax import Writer

DECIDE_NO_NUMBER = (
    "archives", "cache", "checks", "client", "encoders", "errors", "graphs", "history", "language",
    "meaning", "names", "needs", "own_data", "provenance", "registry", "syntax",
)  # fmt: skip
"""Modules that fetch, store, check or read a reader's table: of what they hold the name counts."""

EVERY_FIELD = ("vars", "asdict", "astuple", "fields", "replace", "__dict__")
"""Where one of these is asked for, a field may be read that nobody names."""

WRITTEN = (FunctionType, MethodType)
PLAIN = (bool, int, float, complex, str, bytes, range, slice, type(None), type(Ellipsis))


def code_hash(*roots: Callable[..., Any]) -> str:
    """Return a hash of what the roots do, with everything of this kit that they reach.

    The version of Python does not matter, unless a root was typed at a prompt and has no source.
    """
    written = map(_unwrapped, roots)
    walk = _Walk({each.__module__ for each in written if isinstance(each, WRITTEN)})
    return cache.digest(*map(walk.refer, roots), *walk.text())[:12]


class _Walk:
    """A walk through all that is referred to; modules of the roots count as ours."""

    def __init__(self, ours: set[str]) -> None:
        self._ours = ours
        self._met: list[Any] = []  # kept, so that no id is given twice
        self._numbers: dict[int, int] = {}
        self._asked: set[str] = set()  # names of attributes, and texts that may be such names
        self._written: set[tuple[int, int]] = set()
        self._annotated: list[Any] = []
        self._inside: set[int] = set()  # constants that are being written

    def text(self) -> Iterator[str]:
        """Yield what was met, and what it leads to, until nothing new is met."""
        place = 0
        while True:
            if place < len(self._met):
                yield f"@{place} {self._item(self._met[place])}"
                place += 1
            elif members := self._members():
                yield from members
            elif self._annotated:  # objects of these classes come in from elsewhere
                self.refer(self._annotated.pop(0))
            else:
                return

    def refer(self, value: Any) -> str:
        """Return what stands for a value: its number, or all of it if it is a constant."""
        value = _unwrapped(value) if callable(value) else value
        if isinstance(value, Enum):
            return f"{self.refer(type(value))}.{value.name}"
        if isinstance(value, PLAIN):
            return ascii(value)
        if isinstance(value, re.Pattern):
            return f"re({value.pattern!a}, {value.flags})"
        if isinstance(value, (FunctionType, type, ModuleType)) or _is_compiled(value):
            return self._named(value)
        if id(value) in self._inside:
            return "itself"
        self._inside.add(id(value))
        parts, name = self._parts(value), self._named(type(value))
        told = f"a {name}" if parts is None else f"{name}({', '.join(map(self.refer, parts))})"
        self._inside.discard(id(value))
        return told

    def _parts(self, value: Any) -> list[Any] | None:
        """Return what a constant is made of; None if that can't be seen from outside."""
        kind = type(value)
        if kind in (tuple, list, deque) or (isinstance(value, tuple) and self._is_ours(kind)):
            return list(value)
        if kind in (set, frozenset):
            return sorted(value, key=ascii)
        if kind in (dict, MappingProxyType):
            return [part for pair in value.items() for part in pair]
        if isinstance(value, partial):
            return [value.func, value.args, dict(sorted(value.keywords.items()))]
        if isinstance(value, MethodType):
            return [value.__self__, value.__func__]
        return [_state(value)] if self._is_ours(kind) else None

    def _named(self, value: Any) -> str:
        """Return the number of a function, class or module of ours, or the name of any other."""
        module, name = _home(value), str(getattr(value, "__qualname__", ""))
        if not self._is_ours(value):
            self.ask(name)
            return f"{module.partition('.')[0] if name else module}:{name}"
        if module.rpartition(".")[2] in DECIDE_NO_NUMBER:
            return f"!{name}"
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self._met)
            self._met.append(value)
        return f"@{self._numbers[id(value)]}"

    def _is_ours(self, value: Any) -> bool:
        module = _home(value)
        return is_package(module) or module in self._ours

    def _item(self, item: Any) -> str:
        """Return the normal form of a function, or of a class without its methods."""
        if isinstance(item, ModuleType):  # itself a value: all that it defines may be used
            own = [each for each in vars(item).values() if _home(each) == item.__name__]
            return f"module {' '.join(self.refer(each) for each in own if each is not item)}"
        if isinstance(item, FunctionType):
            return self._function(item)
        node = definition(item)
        if node is None:
            return f"class {item.__qualname__}"
        above = [*node.decorator_list, *(keyword.value for keyword in node.keywords)]
        form = self._form([above], Names(item.__module__))
        return f"class {' '.join(map(self.refer, item.__mro__[1:]))} {form}"

    def _function(self, item: FunctionType) -> str:
        node = definition(item)
        if node is None:  # typed at a prompt
            return self._compiled(item.__code__, item)
        inside = inspect.getclosurevars(item).nonlocals if item.__closure__ else {}
        form = self._form([node], Names(item.__module__, node, inside))
        several = isinstance(node, ast.Expr)  # lambdas of one line
        return f"{form} {self._compiled(item.__code__, item)}" if several else form

    def _compiled(self, code: CodeType, item: FunctionType) -> str:
        used = [self.refer(item.__globals__.get(name)) for name in code.co_names]
        constants = [self._compiled(each, item) if isinstance(each, CodeType) else ascii(each)
                     for each in code.co_consts]  # fmt: skip
        return " ".join([code.co_code.hex(), *code.co_names, *used, *constants])

    def _members(self) -> list[str]:
        """Return the members of classes that are asked for by now and were not written."""
        lines = []
        for number, kind in enumerate(list(self._met)):
            for place, (name, node) in enumerate(members(kind)):
                if self._wanted(kind, name, node) and (number, place) not in self._written:
                    self._written.add((number, place))
                    form = self._form([node], Names(kind.__module__, node))
                    lines.append(f"@{number}.{name} #{place if is_field(node) else 0} {form}")
        return lines

    def _wanted(self, kind: Any, name: str, node: ast.stmt) -> bool:
        """Tell whether some code may use this member of a class."""
        if name in self._asked or name.startswith("__") or not name:
            return True
        if is_field(node) and not self._asked.isdisjoint(EVERY_FIELD):
            return True
        whole = issubclass(kind, (Enum, tuple))
        return whole or any(not self._is_ours(base) for base in kind.__mro__ if _calls(base))

    def _form(self, nodes: list[Any], names: Names) -> str:
        return Writer(self, names).write(nodes)

    def ask(self, name: str) -> None:
        """Note that some code reads an attribute of this name."""
        self._asked.add(name)

    def annotated(self, value: Any) -> None:
        """Note a class that an annotation names."""
        if isinstance(value, type) and self._is_ours(value):
            self._annotated.append(value)

    def opaque(self, value: Any, name: str, module: str) -> str:
        """Return what stands for a module's value: for one that can't be seen, how it was made."""
        told = self.refer(value)
        if not told.startswith("a "):
            return told
        made = assigned(module, name) if is_package(module) else None
        how = (
            f"{module.partition('.')[0]}:{name}"
            if made is None
            else self._form([made], Names(module))
        )
        return f"{told} {how}"


def _unwrapped(value: Any) -> Any:
    """Return the function that a cache or a library's decorator was put round; ours stay."""
    while hasattr(value, "__wrapped__"):
        if is_package(str(getattr(value, "__globals__", {}).get("__name__", ""))):
            return value
        value = value.__wrapped__
    return value


def _is_compiled(value: Any) -> bool:
    """Tell whether a value is a compiled function of a library; its type may name a version."""
    return inspect.isbuiltin(value) or inspect.ismethoddescriptor(value)


def _calls(base: type) -> bool:
    """Tell whether a class may call methods of its subclasses by itself."""
    return base.__module__ not in ("builtins", "typing", "typing_extensions", "abc")


def _state(value: Any) -> dict[str, Any]:
    """Return what an object holds, in slots or not."""
    slots = [each for kind in type(value).__mro__ for each in getattr(kind, "__slots__", ())]
    return {
        **{name: getattr(value, name, None) for name in slots},
        **getattr(value, "__dict__", {}),
    }


def _home(value: Any) -> str:
    """Return the module that a function or class is of; of a module, its own name."""
    return str(getattr(value, "__module__", None) or getattr(value, "__name__", ""))
