"""A hash of what code does: blind to names, places and layout, and to what nobody calls.

It covers the syntax trees of the roots and of everything of this kit that they reach, in the order
in which it is reached; a name stands for what it names. Of a class count its fields, what Python
calls by itself, and those members that some code reached asks for by name: of which object can't
be known, so it may be any member of that name. A module that sets ``DECIDES_NO_NUMBER`` fetches,
stores and checks: what stands in it is told apart, and is not looked into.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from illusionkit import cache
from illusionkit.members import (
    always,
    fields_of,
    members_of,
    order_of,
    parameters_of,
    parts,
    plain,
    settings_of,
    unwrapped,
)  # fmt: skip
from illusionkit.naming import Found, Place, called, is_infrastructure, is_ours
from illusionkit.syntax import Attribute, Global, Keyword, Text, Token
from illusionkit.transcript import Transcript

DECIDES_NO_NUMBER = True
ELSEWHERE = ("SOURCES",)
"""Names that the hash of the data stands for."""
HANDED_ON = ("functools.partial", "dataclasses.replace")
"""Functions of Python that hand on the arguments that they are given by name."""

Item = FunctionType | type | ModuleType


def code_hash(*roots: Callable[..., Any]) -> str:
    """Return a hash of what the roots do, with everything of this kit that they reach.

    The version of Python does not matter, unless a root was typed at a prompt and has no source.
    """
    walk = _Walk({str(getattr(root, "__module__", "")) for root in roots})
    for root in roots:
        walk.root(root)
    return cache.digest("\n".join(walk.text()))[:12]


class _Walk:
    """A walk through all that the roots reach; it writes down what it meets.

    ``home`` names modules that are looked into beside those of the kit: the roots' own.
    """

    def __init__(self, home: set[str]) -> None:
        self._home = home
        self._numbers: dict[int, int] = {}
        self._items: list[Item] = []  # kept, so that no id is given twice
        self._waiting: deque[Item] = deque()
        self._annotated: deque[type] = deque()
        self._holders: list[type | ModuleType] = []
        self._members: set[tuple[int, str]] = set()
        self._apart: dict[tuple[str, str], int] = {}
        self._inside: set[Any] = set()
        self._transcript = Transcript()
        self._write = self._transcript.write

    def root(self, value: Any) -> None:
        """Write what a root is, wherever it stands."""
        value = unwrapped(value)
        if isinstance(value, (FunctionType, type)):
            self._write(self._number(value))
        else:
            self._value(value)

    def text(self) -> Iterator[str]:
        """Walk on until nothing new is reached, and yield all that was written."""
        while self._step():
            pass
        return self._transcript.text()

    def _step(self) -> bool:
        """Write the next thing that was reached; tell whether there was one."""
        if self._waiting:
            self._item(self._waiting.popleft())
        elif self._annotated:
            self._number(self._annotated.popleft())
        else:
            return self._write_members()
        return True

    def _number(self, item: Item) -> str:
        """Return what stands for a function, class or module; it is written later."""
        if id(item) not in self._numbers:
            self._numbers[id(item)] = len(self._items)
            self._items.append(item)
            self._waiting.append(item)
        return f"@{self._numbers[id(item)]}"

    def _item(self, item: Item) -> None:
        self._write(f"{self._number(item)}:")
        if isinstance(item, FunctionType):
            self._function(item)
        else:
            self._holders.append(item)
            if isinstance(item, type):
                self._class(item)

    def _function(self, function: FunctionType) -> None:
        """Write a function: its decorators but for caches, then its normal form."""
        place = Place.of(function)
        forms = place.forms(function.__code__)
        for form in forms:
            for tokens in filter(place.decides, form.decorators):
                self._tokens(tokens, place)
            self._tokens(form.tokens, place)
            self._annotations(form.annotations, place)
            self._transcript.functions.append((self._number(function), form))
            self._transcript.known.update(form.stored)
        if not forms:
            self._compiled(function.__code__, place)

    def _compiled(self, code: CodeType, place: Place) -> None:
        """Write a function that was typed at a prompt, by what Python made of it."""
        self._write(code.co_code.hex())
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                self._compiled(constant, place)
            else:
                self._value(constant)
        for name in code.co_names:
            self._global(Global((name,)), place)

    def _class(self, kind: type) -> None:
        """Write a class: what it is made from, and its fields."""
        for base in kind.__mro__[1:-1]:
            self._code(base)
        place = Place.of_module(kind.__module__)
        self._write(settings_of(kind))
        for name, settings, default in fields_of(kind):
            self._transcript.known.add(name)
            self._write("field", Attribute(name), settings)
            self._value(default)
        for annotation in vars(kind).get("__annotations__", {}).values():
            self._annotations(place.names(annotation), place)

    def _write_members(self) -> bool:
        """Write members that are asked for by now; tell whether there were any."""
        order = {name: number for number, name in enumerate(self._transcript.used)}
        found = []
        for number, holder in enumerate(self._holders):
            for place, name in enumerate(members_of(holder)):
                asked = order.get(name, len(order) + place if always(holder, name) else None)
                if asked is not None and (number, name) not in self._members:
                    found.append((number, name if name[:2] == "__" else "", asked, name))
        for number, _, _, name in sorted(found):
            self._members.add((number, name))
            self._transcript.known.add(name)
            self._write("member", self._number(self._holders[number]), Attribute(name))
            self._member(members_of(self._holders[number])[name])
        return bool(found)

    def _member(self, value: Any) -> None:
        found = parts(value)
        self._write(type(value).__name__ if found else "")
        for each in found or [value]:
            self._value(each)

    def _tokens(self, tokens: tuple[Token, ...], place: Place) -> None:
        for token in tokens:
            if isinstance(token, Global):
                self._global(token, place)
            elif isinstance(token, Keyword):
                self._keyword(token, place)
            else:
                self._write(token)

    def _global(self, token: Global, place: Place) -> None:
        """Write what a name that is not local stands for."""
        found = place.find(token)
        if found.name in ELSEWHERE:
            self._write("elsewhere")
        elif found.outside is not None:
            self._write(f"outside {found.outside}")
        elif is_infrastructure(found.module):
            self._told_apart(found.module, found.name)
        else:
            self._value(found.value, found)
        for name in found.rest if found.outside is None else ():
            self._write(".")
            self._write(Attribute(name))

    def _told_apart(self, module: str, name: str) -> None:
        number = self._apart.setdefault((module, name), len(self._apart))
        self._write(f"!{number}")

    def _annotations(self, names: tuple[Global, ...], place: Place) -> None:
        """Note the classes of ours that annotations name: objects of them may come in there."""
        for token in names:
            found = place.find(token)
            for each in (found.value, *getattr(found.value, "__args__", ())):
                if isinstance(each, type) and self._ours(each) and not found.rest:
                    self._annotated.append(each)

    def _keyword(self, token: Keyword, place: Place) -> None:
        """Write an argument's name: its place, if what is called is known to have it."""
        found = place.find(token.called) if token.called else Found()
        target = called(found)
        names = parameters_of(target) if isinstance(target, FunctionType) else ()
        if token.name in names:
            self._write(f"#{names.index(token.name)}")
        elif found.outside is not None and found.outside not in HANDED_ON:
            self._write(f"{token.name}=")
        else:
            self._write(Attribute(token.name))
            if not dataclasses.is_dataclass(target):
                self._transcript.handed.add(token.name)

    def _ours(self, value: Any) -> bool:
        module = str(getattr(value, "__module__", ""))
        return (is_ours(module) or module in self._home) and not is_infrastructure(module)

    def _code(self, value: Any) -> None:
        """Write a function, class or module: a number for ours, the name of any other."""
        module = str(getattr(value, "__module__", getattr(value, "__name__", "")))
        name = str(getattr(value, "__qualname__", ""))
        if is_infrastructure(module):
            self._told_apart(module, name)
        elif is_ours(module) or module in self._home:
            self._write(self._number(value))
        else:
            self._write(f"outside {module.partition('.')[0]}.{name}")

    def _value(self, value: Any, found: Found | None = None) -> None:
        """Write a constant, or what else a name stands for; ``found`` says where it was found."""
        value = unwrapped(value)
        told = plain(value)
        if told is not None:
            self._write(told)
        elif isinstance(value, str):
            self._write(Text(value))
        elif isinstance(value, (FunctionType, type, ModuleType)):
            self._code(value)
        elif id(value) in self._inside:
            self._write("itself")
        else:
            self._inside.add(id(value))
            self._parts(value, found)
            self._inside.discard(id(value))

    def _parts(self, value: Any, found: Found | None) -> None:
        """Write a constant that has parts."""
        kind = type(value)
        if isinstance(value, Enum):
            self._code(kind)
            self._write(Text(value.name))
        elif isinstance(value, MethodType):
            self._each("method", [value.__self__, value.__func__])
        elif isinstance(value, partial):
            self._each("partial", [value.func, value.args, dict(sorted(value.keywords.items()))])
        elif isinstance(value, Mapping):
            self._each(kind.__name__, [part for pair in value.items() for part in pair])
        elif isinstance(value, (set, frozenset)):
            self._each(kind.__name__, sorted(value, key=order_of))
        elif isinstance(value, (tuple, list, deque)):
            self._code(kind)
            self._each("(", list(value))
        elif self._ours(kind):
            self._code(kind)
            for name, part in vars(value).items() if hasattr(value, "__dict__") else ():
                self._write(Attribute(name))
                self._value(part)
        else:
            self._opaque(value, found)

    def _each(self, kind: str, parts_of: list[Any]) -> None:
        self._write(kind)
        for part in parts_of:
            self._value(part)
        self._write(")")

    def _opaque(self, value: Any, found: Found | None) -> None:
        """Write something that can't be told from itself: the expression that made it."""
        self._code(type(value) if not callable(value) else value)
        if found is not None and found.module:
            place = Place.of_module(found.module)
            self._tokens(place.assigned(found.name), place)
