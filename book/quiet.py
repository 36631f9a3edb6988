"""Sphinx extension: a page's claims as one line a section, its scenes above their code.

The stored outputs stay what the run printed, for nbval and for Colab. In the built page the lines
of claims leave the cells that printed them, and stand at the end of their section, folded into one
line that says how many there are; whatever else a cell printed stays where it is. A cell tagged
`scene` shows its figure first and the fold of its code below it, for eyes and for the tab key.
"""

from __future__ import annotations

import html
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

sys.path.insert(0, str(Path(__file__).resolve().parent))
import numerals

from illusionkit.language import FALLBACK, catalogue


class FoldClaims(SphinxPostTransform):
    """Gathers the claims of each section into one folded line at its end."""

    default_priority = 150  # before the folds of cells are made
    formats = ("html",)

    def run(self, **_: Any) -> None:
        """Change the page."""
        found: dict[nodes.Element, list[str]] = {}
        for output in list(self.document.findall(is_printed)):
            section = section_of(output)
            lines = numerals.CLAIM.findall(output.astext())
            if lines and section is not None:
                found.setdefault(section, []).extend(taken(output))
        for section, lines in found.items():
            fold = nodes.raw("", folded(lines, self.config.language or FALLBACK), format="html")
            section.insert(end_of_text(section), fold)


def is_printed(node: nodes.Node) -> bool:
    """Return whether a node is what a cell printed."""
    return isinstance(node, nodes.literal_block) and {"output", "stream"} <= set(node["classes"])


def section_of(node: nodes.Node) -> nodes.Element | None:
    """Return the section of the second level that a node stands in, or the page's own."""
    around = []
    while (node := node.parent) is not None:
        if isinstance(node, nodes.section):
            around.append(node)
    return around[-2] if len(around) > 1 else around[0] if around else None


def end_of_text(section: nodes.Element) -> int:
    """Return where a section ends; the page's own text ends where its first section begins."""
    if isinstance(section.parent, nodes.section):
        return len(section)
    return next((n for n, c in enumerate(section) if isinstance(c, nodes.section)), len(section))


def taken(output: nodes.Element) -> Iterator[str]:
    """Take the claims out of what a cell printed, and yield them; what is empty then goes too."""
    text = output.astext()
    yield from (match[0] for match in numerals.CLAIM.finditer(text))
    left = [line for line in text.splitlines() if not numerals.CLAIM.match(line)]
    if any(line.strip() for line in left):
        rest = "\n".join(left).strip("\n")
        output.rawsource = rest
        output.children = []
        output.append(nodes.Text(rest))
        return
    empty: nodes.Node = output
    while isinstance(empty.parent, nodes.container) and len(empty.parent) == 1:
        empty = empty.parent
    empty.parent.remove(empty)


def folded(claims: list[str], language: str) -> str:
    """Return the HTML of a section's claims: one line, which unfolds to all."""
    words = catalogue()[FALLBACK] | catalogue().get(language, {})
    missed = sum(claim.endswith("✗") for claim in claims)
    key = "missed" if missed else "one" if len(claims) == 1 else "many"
    told = words[f"claims.{key}"].format(n=len(claims), missed=missed)
    lines = "".join(f"<li>{html.escape(claim)}</li>" for claim in claims)
    return f'<details class="book-claims"><summary>{told}</summary><ul>{lines}</ul></details>'


class FiguresFirst(SphinxPostTransform):
    """Puts the code of a scene below its figure."""

    default_priority = 210  # after the folds of cells are made
    formats = ("html",)

    def run(self, **_: Any) -> None:
        """Change the page."""
        for cell in list(self.document.findall(nodes.container)):
            if cell.get("nb_element") == "cell_code" and "tag_scene" in cell["classes"]:
                figure_first(cell)


def figure_first(cell: nodes.Element) -> None:
    """Put what a cell shows before its code."""
    cell.children.sort(key=lambda part: part.get("nb_element") != "cell_code_output")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.add_post_transform(FoldClaims)
    app.add_post_transform(FiguresFirst)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
