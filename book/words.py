"""Sphinx extension: the words of the book, where a page uses them.

*Apparent* and *honest* take their two colours in prose and tables, those of the figures. The first
time a page uses a term of the glossary, the term leads there and carries its gloss: the first
sentence of its definition, and its other names. So does a term that a page asks for by its role,
`` {term}`holdout` ``. Both are done here, so that a page holds nothing but its words.

An entry of glossary.md is a term, a paragraph of other names, and a paragraph that says what it is.
A comment in it, `% by role only`, keeps a word of everyday use from being linked unasked.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform

PAGE = "glossary"
UNLINKED = (PAGE, "references")
COLOURED = re.compile(r"(?<![\w-])(apparent|honest)(?![\w-])", re.IGNORECASE)
CODE = (nodes.literal, nodes.FixedTextElement, nodes.raw, nodes.math, nodes.math_block)
LINKS = (nodes.reference, nodes.target, addnodes.pending_xref, addnodes.download_reference)
NO_PROSE = (*CODE, *LINKS, nodes.title, nodes.table, nodes.caption, nodes.citation, nodes.footnote)
SENTENCE = re.compile(r".*?[.?!](?=\s|$)", re.DOTALL)


class gloss(nodes.Inline, nodes.TextElement):  # noqa: N801, as docutils names its nodes
    """A term that leads to its definition, and says it on the way."""


@dataclass(frozen=True)
class Entry:
    """A term of the glossary."""

    term: str
    anchor: str
    says: str
    names: str
    unasked: bool

    def node(self, text: str, page: str) -> gloss:
        """Return the term as it stands on a page."""
        made = gloss("", text, says=self.says, names=self.names)
        made["href"] = f"{page}#{self.anchor}"
        return made


def entries(env: BuildEnvironment) -> dict[str, Entry]:
    """Return the glossary's entries by their anchor; none where the book has no glossary."""
    if PAGE not in env.found_docs:
        return {}
    items = env.get_doctree(PAGE).findall(nodes.definition_list_item)
    found = [entry_of(item) for item in items]
    return {entry.anchor: entry for entry in found}


def entry_of(item: nodes.Element) -> Entry:
    """Return what an item of the glossary holds."""
    term, definition = item.next_node(nodes.term), item.next_node(nodes.definition)
    paragraphs = [p.astext() for p in definition.findall(nodes.paragraph)]
    if len(paragraphs) < 2 or not (first := SENTENCE.match(paragraphs[1])):
        raise ValueError(f"glossary: {term.astext()!r} needs its other names, and a sentence")
    comments = [comment.astext() for comment in definition.findall(nodes.comment)]
    says, names = (" ".join(text.split()) for text in (first[0], paragraphs[0]))
    return Entry(term.astext(), term["ids"][0], says, names, "by role only" not in comments)


def pattern(terms: list[str]) -> re.Pattern[str]:
    """Return what finds the terms in a text, the longest first, in the plural as well.

    A term in lower case is found in any, another one only as it is written.
    """
    ways = (f"(?i:{re.escape(t)}(?:e?s)?)" if t.islower() else re.escape(t) for t in terms)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(sorted(ways, key=len, reverse=True))})(?![\w-])")


def key(text: str, terms: dict[str, Entry]) -> Entry:
    """Return the entry of a term as it was found in a text."""
    tries = (text, text.lower(), text.lower().removesuffix("s"), text.lower().removesuffix("es"))
    return next(terms[t] for t in tries if t in terms)


class GlossTerms(SphinxPostTransform):
    """Gives the terms of the glossary their links and glosses."""

    default_priority = 700  # after links were resolved
    formats = ("html",)

    def run(self, **_: Any) -> None:
        """Change the page."""
        name = self.env.docname
        if name in UNLINKED or not (known := entries(self.env)):
            return
        page = self.app.builder.get_relative_uri(name, PAGE)
        seen = set(by_role(self.document, known, page))
        terms = {e.term: e for e in known.values() if e.unasked}
        first_uses(self.document, terms, seen, page)


def by_role(document: nodes.Element, known: dict[str, Entry], page: str) -> Iterator[str]:
    """Give the terms that the page asked for their glosses, and yield them."""
    for link in list(document.findall(nodes.reference)):
        where, _, anchor = link.get("refuri", "").partition("#")
        if where == page and (entry := known.get(anchor)):
            link.parent.replace(link, entry.node(link.astext(), page))
            yield entry.term


def first_uses(document: nodes.Element, terms: dict[str, Entry], seen: set[str], page: str) -> None:
    """Give each term that was not seen yet its gloss where it is first used."""
    search = pattern(list(terms))
    for text in [t for t in document.findall(nodes.Text) if is_prose(t)]:
        parts, done = [], 0
        for match in search.finditer(text):
            entry = key(match[0], terms)
            if entry.term in seen:
                continue
            seen.add(entry.term)
            parts += [nodes.Text(text[done : match.start()]), entry.node(match[0], page)]
            done = match.end()
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(text[done:])])


def is_prose(text: nodes.Text) -> bool:
    """Return whether a text stands in a sentence of the page, and not among its references."""
    around = list(parents(text))
    inside = any(isinstance(node, nodes.paragraph) for node in around)
    cited = any("references" in node["ids"] for node in around if isinstance(node, nodes.section))
    return inside and not cited and not any(isinstance(n, (*NO_PROSE, gloss)) for n in around)


def parents(node: nodes.Node) -> Iterator[nodes.Node]:
    """Yield what a node stands in, from the inside out."""
    while (node := node.parent) is not None:
        yield node


class ColourWords(SphinxPostTransform):
    """Gives the words apparent and honest their colours, outside of code, links and headings."""

    default_priority = 750
    formats = ("html",)

    def run(self, **_: Any) -> None:
        """Change the page."""
        for text in list(self.document.findall(nodes.Text)):
            kinds = (*CODE, *LINKS, nodes.title)
            if COLOURED.search(text) and not any(isinstance(p, kinds) for p in parents(text)):
                text.parent.replace(text, list(coloured(text)))


def coloured(text: str) -> Iterator[nodes.Node]:
    """Yield the pieces of a text, the two words among them in their colours."""
    for n, piece in enumerate(COLOURED.split(text)):
        if n % 2:
            yield nodes.inline("", piece, classes=[f"ik-word-{piece.lower()}"])
        elif piece:
            yield nodes.Text(piece)


def visit_gloss(writer: Any, node: gloss) -> None:
    """Begin the link: without scripts it leads to the glossary, and is described by its gloss."""
    given = {"href": node["href"], "aria-description": node["says"], "data-names": node["names"]}
    told = " ".join(f'{name}="{html.escape(value)}"' for name, value in given.items())
    writer.body.append(f'<a class="book-term" {told}>')


def depart_gloss(writer: Any, node: gloss) -> None:
    """End the link."""
    writer.body.append("</a>")


def all_again(app: Sphinx, env: BuildEnvironment, added: set, changed: set, removed: set) -> set:
    """Return the pages to build again: all, where the glossary is another."""
    return set(env.found_docs) if PAGE in added | changed | removed else set()


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.add_node(gloss, html=(visit_gloss, depart_gloss))
    app.add_post_transform(GlossTerms)
    app.add_post_transform(ColourWords)
    app.connect("env-get-outdated", all_again)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
