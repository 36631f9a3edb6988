"""What a name in the code stands for: its value, and where that comes from."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.util import resolve_name
from inspect import getattr_static
from types import CodeType, FunctionType, ModuleType
from typing import Any

from illusionkit.members import parts, unwrapped
from illusionkit.source import Source, source_of
from illusionkit.syntax import Form, Global, Import, Token, named

DECIDES_NO_NUMBER = True
PACKAGE = __name__.partition(".")[0]
MISSING = object()
CACHES = ("functools.cache", "functools.lru_cache", "functools.cached_property")


def is_ours(module: str) -> bool:
    """Tell whether a module is one of this kit."""
    return module.partition(".")[0] == PACKAGE


def is_infrastructure(module: str) -> bool:
    """Tell whether a module says of itself that it decides no number."""
    return bool(getattr(sys.modules.get(module), "DECIDES_NO_NUMBER", False))


@dataclass(frozen=True)
class Found:
    """What a name stands for.

    ``rest`` are attributes of ``value``; ``module`` and ``name`` say where a name of ours stands;
    ``outside`` is what stands for something that is not ours, and then all that counts.
    """

    value: Any = None
    rest: tuple[str, ...] = ()
    module: str = ""
    name: str = ""
    outside: str | None = None
    known: bool = True


@dataclass(frozen=True)
class Place:
    """Where code stands: what it can name, and the file that holds it."""

    module: str
    space: Mapping[str, Any]
    source: Source | None
    closure: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, function: FunctionType) -> Place:
        """Return the place of a function."""
        code, space = function.__code__, function.__globals__
        cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
        closure = {name: _content(cell) for name, cell in cells}
        source = source_of(code.co_filename, space)
        return cls(str(space.get("__name__", "")), space, source, closure)

    @classmethod
    def of_module(cls, name: str) -> Place:
        """Return the place of what stands in no function."""
        space = vars(sys.modules[name]) if name in sys.modules else {}
        return cls(name, space, source_of(str(space.get("__file__", "")), space))

    def forms(self, code: CodeType) -> tuple[Form, ...]:
        """Return the normal form of code that stands here; none where no file holds it."""
        return self.source.of(code) if self.source else ()

    def assigned(self, name: str) -> tuple[Token, ...]:
        """Return the expressions that the module gives one of its names."""
        return self.source.assigned(name) if self.source else ()

    def names(self, annotation: Any) -> tuple[Global, ...]:
        """Return the names in an annotation."""
        return tuple(named(annotation)) if isinstance(annotation, str) else ()

    def decides(self, decorator: tuple[Token, ...]) -> bool:
        """Tell whether a decorator may change what a function gives; a cache does not."""
        found = [self.find(each) for each in decorator if isinstance(each, Global)][:1]
        return any(
            each.known and each.outside not in CACHES and not is_infrastructure(each.module)
            for each in found
        )

    def find(self, asked: Global) -> Found:
        """Return what a name that is not local stands for."""
        name, *rest = asked.path
        imported = self.source.imports.get(name) if self.source else None
        origin = asked.origin or imported
        if asked.origin is None and name in self.closure:
            return _followed(self.closure[name], rest, self.module, name, None)
        if asked.origin is None and name in self.space and not name.startswith("__"):
            value = self.space[name]
            return _followed(value, rest, self.module, name, self._absolute(imported))
        if origin is not None:
            return self._from(origin, rest)
        kind = "builtin" if hasattr(builtins, name) else "unknown"
        return Found(outside=f"{kind} {'.'.join(asked.path)}", known=kind == "builtin")

    def _absolute(self, origin: Import | None) -> Import | None:
        if origin is None or not origin.level:
            return origin
        package = str(self.space.get("__package__") or self.module.rpartition(".")[0])
        return Import(resolve_name("." * origin.level + origin.module, package), origin.name)

    def _from(self, origin: Import, rest: list[str]) -> Found:
        """Return what an import statement gives."""
        origin = self._absolute(origin) or origin
        if not is_ours(origin.module):
            return Found(outside=_dotted(origin, rest))
        path = [origin.name, *rest] if origin.name else rest
        return _followed(import_module(origin.module), path, origin.module, "", None)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not yet filled
        return None


def _dotted(origin: Import, rest: list[str]) -> str:
    return ".".join([origin.module, *([origin.name] if origin.name else []), *rest])


def _followed(value: Any, rest: list[str], module: str, name: str, origin: Import | None) -> Found:
    """Return what is reached from a value through the attributes of modules of ours."""
    if origin is not None and not is_ours(origin.module):
        return Found(value, outside=_dotted(origin, rest))
    if origin is not None and origin.name and not isinstance(value, ModuleType):
        module, name = origin.module, origin.name
    while rest and isinstance(value, ModuleType) and is_ours(value.__name__):
        module, (name, *rest) = value.__name__, rest
        value = _attribute(value, name)
    if value is MISSING:
        return Found(outside=f"unknown {name}", known=False)
    if isinstance(value, ModuleType) and not is_ours(value.__name__):
        return Found(value, outside=".".join([value.__name__, *rest]))
    inner = unwrapped(value)
    if isinstance(inner, (FunctionType, type)) and is_ours(str(inner.__module__)):
        module, name = str(inner.__module__), inner.__qualname__
    return Found(value, tuple(rest), module, name)


def _attribute(module: ModuleType, name: str) -> Any:
    """Return an attribute of a module of ours, or a module in a folder."""
    try:
        return getattr(module, name)
    except AttributeError:
        try:
            return import_module(f"{module.__name__}.{name}")
        except ImportError:
            return MISSING


def called(found: Found) -> Any:
    """Return the function or class that is called by a name, or None if it can't be known."""
    value = unwrapped(found.value)
    for name in found.rest:
        value = unwrapped(getattr_static(value, name, None)) if isinstance(value, type) else None
        value = parts(value)[0] if parts(value) else value
    while isinstance(value, partial):
        value = unwrapped(value.func)
    init = getattr(value, "__init__", None) if isinstance(value, type) else None
    made = isinstance(init, FunctionType) and init.__code__.co_filename != "<string>"
    return init if made else value
