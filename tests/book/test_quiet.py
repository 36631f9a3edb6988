"""Claims stand in the built page as one folded line a section, and all of them do."""

from __future__ import annotations

from pathlib import Path

import notebooks
import numerals
import pytest
import quiet
from bs4 import BeautifulSoup
from docutils import nodes

ONE = "a gap: expected 0.13 ± 0.02 · this run ⟨0.128⟩ ✓"
TWO = "its <sign>: expected 1 ± 2 · this run ⟨0.5⟩ ✓"
PAGES = notebooks.pages()


def cell(text: str, kind: str = "stream") -> nodes.container:
    """Return a cell as myst-nb makes it, which printed a text."""
    code = nodes.container("", nodes.literal_block("", "claim()"), nb_element="cell_code_source")
    printed = nodes.literal_block(text, text, classes=["output", kind])
    output = nodes.container("", printed, nb_element="cell_code_output", classes=["cell_output"])
    return nodes.container("", code, output, nb_element="cell_code")


def printed(cell: nodes.Element) -> list[str]:
    return [node.astext() for node in cell.findall(quiet.is_printed)]


@pytest.fixture
def page() -> nodes.section:
    """A page with a cell in its own text, one in a section, and one in a part of that."""
    part = nodes.section("", nodes.title("", "Part"), cell("c"))
    section = nodes.section("", nodes.title("", "Section"), cell("b"), part)
    return nodes.section("", nodes.title("", "Page"), cell("a"), section)


def test_each_output_belongs_to_a_section_of_the_second_level(page: nodes.section) -> None:
    top, section, part = (quiet.section_of(node) for node in page.findall(quiet.is_printed))
    assert top is page and section is part is page[2]
    assert quiet.section_of(nodes.container("", cell("d"))[0]) is None


def test_the_line_stands_at_the_end_of_its_section(page: nodes.section) -> None:
    assert quiet.end_of_text(page) == 2  # before the first section
    assert quiet.end_of_text(page[2]) == len(page[2])
    assert quiet.end_of_text(nodes.section("", nodes.title(), cell("a"))) == 2


def test_what_only_claims_leaves_nothing_behind() -> None:
    made = cell(f"{ONE}\n{TWO}\n")
    around = nodes.section("", made)
    assert list(quiet.taken(next(made.findall(quiet.is_printed)))) == [ONE, TWO]
    assert printed(made) == []
    assert [part["nb_element"] for part in around[0]] == ["cell_code_source"]


def test_what_else_a_cell_printed_stays() -> None:
    made = cell(f"first\n{ONE}\nsecond\n\n{TWO}\n")
    assert list(quiet.taken(next(made.findall(quiet.is_printed)))) == [ONE, TWO]
    assert printed(made) == ["first\nsecond"]
    assert next(made.findall(quiet.is_printed)).rawsource == "first\nsecond"


def test_code_and_errors_are_left_alone() -> None:
    code = nodes.literal_block("", ONE)
    assert not quiet.is_printed(code) and not quiet.is_printed(nodes.Text(ONE))
    assert printed(cell(ONE, "stderr")) == []


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ([ONE], "✓ 1 number checked in this run"),
        ([ONE] * 6, "✓ 6 numbers checked in this run"),
        ([ONE, ONE.replace("✓", "✗")], "✗ 1 of 2 numbers missed in this run"),
    ],
)
def test_the_line_counts(claims: list[str], told: str) -> None:
    for language in ("en", "zz"):
        soup = BeautifulSoup(quiet.folded(claims, language), "html.parser")
        assert soup.summary.get_text() == told
        assert [item.get_text() for item in soup.select("li")] == claims


def test_a_claims_name_is_inert() -> None:
    assert "&lt;sign&gt;" in quiet.folded([TWO], "en")


def test_a_scene_stands_above_its_code() -> None:
    assert quiet.FiguresFirst.default_priority > quiet.FoldClaims.default_priority
    made = cell("a figure")
    quiet.figure_first(made)
    assert [part["nb_element"] for part in made] == ["cell_code_output", "cell_code_source"]
    assert all(part.parent is made for part in made)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_claim_of_a_page_is_folded(path: Path, site: Path, root: Path) -> None:
    built = site / path.relative_to(root).with_suffix(".html")
    soup = BeautifulSoup(built.read_text(encoding="utf-8"), "html.parser")
    told = [item.get_text() for item in soup.select("article details.book-claims > ul > li")]
    names = [numerals.CLAIM.match(line.replace("\N{NO-BREAK SPACE}", " "))["name"] for line in told]
    assert sorted(names) == sorted(numerals.claims_of(path))
    for fold in soup.select("article details.book-claims"):
        above = fold.find_parents("section")
        assert len(above) <= 2, "it stands deeper than in a section of the second level"
        assert len(above[0].find_all("details", "book-claims", recursive=False)) == 1
        assert not fold.find_next_siblings() or len(above) == 1
        fold.extract()
    assert "this run ⟨" not in soup.article.get_text()
