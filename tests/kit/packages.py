"""Tiny packages, made on the spot, and a local index that pip finds them in."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

from illusionkit.data import archives
from illusionkit.data.archives import Member, Source

BACKEND = """
import os, pathlib
def _note():
    if os.environ.get("BACKEND_LOG"):
        with open(os.environ["BACKEND_LOG"], "a") as log:
            log.write("set-up code ran\\n")
def prepare_metadata_for_build_wheel(folder, settings=None):
    _note()
    info = pathlib.Path(folder) / "tinysource-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: tinysource\\nVersion: 1.0\\n")
    (info / "WHEEL").write_text("Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    return info.name
def build_wheel(*arguments, **settings):
    raise RuntimeError("never built")
"""


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def zipped(files):
    """Return the bytes of a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return buffer.getvalue()


def tarred(files):
    """Return the bytes of a tar.gz."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as opened:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            opened.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


class Index:
    """A folder of packages that pip finds without a network, and the pins that belong to it."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.sources, self.tool = folder, {}, {}
        monkeypatch.setattr(archives, "sources", lambda: self.sources)
        monkeypatch.setattr(archives, "_table", lambda: {"build_tool": self.tool})

    def _add(self, name, kind, file, content, members, alternate=None):
        (self.folder / file).write_bytes(content)
        self.sources[name] = Source(
            id=name,
            package=file.split("-")[0],
            version="1.0",
            kind=kind,
            file=file,
            size=len(content),
            sha256=sha256(content),
            licence="none",
            citation="none",
            alternate=alternate,
            members={key: Member(path, sha256(text)) for key, (path, text) in members.items()},
        )
        return self.sources[name]

    def wheel(self, name, files, members, alternate=None):
        """Add a wheel with ``files``; ``members`` maps a name to (path, bytes)."""
        info = f"{name}-1.0.dist-info"
        made = {
            **files,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": "",
        }
        file = f"{name}-1.0-py3-none-any.whl"
        return self._add(name, "wheel", file, zipped(made), members, alternate)

    def sdist(self, files, members):
        """Add the sdist ``tinysource`` and, as the pinned build tool, the wheel ``tinybackend``."""
        tool = self.wheel("tinybackend", {"tinybackend.py": BACKEND}, {})
        del self.sources["tinybackend"]
        self.tool = {"requirement": "tinybackend==1.0", "sha256": tool.sha256}
        project = b'[build-system]\nrequires = []\nbuild-backend = "tinybackend"\n'
        made = {"tinysource-1.0/pyproject.toml": project, **files}
        made["tinysource-1.0/PKG-INFO"] = b"Metadata-Version: 2.1\nName: tinysource\nVersion: 1.0\n"
        return self._add("tinysource", "sdist", "tinysource-1.0.tar.gz", tarred(made), members)


def left_in(folder):
    """Return the files in a folder that are no lock files."""
    return sorted(p.name for p in Path(folder).rglob("*") if p.is_file() and p.suffix != ".lock")
