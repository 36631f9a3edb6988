"""The book built in a copy, strictly, and the pages that it names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IGNORED = shutil.ignore_patterns(".git", ".venv", "_build", "__pycache__", ".*_cache", "dist")


@dataclass(frozen=True)
class Build:
    """A strict build of a fresh copy of the book."""

    copy: Path
    html: Path
    returncode: int
    log: str
    seconds: float


def fresh_copy(target: Path) -> Path:
    """Copy the book's tree, as it stands, without what git ignores."""
    shutil.copytree(ROOT, target, ignore=IGNORED)
    return target


def build(copy: Path) -> Build:
    """Build the copy strictly: every warning is an error, and none stops the build early."""
    program = str(Path(sys.executable).with_name("jupyter-book"))
    command = [program, "build", str(copy), "-W", "-n", "--keep-going"]
    # As a reader builds it: with the variable, Sphinx would set the copyright to 1970.
    env = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    seconds = time.perf_counter() - start
    log = done.stdout + done.stderr
    return Build(copy, copy / "_build" / "html", done.returncode, log, seconds)
