"""The two words of the book take their colours, and the terms of the glossary their glosses."""

from __future__ import annotations

from pathlib import Path

import pytest
import words
from bs4 import BeautifulSoup
from docutils import nodes
from notebooks import documents

from illusionkit.interactive.palette import PALETTE

TERMS = {
    name: words.Entry(name, f"term-{name}", f"What a {name} is.", "names", True)
    for name in ("twin", "batch", "NaN", "shift", "label shift")
}


def paragraph(*parts: str | nodes.Node) -> nodes.paragraph:
    made = [nodes.Text(part) if isinstance(part, str) else part for part in parts]
    return nodes.paragraph("", "", *made)


def glossed(*children: nodes.Node, seen: set[str] | None = None) -> list[str]:
    page = nodes.section("", *children, ids=["page"])
    words.first_uses(page, TERMS, seen or set(), "../glossary.html")
    return [node.astext() for node in page.findall(words.gloss)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A twin, and its twin.", ["twin"]),
        ("Twins in batches.", ["Twins", "batches"]),
        ("A label shift is a shift.", ["label shift", "shift"]),
        ("NaN is no nan.", ["NaN"]),
        ("A twinned, pre-batch thing; a batch-wise one.", []),
        ("The batch's loss.", ["batch"]),
    ],
)
def test_a_term_is_glossed_where_it_is_first_used(text: str, found: list[str]) -> None:
    assert glossed(paragraph(text)) == found


def test_a_gloss_leaves_the_text_as_it_is() -> None:
    page = nodes.section("", paragraph("Two twins of a batch."), ids=["page"])
    words.first_uses(page, TERMS, set(), "../glossary.html")
    assert page.astext() == "Two twins of a batch."
    link = page.next_node(words.gloss)
    assert link["href"] == "../glossary.html#term-twin" and link["says"] == "What a twin is."


def test_code_links_headings_tables_and_references_are_no_prose() -> None:
    link = nodes.reference("", "a twin", refuri="x.html")
    assert glossed(paragraph(nodes.literal("", "twin"), link)) == []
    assert glossed(nodes.title("", "A twin"), nodes.literal_block("", "twin")) == []
    assert glossed(nodes.table("", paragraph("twin"))) == []
    assert glossed(nodes.section("", paragraph("twin"), ids=["references"])) == []
    assert glossed(paragraph("twin"), seen={"twin"}) == []
    assert glossed(paragraph(nodes.strong("", "twin"))) == ["twin"]


def test_a_term_by_its_role_gets_its_gloss() -> None:
    known = {entry.anchor: entry for entry in TERMS.values()}
    asked = nodes.reference("", "twins", refuri="../glossary.html#term-twin")
    other = nodes.reference("", "twins", refuri="../glossary.html#twin")
    page = nodes.section("", paragraph(asked, other))
    assert list(words.by_role(page, known, "../glossary.html")) == ["twin"]
    assert [node.astext() for node in page.findall(words.gloss)] == ["twins"]


def entry(*paragraphs: str) -> nodes.Element:
    lines = [nodes.paragraph("", text) for text in paragraphs]
    definition = nodes.definition("", *lines)
    term = nodes.term("", "twin", ids=["term-twin"])
    return nodes.definition_list_item("", term, definition)


def test_an_entry_says_its_first_sentence() -> None:
    found = words.entry_of(entry("孪生 · copy", "A row that\nstands 1.5 times. It leaks."))
    assert (found.says, found.names) == ("A row that stands 1.5 times.", "孪生 · copy")
    assert found.unasked
    asked = entry("names", "A row.")
    asked[1].append(nodes.comment("", "by role only"))
    assert not words.entry_of(asked).unasked


@pytest.mark.parametrize("lines", [["only names"], ["names", "no sentence"]])
def test_an_entry_without_names_or_sentence_is_refused(lines: list[str]) -> None:
    with pytest.raises(ValueError, match="'twin' needs"):
        words.entry_of(entry(*lines))


def test_the_two_words_are_coloured_whole() -> None:
    pieces = list(words.coloured("Apparent, honest; dishonest, honestly, the honest-minded."))
    marked = [p for p in pieces if isinstance(p, nodes.inline)]
    assert [(p.astext(), p["classes"]) for p in marked] == [
        ("Apparent", ["ik-word-apparent"]), ("honest", ["ik-word-honest"]),
    ]  # fmt: skip
    assert "".join(p.astext() for p in pieces).endswith("dishonest, honestly, the honest-minded.")


def test_the_words_have_the_colours_of_the_figures(root: Path) -> None:
    sheet = (root / "book/static/custom.css").read_text(encoding="utf-8")
    for role in ("apparent", "honest"):
        assert all(f"--book-{role}: {colour};" in sheet for colour in PALETTE[role])


def test_every_entry_of_the_glossary_holds_in_the_site(site: Path, root: Path) -> None:
    """A term leads to its entry, once a page, and says that entry's first sentence."""
    text = (site / "glossary.html").read_text(encoding="utf-8")
    items = BeautifulSoup(text, "html.parser").select("dl.glossary > dt")
    said = {f"#{dt['id']}": " ".join(dt.find_next("dd").get_text().split()) for dt in items}
    assert len(said) == len(items) > 30
    used = set()
    for name in documents(root):
        page = BeautifulSoup((site / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        links = page.select("article a.book-term")
        anchors = [link["href"].partition("glossary.html")[2] for link in links]
        assert len(anchors) == len(set(anchors)), name
        for anchor, link in zip(anchors, links, strict=True):
            assert link["aria-description"] in said[anchor], (name, anchor)
            assert link["data-names"] in said[anchor], (name, anchor)
        used |= set(anchors)
        assert not page.select("article :is(pre, code, h1, h2, h3) .book-term"), name
    assert len(used) > len(said) / 2


def test_no_word_is_coloured_in_code_or_a_link(site: Path, root: Path) -> None:
    for name in documents(root):
        page = BeautifulSoup((site / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        wrong = "article :is(pre, code, h1, h2, h3, a:not(.book-term)) [class^=ik-word]"
        assert not page.select(wrong), name
