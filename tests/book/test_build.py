"""The strict build of a fresh copy gives no warning, and a site that needs no other host."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
import tidy
from building import Build, build, fresh_copy
from docutils import nodes
from docutils.utils import new_document
from notebooks import documents
from sphinx.builders.html._assets import _CascadingStyleSheet, _JavaScript

REMOTE = re.compile(r"^(?:https?:)?//", re.IGNORECASE)
CSS_REMOTE = re.compile(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", re.IGNORECASE)
PAGE_BYTES = 1_000_000


class Loads(HTMLParser):
    """Collects what a page loads by itself, and its inline scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []
        self.in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("script", "img", "iframe", "source", "video", "audio", "embed"):
            self.addresses.append(given.get("src", ""))
        if tag == "link" and not {"canonical", "next", "prev"} & set(given.get("rel", "").split()):
            self.addresses.append(given.get("href", ""))
        data = "json" in given.get("type", "")
        self.in_script = tag == "script" and "src" not in given and not data

    def handle_endtag(self, tag: str) -> None:
        self.in_script = self.in_script and tag != "script"

    def handle_data(self, data: str) -> None:
        if self.in_script and data.strip():
            self.inline.append(data)


def loads(text: str) -> Loads:
    parser = Loads()
    parser.feed(text)
    return parser


def pages(site: Path) -> list[Path]:
    """Return the pages of the site; the theme leaves templates among its static files."""
    return [p for p in site.rglob("*.html") if "_static" not in p.relative_to(site).parts]


def test_strict_build_has_no_warning(
    strict_build: Build, record_testsuite_property: Callable[[str, object], None]
) -> None:
    record_testsuite_property("strict build, seconds", round(strict_build.seconds, 1))
    print(f"strict build: {strict_build.seconds:.1f} s")
    assert strict_build.returncode == 0, strict_build.log[-4000:]
    assert "WARNING" not in strict_build.log
    assert "ERROR" not in strict_build.log


def test_every_page_of_the_table_of_contents_is_built(site: Path, root: Path) -> None:
    for name in ["index", "search", "genindex", *documents(root)]:
        assert (site / f"{name}.html").is_file(), name


def test_every_notebook_is_in_the_table_of_contents(root: Path) -> None:
    notebooks = {str(p.relative_to(root).with_suffix("")) for p in root.glob("chapters/**/*.ipynb")}
    notebooks |= {str(p.with_suffix("").name) for p in root.glob("*.ipynb")}
    assert notebooks <= set(documents(root))


def test_pages_load_nothing_from_another_host(site: Path) -> None:
    for page in pages(site):
        remote = [a for a in loads(page.read_text(encoding="utf-8")).addresses if REMOTE.match(a)]
        assert not remote, (page, remote)
    for sheet in site.rglob("*.css"):
        assert not CSS_REMOTE.search(sheet.read_text(encoding="utf-8", errors="replace")), sheet


def test_what_pages_load_is_there(site: Path) -> None:
    for page in pages(site):
        for address in loads(page.read_text(encoding="utf-8")).addresses:
            name = address.partition("?")[0].partition("#")[0]
            if name and not name.startswith("data:"):
                assert (page.parent / name).resolve().is_file(), (page, address)


def test_no_page_declares_a_script_twice(site: Path) -> None:
    # The kit's constant script stands in every output by design; it declares nothing globally.
    for page in pages(site):
        scripts = [s for s in loads(page.read_text(encoding="utf-8")).inline if "const " in s]
        declared = [s for s in scripts if re.match(r"\s*(?:const|let)\s", s)]
        assert len(declared) == len(set(declared)), page


def test_pages_stay_small(site: Path, root: Path) -> None:
    for name in documents(root):
        assert (site / f"{name}.html").stat().st_size < PAGE_BYTES, name


def test_mathematics_is_drawn_from_the_site_itself(site: Path) -> None:
    folder = site / "_static" / "mathjax"
    assert (folder / "tex-chtml.js").stat().st_size > 100_000
    assert list((folder / "output/chtml/fonts/woff-v2").glob("*.woff"))


def test_a_warning_fails_the_build(tmp_path: Path, root: Path) -> None:
    copy = fresh_copy(tmp_path / "copy")
    shutil.rmtree(copy / "chapters")
    for stray in (".pytest_cache/README.md", "results/notes.md", "tests/notes.md"):
        (copy / stray).parent.mkdir(exist_ok=True)
        (copy / stray).write_text("# Not a page\n", encoding="utf-8")
    (copy / "_toc.yml").write_text("format: jb-book\nroot: intro\n", encoding="utf-8")
    (copy / "intro.ipynb").unlink()
    (copy / "intro.md").write_text("# One\n\nSee [nowhere](nowhere.md).\n", encoding="utf-8")
    made = build(copy)
    assert made.returncode != 0
    assert "nowhere" in made.log
    assert "isn't included in any toctree" not in made.log


@pytest.mark.parametrize(
    ("text", "remote"),
    [
        ('<script src="https://cdn.example/x.js"></script>', ["https://cdn.example/x.js"]),
        ('<link rel="stylesheet" href="//fonts.example/x.css">', ["//fonts.example/x.css"]),
        ('<img src="HTTP://example.org/x.png" alt="x">', ["HTTP://example.org/x.png"]),
        ('<a href="https://example.org">a link may lead away</a>', []),
        ('<script src="_static/x.js"></script>', []),
    ],
)
def test_a_remote_load_would_be_seen(text: str, remote: list[str]) -> None:
    assert [a for a in loads(text).addresses if REMOTE.match(a)] == remote


def test_doubled_and_unused_scripts_are_dropped() -> None:
    inline = [_JavaScript("", body="const a = 1;"), _JavaScript("", body="const a = 1;")]
    thebe = [_JavaScript("", body="const THEBE_JS_URL = 'x'"), _JavaScript("sphinx-thebe.js")]
    other = [_JavaScript("togglebutton.js"), _JavaScript("", body="const b = 2;")]
    assert tidy.keep_scripts([*inline, *thebe, *other]) == [inline[0], *other]
    sheets = [_CascadingStyleSheet("sphinx-thebe.css"), _CascadingStyleSheet("custom.css")]
    assert tidy.keep_styles(sheets) == sheets[1:]


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ('<span class="math x">\\(a\\)</span>, so', 1),
        ('<span class="math x">\\(a\\)</span> so,', 0),
        (f'<span class="math x">\\({"a" * 80}\\)</span>, so', 0),  # too wide for a phone
    ],
)
def test_a_short_formula_keeps_its_comma(body: str, kept: int) -> None:
    assert tidy.mended(body).count('<span class="book-keep">') == kept


def test_a_number_stays_with_its_unit_at_the_end_of_every_line() -> None:
    document, line = new_document("page"), nodes.paragraph()
    document += line
    for text in (
        "Two lines",
        "\n",
        "and 25",
        "\n",
        "points, or 5 %, in",
        "\n",
        "all.",
    ):
        line += nodes.Text(text)
    transform = object.__new__(tidy.KeepUnits)
    transform.document = document
    transform.run()
    assert line.astext() == "Two lines\nand 25\xa0points, or 5\xa0%, in\nall."
    assert tidy.mended("<th>95 % interval</th><td>3 points</td>").count("\xa0") == 2


def test_a_verdict_stays_on_the_line_of_its_value() -> None:
    line = tidy.mended("a: expected 0.1 ± 0.2 · this run ⟨0.15⟩ ✓")
    assert line.split(" ")[-1] == "⟨0.15⟩\N{NO-BREAK SPACE}✓" and len(line.split(" ")) == 7
