"""The site brings its own faces, small ones under an open licence; without them it still builds."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import faces
import pytest

from illusionkit.errors import ArchiveError

FACE_BYTES = 120_000


def test_the_site_holds_its_faces_and_their_licence(site: Path) -> None:
    static = site / "_static"
    sheet = (static / "faces.css").read_text(encoding="utf-8")
    files = re.findall(r'url\("([^"]+)"\)', sheet)
    assert len(files) == len(faces.FACES)
    assert sum((static / file).stat().st_size for file in files) <= FACE_BYTES
    assert all((static / file).read_bytes()[:4] == b"wOF2" for file in files)
    assert sheet.count("font-display:swap") == len(files)
    assert "SIL Open Font License" in (static / "faces-licence.txt").read_text(encoding="utf-8")
    assert "faces.css" in (site / "intro.html").read_text(encoding="utf-8")


def book(tmp_path: Path) -> tuple[SimpleNamespace, SimpleNamespace]:
    config = SimpleNamespace(html_static_path=["x"], html_css_files=["custom.css"])
    return SimpleNamespace(outdir=tmp_path / "_build" / "html"), config


def test_faces_come_before_the_style_sheet_that_asks_for_them(tmp_path: Path) -> None:
    app, config = book(tmp_path)
    faces.use_faces(app, config)
    assert config.html_css_files == ["faces.css", "custom.css"]
    laid = Path(config.html_static_path[-1])
    assert sorted(p.name for p in laid.iterdir()) == sorted(faces.laid_out())


def test_without_the_archives_the_systems_faces_stand_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: str) -> bytes:
        raise ArchiveError("no network")

    monkeypatch.setattr(faces.archives, "read", gone)
    app, config = book(tmp_path)
    faces.use_faces(app, config)
    assert config.html_css_files == ["custom.css"] and config.html_static_path == ["x"]
