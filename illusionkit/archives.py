"""Pinned package archives: fetch with the ordinary client, verify, read a member.

``sources.toml`` says which archives there are. An archive is data: it is never imported and
never installed, and a member is read without unpacking the rest.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache as memoised
from importlib.resources import files
from pathlib import Path
from typing import Any

from illusionkit import cache
from illusionkit.errors import ArchiveError

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover
    import tomli as tomllib


@dataclass(frozen=True)
class Member:
    """A file inside an archive; ``a.tar.gz!b.txt`` is b.txt inside a.tar.gz inside it."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Source:
    """A package archive at a pinned version; ``size`` in bytes, ``kind`` wheel or sdist."""

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


def _table() -> dict[str, Any]:
    return tomllib.loads((files("illusionkit") / "sources.toml").read_text(encoding="utf-8"))


@memoised
def sources() -> dict[str, Source]:
    """Return every pinned archive of ``sources.toml`` by its id."""
    table = _table()
    table.pop("build_tool")
    return {
        key: Source(
            id=key,
            members={name: Member(**m) for name, m in entry.pop("members").items()},
            **entry,
        )
        for key, entry in table.items()
    }


def source(source_id: str) -> Source:
    """Return the pinned archive called ``source_id``.

    Raises
    ------
    ArchiveError
        There is no such id.
    """
    try:
        return sources()[source_id]
    except KeyError:
        known = ", ".join(sources())
        raise ArchiveError(f"No archive is called '{source_id}'. There are: {known}.") from None


def fetch(source_id: str) -> Path:
    """Return the path of a verified archive in the cache, fetched if need be.

    A good file in the cache is used without a network; a truncated or foreign one is fetched
    anew. Safe with several processes at once.

    Raises
    ------
    ArchiveError
        The client can't reach the package, or what came is not the pinned archive.
    CacheError
        The cache folder can't be written.
    """
    pinned = source(source_id)
    path = cache.folder("archives") / pinned.file
    if _kept(pinned):
        return path
    stand_in = source(pinned.alternate) if pinned.alternate else pinned
    with cache.locked(path):
        if not (_kept(pinned) or _kept(stand_in)):
            _download_or_alternate(pinned, path)
    return path if _kept(pinned) else fetch(stand_in.id)


def read(source_id: str, member: str) -> bytes:
    """Return the bytes of an archive's member, checked against its pinned hash.

    Raises
    ------
    ArchiveError
        No such member is pinned, or its bytes are not the pinned ones.
    """
    pinned = source(source_id)
    if member not in pinned.members:
        known = ", ".join(pinned.members)
        raise ArchiveError(f"'{source_id}' has no member '{member}'. There are: {known}.")
    path = fetch(source_id)
    if path.name != pinned.file:  # the alternate stood in; it holds the same member elsewhere
        pinned = source(str(pinned.alternate))
    wanted = pinned.members[member]
    content = path.read_bytes()
    for step in wanted.path.split("!"):
        content = _extract(content, step, archive=path.name)
    if hashlib.sha256(content).hexdigest() != wanted.sha256:
        raise ArchiveError(
            f"{wanted.path} in {path.name} is not the pinned file (its sha256 differs from "
            "sources.toml). Nothing was read from it."
        )
    return content


def _extract(archive_bytes: bytes, path: str, *, archive: str) -> bytes:
    """Return one member of a zip, wheel or tar.gz held in memory."""
    buffer = io.BytesIO(archive_bytes)
    try:
        if zipfile.is_zipfile(buffer):
            with zipfile.ZipFile(buffer) as opened:
                return opened.read(path)
        buffer.seek(0)
        with tarfile.open(fileobj=buffer, mode="r:*") as tar:
            file = tar.extractfile(path)
            if file is None:
                raise KeyError(path)
            return file.read()
    except (KeyError, OSError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile) as error:
        raise ArchiveError(f"{archive} has no readable member {path}.") from error


def _kept(pinned: Source) -> bool:
    return holds(cache.folder("archives") / pinned.file, pinned.sha256)


def holds(path: Path, sha256: str) -> bool:
    """Tell whether ``path`` holds the pinned bytes; hashed once a process and file state."""
    try:
        state = path.stat()
    except FileNotFoundError:
        return False
    return _sha256(str(path), state.st_size, state.st_mtime_ns) == sha256


@memoised
def _sha256(path: str, size: int, mtime_ns: int) -> str:
    with Path(path).open("rb") as file:
        total = hashlib.sha256()
        while chunk := file.read(1 << 20):
            total.update(chunk)
    return total.hexdigest()


def _download_or_alternate(pinned: Source, path: Path) -> None:
    """Put the verified archive at ``path``, or leave it out if its alternate can be had."""
    try:
        with _workspace(pinned) as work:
            fresh = _download(pinned, work)
            if _sha256(str(fresh), fresh.stat().st_size, fresh.stat().st_mtime_ns) != pinned.sha256:
                raise ArchiveError(
                    f"What came as {pinned.file} is not the pinned archive (its sha256 differs "
                    "from sources.toml). It was thrown away; try again, or ask whoever runs "
                    "the package index you use."
                )
            with cache.replacing(path) as temporary:
                shutil.copyfile(fresh, temporary)
    except ArchiveError:
        path.unlink(missing_ok=True)
        if pinned.alternate is None:
            raise
        fetch(pinned.alternate)


@contextmanager
def _workspace(pinned: Source) -> Iterator[Path]:
    """Yield an empty folder in the cache; the lock is held, so older ones are of killed runs."""
    parent, prefix = cache.folder("archives"), f".get-{pinned.file}-"
    for left in parent.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    with cache.explained(parent), tempfile.TemporaryDirectory(dir=parent, prefix=prefix) as name:
        yield Path(name)


def _download(pinned: Source, work: Path) -> Path:
    """Fetch one archive into ``work`` with pip and return its path."""
    requirement = work / "requirement.txt"
    requirement.write_text(
        f"{pinned.package}=={pinned.version} --hash=sha256:{pinned.sha256}\n", encoding="utf-8"
    )
    command = ["download", "--no-deps", "--no-cache-dir", "--require-hashes"]
    command += ["-r", str(requirement), "-d", str(work)]
    environment = {}
    if pinned.kind == "sdist":
        command += ["--no-binary", ":all:", "--no-build-isolation"]
        environment = {"PYTHONPATH": str(_build_tool(work))}
    else:
        command += ["--only-binary", ":all:", "--python-version", "3.11"]
        command += ["--ignore-requires-python"]
    _pip(command, work, environment, show=pinned)
    fresh = work / pinned.file
    if not fresh.exists():
        raise ArchiveError(f"pip answered, but brought no {pinned.file}. Try again later.")
    return fresh


def _build_tool(work: Path) -> Path:
    """Install the pinned build tool into a throwaway folder and return it."""
    tool = _table()["build_tool"]
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
    settings = {**os.environ, **environment, "TMPDIR": str(work)}
    # A pipe, since on a full disk a log file would stay empty.
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=settings
    ) as process:
        try:
            log = _watched(process, work, show).decode("utf-8", errors="replace")
        except BaseException:  # stopped: let pip write no more into a folder that goes away
            process.kill()
            raise
    if process.returncode and "No space left" in log:
        raise OSError(errno.ENOSPC, "pip found the disk full")
    if process.returncode:
        raise ArchiveError(_reason(log))


def _watched(process: subprocess.Popen[bytes], work: Path, pinned: Source | None) -> bytes:
    """Return what pip printed, and show till then how much of the archive has come."""
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
