"""The reader's cache folder: where it lies, and how nothing half-written stays in it."""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from illusionkit.errors import CacheError

Arrays = dict[str, NDArray[Any]]


def folder(*parts: str) -> Path:
    """Return the folder ``parts`` inside the cache, made if it is missing.

    The cache is ``$ILLUSIONKIT_CACHE`` if that is set, else the user's cache folder.

    Raises
    ------
    CacheError
        The folder can't be made.
    """
    from platformdirs import user_cache_path

    root = os.environ.get("ILLUSIONKIT_CACHE")
    path = (Path(root) if root else user_cache_path("illusionkit")).joinpath(*parts)
    with explained(path):
        path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn 'no permission', 'read-only' and 'disk full' under ``path`` into a `CacheError`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = "the disk is full; free some space"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            reason = "it can't be written"
        else:
            raise
        raise CacheError(
            f"The folder {path} is of no use: {reason}, or set ILLUSIONKIT_CACHE (for tables "
            "ILLUSIONKIT_RESULTS) to a folder that can be written. Nothing that was there is lost."
        ) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file beside ``path``, so that two processes never build one thing twice.

    What killed processes left half-written of ``path`` is cleared away.
    """
    with explained(path.parent):
        lock = FileLock(f"{path}.lock")
        begun = Path(lock.lock_file).exists()  # who was killed here left its lock file as well
        lock.acquire()
    try:
        for left in path.parent.glob(f"{glob.escape(part(path))}*") if begun else ():
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink()
        yield
    finally:
        lock.release()


def part(path: Path) -> str:
    """Return how the names of unfinished files and folders begin that shall become ``path``."""
    return f".part-{path.name}-"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of ``path``; move it there only if all went well."""
    with explained(path.parent):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=part(path), suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o644)  # mkstemp lets nobody else read
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def digest(*parts: str | bytes) -> str:
    """Return the sha256 of the parts, in hexadecimal; a part's length is part of the hash."""
    total = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        total.update(len(raw).to_bytes(8, "big") + raw)
    return total.hexdigest()


_afresh: dict[str, dict[str, Arrays]] = {}


@contextmanager
def afresh(kind: str) -> Iterator[Mapping[str, Arrays]]:
    """Make arrays of this kind anew inside the block, once each; nothing is read, nothing stored.

    Yields those that were made so far, by their keys.
    """
    _afresh[kind] = {}
    try:
        yield _afresh[kind]
    finally:
        del _afresh[kind]


def arrays(kind: str, key: str, make: Callable[[], Mapping[str, NDArray[Any]]]) -> Arrays:
    """Return named arrays from the cache, or make them once and keep them there.

    A file that is truncated, corrupt, or was written under another key is made anew, never
    trusted. Arrays are stored as npz without pickle; texts come back as fixed-width strings. What
    is there already is read without a lock, so a cache that can only be read serves as well.

    Parameters
    ----------
    kind
        Name of the subfolder, for example ``"components"``.
    key
        Everything the arrays depend on, joined to one string (see `digest`).
    """
    if kind in _afresh:
        if key not in _afresh[kind]:
            _afresh[kind][key] = {name: _plain(name, value) for name, value in make().items()}
        return dict(_afresh[kind][key])
    path = folder(kind) / f"{key[:40]}.npz"
    found = _load(path, key)
    if found is not None:
        return found
    with locked(path):
        found = _load(path, key)
        if found is None:
            found = {name: _plain(name, value) for name, value in make().items()}
            marks = {"__key__": np.array(key), "__names__": np.array(sorted(found))}
            with replacing(path) as temporary, temporary.open("wb") as file:
                np.savez_compressed(file, **marks, **found)  # type: ignore[arg-type]
    return found


def kept(kind: str, key: str) -> Arrays | None:
    """Return named arrays that the cache holds, or None."""
    return _load(folder(kind) / f"{key[:40]}.npz", key)


def _plain(name: str, value: NDArray[Any]) -> NDArray[Any]:
    """Return an array that npz can hold without pickle."""
    array = np.asarray(value)
    if not array.dtype.hasobject:
        return array
    if not all(isinstance(item, str) for item in array.ravel()):
        raise TypeError(f"The array '{name}' holds objects; the cache holds numbers and texts.")
    return array.astype(str)


def _load(path: Path, key: str) -> Arrays | None:
    """Return the arrays stored at ``path`` under ``key``, or None if they can't be trusted."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
    except Exception:  # a broken byte may end in any error of zip, zlib or numpy
        return None
    same_key = str(found.pop("__key__", "")) == key
    whole = list(found.pop("__names__", [None])) == sorted(found)
    return found if same_key and whole else None
