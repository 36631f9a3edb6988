"""Every link of the built site leads somewhere: pages, anchors, pictures, downloads."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

ATTRIBUTES = ("href", "src", "xlink:href", "poster")


class Anchors(HTMLParser):
    """Collects the links of a page, and the places in it that a link may name."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ATTRIBUTES]
        self.ids += [value or "" for name, value in attrs if name == "id"]


def read(page: Path) -> Anchors:
    found = Anchors()
    found.feed(page.read_text(encoding="utf-8"))
    return found


def dead(site: Path) -> list[str]:
    """Return every internal link that leads nowhere, and every outside one that is not https."""
    pages = {p: read(p) for p in site.rglob("*.html") if "_static" not in p.relative_to(site).parts}
    return [
        f"{page.relative_to(site)}: {link!r}"
        for page, anchors in pages.items()
        for link in anchors.links
        if not leads(page, link, pages)
    ]


def leads(page: Path, link: str, pages: dict[Path, Anchors]) -> bool:
    """Return whether a link of a page leads somewhere; the network is not asked."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return parts.scheme in ("https", "mailto", "data")
    address, anchor = urldefrag(link)
    target = (page.parent / unquote(address.partition("?")[0])).resolve() if address else page
    if not target.is_file():
        return False
    return not anchor or target not in pages or unquote(anchor) in pages[target].ids


def test_every_link_leads_somewhere(site: Path) -> None:
    found = dead(site.resolve())
    assert not found, "\n".join(found)


def test_no_page_uses_an_anchor_twice(site: Path) -> None:
    for page in site.rglob("*.html"):
        if "_static" not in page.relative_to(site).parts:
            ids = read(page).ids
            assert len(ids) == len(set(ids)), (page, sorted(i for i in ids if ids.count(i) > 1))


@pytest.mark.parametrize(
    ("link", "good"),
    [
        ("b.html", True),
        ("b.html#here", True),
        ("#top", True),
        ("b.html?x=1#here", True),
        ("kept%20file.txt", True),
        ("https://example.org", True),
        ("b.html#gone", False),
        ("#gone", False),
        ("c.html", False),
        ("http://example.org", False),
        ("javascript:alert(1)", False),
    ],
)
def test_a_dead_link_would_be_seen(tmp_path: Path, link: str, good: bool) -> None:
    (tmp_path / "a.html").write_text(f'<p id="top"><a href="{link}">x</a></p>', encoding="utf-8")
    (tmp_path / "b.html").write_text('<p id="here">x</p>', encoding="utf-8")
    (tmp_path / "kept file.txt").write_text("x", encoding="utf-8")
    assert bool(dead(tmp_path)) is not good
