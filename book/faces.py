"""Sphinx extension: the book's own faces, beside its pages.

They come out of pinned packages (illusionkit/data/sources.toml), as small as these cut them: Latin
only, in woff2. Nothing of them is committed, and no page asks another host for them. Where the
archives can't be had, the book is set in the faces of the reader's system, as Chinese is anyway.
"""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

from illusionkit.data import archives
from illusionkit.errors import IllusionError

FACES = (
    ("Book Text", "normal", "source_sans", "upright"),
    ("Book Text", "italic", "source_sans", "italic"),
    ("Book Display", "normal", "source_serif", "upright"),
)
"""Family and style in the style sheet, archive and member."""
LICENCE = ("source_serif", "licence")
# What the packages call Latin. A sign out of it keeps the face of the system.
LATIN = (
    "U+0000-00FF,U+0131,U+0152-0153,U+02BB-02BC,U+02C6,U+02DA,U+02DC,U+0304,U+0308,U+0329,"
    "U+2000-206F,U+20AC,U+2122,U+2191,U+2193,U+2212,U+2215,U+FEFF,U+FFFD"
)
RULE = (
    '@font-face{{font-family:"{family}";font-style:{style};font-weight:200 900;font-display:swap;'
    'src:url("{file}") format("woff2");unicode-range:{latin}}}\n'
)


def laid_out() -> dict[str, bytes]:
    """Return the files that the site needs, by name: faces, their style sheet, their licence."""
    files, rules = {"faces-licence.txt": archives.read(*LICENCE)}, []
    for family, style, archive, member in FACES:
        file = f"{archive.replace('_', '-')}-{member}.woff2"
        files[file] = archives.read(archive, member)
        rules.append(RULE.format(family=family, style=style, file=file, latin=LATIN))
    return {**files, "faces.css": "".join(rules).encode()}


def use_faces(app: Sphinx, config: Config) -> None:
    """Lay the faces beside the pages, if they can be had."""
    folder = Path(app.outdir).parent / "faces"
    try:
        files = laid_out()
    except IllusionError as error:
        logging.getLogger(__name__).info("faces: those of the system, since %s", error)
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    config.html_static_path.append(str(folder))
    config.html_css_files.insert(0, "faces.css")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("config-inited", use_faces)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
