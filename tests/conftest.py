"""What all tests share: the strict environment, the built site, a browser, the pages."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from building import ROOT, Build, build, fresh_copy
from filelock import FileLock

sys.path.insert(0, str(ROOT / "book"))

import execute
import first_screen
import rota

# Before numpy or a kernel starts: the tests and nbval's kernels run as `make notebooks` does.
for _name, _value in execute.strict_environment(ROOT).items():
    os.environ.setdefault(_name, _value)

# Before the workers start: all of them draw the same.
os.environ["DRAW"] = os.environ.get("DRAW") or str(int.from_bytes(os.urandom(4), "big"))
os.environ["TURN"] = str(rota.turn(ROOT))

import gates  # noqa: E402
from runs import PageRun, run_once  # noqa: E402


def pytest_configure(config: pytest.Config) -> None:
    """Spread the tests and account for them, those of plain nbval in chapters/ as well."""
    config.pluginmanager.register(gates, "gates")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their length: packed ones hold the time, and every worker packs its own."""
    return f"{argname}-{len(val)}" if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="module", autouse=True)
def _memory_given_back() -> Iterator[None]:
    """Give the memory that a module's tests freed back to the system, where the C library can.

    A worker outlives many modules, and kernels that need gigabytes run beside it.
    """
    yield
    gc.collect()
    with suppress(OSError, AttributeError):  # another C library than glibc
        ctypes.CDLL("libc.so.6").malloc_trim(0)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of a run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own


@pytest.fixture
def draw(request: pytest.FixtureRequest) -> int:
    """The seed of what a test draws at random: its own, from DRAW, which every run prints."""
    return zlib.crc32(f"{os.environ['DRAW']} {request.node.name}".encode())


@pytest.fixture(scope="session")
def page_run(shared: Path) -> Callable[[Path], PageRun]:
    """Return a function that gives a page's run, made once for all workers and gates."""

    def of(path: Path) -> PageRun:
        made = run_once(path, shared)
        assert not made.error, f"{path.stem} stopped:\n{made.error}"
        return made

    return of


@pytest.fixture(scope="session")
def strict_build(shared: Path) -> Build:
    """The strict build, made once for all workers of a run."""
    note = shared / "strict-build.txt"
    with FileLock(str(note) + ".lock"):
        if note.exists():
            code, seconds, log = note.read_text(encoding="utf-8").split("\n", 2)
            copy = shared / "strict-build"
            return Build(copy, copy / "_build" / "html", int(code), log, float(seconds))
        made = build(fresh_copy(shared / "strict-build"))
        note.write_text(f"{made.returncode}\n{made.seconds}\n{made.log}", encoding="utf-8")
        return made


@pytest.fixture(scope="session")
def site(strict_build: Build) -> Path:
    """The folder of the built site."""
    assert (strict_build.html / "index.html").is_file(), strict_build.log[-3000:]
    return strict_build.html


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; without one the test is skipped, in CI it fails."""
    found = first_screen.find_chromium()
    if found is None:
        message = "no Chromium: install one, or set CHROMIUM to its path"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    """A headless Chromium, one for the tests of a module."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        yield driver.chromium.launch(executable_path=chromium, args=list(first_screen.FLAGS))
