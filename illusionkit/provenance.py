"""What a reading depends on: hashes of the code, the spec and the data, and library versions."""

from __future__ import annotations

import ast
import inspect
import io
import json
import os
import platform
import textwrap
import tokenize
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from illusionkit import archives, cache, census, corpora, credit, mail
from illusionkit.errors import DataError
from illusionkit.experiment import Experiment

DECIDES_NO_NUMBER = True  # see illusionkit.meaning

PACKAGE = "illusionkit"
INFRASTRUCTURE = ("cache", "client", "archives", "errors", "experiment", "models")
"""Modules that fetch, store and check, but decide no number: they are not part of the hash."""

ELSEWHERE = ("title", "step", "page", "cost", "weights")
"""Not in the hash of the spec: what is for a reader only, and what has a hash of its own."""

TRAINING = ("torch", "transformers")

DATA = (corpora, credit, mail, census)
"""The modules that hold data sets; each has ``SOURCES``: the archive and the members of each."""


def provenance(experiment: Experiment) -> dict[str, str]:
    """Return the hashes and versions that a reading of ``experiment`` depends on.

    Keys: code, spec, data, weights ("none" where no trained weights come in), versions.
    """
    libraries = ("numpy", "scipy", "scikit-learn", *(TRAINING if experiment.weights else ()))
    versions = [f"{name} {version(name)}" for name in libraries]
    fixed = {name: value for name, value in experiment.spec.items() if name not in ELSEWHERE}
    roots = (experiment.run, experiment.metric.per_row, experiment.metric.whole)
    return {
        "code": code_hash(*(root for root in roots if root is not None)),
        "spec": cache.digest(json.dumps(fixed, sort_keys=True))[:12],
        "data": cache.digest(*(_fingerprint(name) for name in experiment.data))[:12],
        "weights": _weights(experiment),
        "versions": "; ".join(versions),
    }


def needed(experiment: Experiment) -> list[str]:
    """Return the ids of the archives that ``experiment`` reads: its data, then its weights."""
    data = [_source_of(name)[0] for name in experiment.data]
    return list(dict.fromkeys([*data, *experiment.weights]))


def _source_of(data: str) -> tuple[str, tuple[str, ...]]:
    """Return the archive behind a data set, and the archive's members that it is made of."""
    for module in DATA:
        if data in module.SOURCES:
            return module.SOURCES[data]
    known = ", ".join(name for module in DATA for name in module.SOURCES)
    raise DataError(f"No data set is called '{data}'. There are: {known}.")


def _fingerprint(data: str) -> str:
    """Return a hash of the pinned bytes that a data set is made of."""
    archive, members = _source_of(data)
    pinned = archives.source(archive).members
    return cache.digest(*(pinned[name].sha256 for name in members))[:16]


def _weights(experiment: Experiment) -> str:
    pinned = [archives.source(name).members["weights"].sha256 for name in experiment.weights]
    return cache.digest(*pinned)[:12] if pinned else "none"


def machine() -> dict[str, str]:
    """Return the Python version and the processor's name."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    for line in info.read_text(encoding="utf-8").splitlines() if info.exists() else ():
        if line.startswith("model name"):
            name = line.partition(":")[2].strip()
            break
    return {"python": platform.python_version(), "cpu": f"{name}, {os.cpu_count()} cores"}


def code_hash(*roots: Callable[..., Any]) -> str:
    """Return a hash of the roots' source and of everything of this kit that they call.

    Comments, docstrings and blank lines do not count. The Python version does not matter.
    """
    found: dict[str, str] = {}
    waiting: list[Any] = list(roots)
    while waiting:
        item = inspect.unwrap(waiting.pop())
        name = f"{item.__module__}.{item.__qualname__}"
        if name not in found:
            found[name] = _source(item)
            for label, value in _uses(item):
                if _is_code(value):
                    waiting.append(value)
                else:
                    found[f"{name}:{label}"] = repr(value)
    return cache.digest(*(f"{name}\n{text}" for name, text in sorted(found.items())))[:12]


def _uses(item: Any) -> Iterator[tuple[str, Any]]:
    """Yield the kit's functions, classes and plain constants that ``item`` names."""
    functions = vars(item).values() if inspect.isclass(item) else [item]
    for function in functions:
        if not isinstance(function, FunctionType):
            continue
        if function.__globals__.get("__name__") != item.__module__:
            continue  # made by a dataclass, and differently by each version of Python
        names = set(_names(function.__code__))
        for space in _spaces(function, names):
            for name in sorted(names & set(space)):
                value = space[name]
                if _is_code(value) or _is_plain(value):
                    yield name, value


def _spaces(function: FunctionType, names: set[str]) -> list[dict[str, Any]]:
    """Return where ``names`` may be found: the module, and ours that it or the function imports."""
    modules = [function.__globals__.get(name) for name in names]
    inside = {name for name in names if name.startswith(f"{PACKAGE}.")}
    if PACKAGE in names:
        inside |= {f"{PACKAGE}.{name}" for name in names if name.isidentifier()}
    modules += [import_module(name) for name in sorted(inside) if find_spec(name)]
    ours = [m for m in modules if isinstance(m, ModuleType) and _ours(m.__name__)]
    return [function.__globals__, *map(vars, ours)]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_code(value: Any) -> bool:
    """Tell whether ``value`` is a function or class of ours that may decide a number."""
    inner = inspect.unwrap(value) if callable(value) else value
    code = inspect.isfunction(inner) or inspect.isclass(inner)
    return code and _ours(str(inner.__module__))


def _is_plain(value: Any) -> bool:
    """Tell whether ``value`` is a constant whose repr says all of it."""
    if isinstance(value, dict):
        return all(_is_plain(entry) for pair in value.items() for entry in pair)
    if isinstance(value, tuple):
        return all(_is_plain(entry) for entry in value)
    return value is None or isinstance(value, (int, float, str))


def _ours(module: str) -> bool:
    package, _, rest = module.partition(".")
    return package == PACKAGE and bool(rest) and rest not in INFRASTRUCTURE


def _source(item: Any) -> str:
    """Return the source without comments, docstrings and blank lines."""
    try:
        text = textwrap.dedent(inspect.getsource(item))
    except OSError:  # typed at a prompt: no file holds it
        code = item.__code__
        return repr((code.co_code, code.co_consts, code.co_names))
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(text)):
        documented = isinstance(node, (ast.FunctionDef, ast.ClassDef))
        if documented and ast.get_docstring(node) is not None:  # type: ignore[arg-type]
            first = node.body[0]  # type: ignore[attr-defined]
            last = first.end_lineno or first.lineno
            lines[first.lineno - 1 : last] = [""] * (last - first.lineno + 1)
    return "\n".join(line.rstrip() for line in lines if line.strip())
