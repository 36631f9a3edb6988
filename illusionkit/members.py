"""What classes are made of, and constants: the parts of the kit's code that are values."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cached_property
from pathlib import PurePath
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

DECIDES_NO_NUMBER = True

EXACT = (type(None), bool, int, float, complex, bytes, type(...), range, slice)
FLAGS = ("init", "eq", "order", "unsafe_hash", "frozen")
TYPING = ("typing", "typing_extensions", "abc", "builtins")
"""Where base classes come from that call no method of ours by themselves."""


def unwrapped(value: Any) -> Any:
    """Return the function that a cache, or a decorator of a library, was put round."""
    while hasattr(value, "__wrapped__") and not isinstance(value, type):
        if isinstance(value, FunctionType) and value.__globals__["__name__"] == value.__module__:
            return value  # a decorator's own function: what it does counts
        value = value.__wrapped__
    return value


def plain(value: Any) -> str | None:
    """Return a text that says all of a constant, or None where it has parts or can't be told."""
    kind = type(value)
    if kind in EXACT:
        return f"{kind.__name__} {value!a}"
    if isinstance(value, re.Pattern):
        return f"regex {value.pattern!a} {value.flags}"
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        content = array.tolist() if array.dtype.hasobject else array.tobytes().hex()
        return f"array {array.dtype} {array.shape} {content}"
    if isinstance(value, (type, FunctionType, ModuleType, PurePath, Enum)) or callable(value):
        return None
    stable = kind.__module__.partition(".")[0] in sys.stdlib_module_names
    holds = isinstance(value, (str, tuple, list, dict, set, frozenset))
    text = "" if holds or not stable else repr(value)
    return f"{kind.__name__} {text!a}" if text and " at 0x" not in text else None


def fields_of(kind: type) -> Iterator[tuple[str, str, Any]]:
    """Yield name, settings and default (or what makes it) of the fields of a dataclass."""
    for each in fields(kind) if is_dataclass(kind) else ():
        default = each.default if each.default is not MISSING else each.default_factory
        settings = f"{each.init} {each.compare} {getattr(each, 'kw_only', False)}"
        yield each.name, settings, None if default is MISSING else (default,)


def settings_of(kind: type) -> str:
    """Return how a dataclass was made; nothing for another class."""
    made = getattr(kind, "__dataclass_params__", None)
    return "" if made is None else " ".join(str(getattr(made, name)) for name in FLAGS)


def members_of(holder: type | ModuleType) -> dict[str, Any]:
    """Return what a class defines itself, or a module, but for what Python puts in by itself."""
    found = dict(vars(holder))
    if isinstance(holder, ModuleType):
        return {n: v for n, v in found.items() if not n.startswith("__") and _own(holder, v)}
    made = {name for name, *_ in fields_of(holder)} if is_dataclass(holder) else set()
    return {n: v for n, v in found.items() if n not in made and _counts(n, v)}


def _own(module: ModuleType, value: Any) -> bool:
    return getattr(value, "__module__", module.__name__) == module.__name__


def _counts(name: str, value: Any) -> bool:
    """Tell whether a class's attribute was written down: Python and dataclasses add their own."""
    function = unwrapped(value)
    if name.startswith("__") and name.endswith("__"):
        known = isinstance(function, (FunctionType, property, classmethod, staticmethod))
        code = getattr(function, "__code__", None)
        return known and (code is None or code.co_filename != "<string>")
    return name not in ("_abc_impl", "_is_protocol", "_is_runtime_protocol")


def always(holder: type | ModuleType, name: str) -> bool:
    """Tell whether a member may be called though nobody names it: by Python, or by a library."""
    if isinstance(holder, ModuleType):
        return False
    if name.startswith("__") and name.endswith("__"):
        return True
    return issubclass(holder, Enum) or any(
        base.__module__.partition(".")[0] not in TYPING for base in foreign(holder)
    )


def foreign(kind: type) -> list[type]:
    """Return the base classes of a class that are of another package than it."""
    home = kind.__module__.partition(".")[0]
    bases = [base for base in kind.__mro__[1:] if base is not object]
    return [base for base in bases if base.__module__.partition(".")[0] != home]


def parts(value: Any) -> list[Callable[..., Any]]:
    """Return the functions behind a property or another member that is more than a function."""
    if isinstance(value, property):
        return [each for each in (value.fget, value.fset, value.fdel) if each is not None]
    if isinstance(value, cached_property):
        return [value.func]
    return [value.__func__] if isinstance(value, (classmethod, staticmethod)) else []


def parameters_of(function: FunctionType) -> tuple[str, ...]:
    """Return the names of a function's parameters."""
    code = function.__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def order_of(value: Any) -> tuple[str, str]:
    """Return what members of a set are sorted by."""
    return type(value).__name__, plain(value) or str(getattr(value, "__qualname__", value))
