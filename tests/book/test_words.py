"""The two words of the book take their colours, the terms of the glossary their glosses.

No term is used without its gloss, none is there for nothing, and one thing has one name.
"""

from __future__ import annotations

import re
from pathlib import Path

import notebooks
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
    unused = sorted(set(said) - used)
    assert not unused, "no page says these: give one its role, or take its entry out"


ENTRY = re.compile(r"^([^\s:%#].*)\n  (.*·.*)\n((?:\n?  .*\n)*)", re.MULTILINE)
UNSAID = (
    "pre, code, script, style, svg, a, summary, .math, .ik, .cell_output, .cell_input, "
    ".book-claims, .ik-finder, #references, td em"
)
"""Where a word is no use of a term: code, mathematics, figures, claims, links, titles of works."""


def glossary(root: Path) -> dict[str, tuple[list[str], str]]:
    """Return of each term its other names, and what its entry says."""
    text = (root / "glossary.md").read_text(encoding="utf-8")
    return {term: (other_names(names), says) for term, names, says in ENTRY.findall(text)}


def other_names(line: str) -> list[str]:
    """Return the other names that a line gives, without their abbreviations."""
    given = re.search(r"\*([^*]+)\*", line)
    names = re.split(r"[,;] ", given[1]) if given else []
    return [re.sub(r" \([A-Z]+\)", "", name) for name in names if not name.startswith("not ")]


def said(text: str, names: list[str]) -> list[str]:
    """Return which of the names a text says; the plural counts."""
    return [name for name in names if words.pattern([name]).search(text)]


def prose(root: Path, name: str) -> str:
    """Return what a page says in its sentences and tables: no code, mathematics, links or works."""
    path = root / f"{name}.ipynb"
    if path.is_file():
        cells = notebooks.read(path).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    else:
        text = (root / f"{name}.md").read_text(encoding="utf-8")
    unsaid = r"^## References.*|```.*?```|`[^`]*`|\$[^$]*\$|\[[^]]*\]\([^)]*\)"
    return re.sub(unsaid, "", text, flags=re.DOTALL | re.MULTILINE)


def test_the_entries_are_read_as_they_are_written(root: Path) -> None:
    found = glossary(root)
    text = (root / "glossary.md").read_text(encoding="utf-8")
    assert len(found) == len(re.findall(r"^  .*·", text, re.MULTILINE))
    assert found["holdout"][0] == ["held-out set", "lock box", "final test set"]
    assert found["masked language modelling"][0] == ["masked language model", "cloze task"]
    assert found["illusion"][0] == ["over-optimistic evaluation"]
    assert "% by role only" in found["unit"][1] and "% by role only" not in found["holdout"][1]


def test_one_name_stands_in_one_entry(root: Path) -> None:
    found = glossary(root)
    names = [name for others, _ in found.values() for name in others]
    assert not sorted({name for name in names if names.count(name) > 1})
    assert not set(names) & set(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("On the held-out set.", ["held-out set"]), ("Two lock boxes.", ["lock box"]),
        ("A lock, a box, the final test.", []), ("The Held-out Set", ["held-out set"]),
    ],
)  # fmt: skip
def test_another_name_is_seen(text: str, found: list[str]) -> None:
    assert said(text, ["held-out set", "lock box", "final test set"]) == found


def test_a_thing_has_one_name(root: Path) -> None:
    """No page says another name of a term, but the one that the entry leads to.

    Only names of several words: single ones are words of everyday use. A name that holds its
    term, as "confidence interval" does, is no other one.
    """
    wrong = []
    for name in documents(root):
        text = "" if name in words.UNLINKED else prose(root, name)
        for term, (others, says) in glossary(root).items():
            names = [other for other in others if re.search("[ -]", other) and term not in other]
            if f"({name})" not in says:
                wrong += [(name, term, other) for other in said(text, names)]
    assert not wrong, "say the glossary's term instead, or make the other name an entry"


def test_no_page_says_a_term_that_it_does_not_gloss(site: Path, root: Path) -> None:
    """Where a term is only in a heading or a table, no gloss comes by itself: ask by its role.

    The page that an entry leads to introduces the term.
    """
    entries = glossary(root)
    unasked = [term for term, (_, says) in entries.items() if "by role only" not in says]
    anchors = {term: re.sub("[^A-Za-z]+", "-", f"term-{term}") for term in unasked}
    wrong = []
    for name in (each for each in documents(root) if each not in words.UNLINKED):
        page = BeautifulSoup((site / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        article = page.select_one("article")
        glossed = {link["href"].partition("#")[2] for link in article.select("a.book-term")}
        for part in article.select(UNSAID):
            part.decompose()
        owed = [term for term in unasked if f"({name})" not in entries[term][1]]
        used = said(article.get_text(" "), owed)
        wrong += [(name, term) for term in used if anchors[term] not in glossed]
    assert not wrong


def test_no_word_is_coloured_in_code_or_a_link(site: Path, root: Path) -> None:
    for name in documents(root):
        page = BeautifulSoup((site / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        wrong = "article :is(pre, code, h1, h2, h3, a:not(.book-term)) [class^=ik-word]"
        assert not page.select(wrong), name
