"""Every notebook of the book is as a reader, Colab, nbval and the build need it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import address
import execute
import hygiene
import nbformat
import notebooks
import pytest
from nbformat import NotebookNode

PAGES = notebooks.pages()
SVG = '<svg role="img" aria-label="two bars"></svg>'


def html_output(html: str) -> NotebookNode:
    return nbformat.v4.new_output("display_data", data={"text/html": html})


@pytest.fixture
def page() -> NotebookNode:
    """A notebook that no check complains of."""
    code = nbformat.v4.new_code_cell("print('seven')", id="say-seven", execution_count=2)
    code.outputs = [nbformat.v4.new_output("stream", name="stdout", text="seven\n")]
    text = nbformat.v4.new_markdown_cell("# Seven\n\n![seven dots](dots.svg)", id="title")
    book = nbformat.v4.new_notebook(cells=[text, code])
    book = execute.normalised(address.with_cell(book, address.load()))
    book.cells[0].execution_count = 1
    return book


def test_the_book_has_pages() -> None:
    assert PAGES, "no notebook under chapters/"


def test_pages_are_clean() -> None:
    found = {p.stem: hygiene.complaints(notebooks.read(p)) + hygiene.as_written(p) for p in PAGES}
    assert not any(found.values()), "\n".join(f"{p}: {s}" for p in found for s in found[p])


def test_no_page_has_a_markdown_twin() -> None:
    assert not [path for path in PAGES if path.with_suffix(".md").exists()]


def test_a_clean_page_gives_no_complaint(page: NotebookNode) -> None:
    assert hygiene.complaints(page) == []


def spoil_count(page: NotebookNode) -> None:
    page.cells[2].execution_count = None


def spoil_order(page: NotebookNode) -> None:
    page.cells[2].execution_count = 5


def spoil_output(page: NotebookNode) -> None:
    page.cells[2].outputs = []


def spoil_stderr(page: NotebookNode) -> None:
    page.cells[2].outputs[0].name = "stderr"


def spoil_error(page: NotebookNode) -> None:
    error = nbformat.v4.new_output("error", ename="ValueError", evalue="x", traceback=["x"])
    page.cells[2].outputs.append(error)


def spoil_path(page: NotebookNode) -> None:
    page.cells[2].outputs[0].text = "kept in /home/ada/cache\n"


def spoil_widget_state(page: NotebookNode) -> None:
    page.metadata["widgets"] = {"state": {}}


def spoil_widget_view(page: NotebookNode) -> None:
    view = {hygiene.WIDGET: {"model_id": "1"}}
    page.cells[2].outputs.append(nbformat.v4.new_output("display_data", data=view))


def spoil_lexer(page: NotebookNode) -> None:
    del page.metadata.language_info["pygments_lexer"]


def spoil_kernel(page: NotebookNode) -> None:
    page.metadata.kernelspec["name"] = "my-env"


def spoil_random_id(page: NotebookNode) -> None:
    page.cells[2].id = "a3f29b1c"


def spoil_upper_id(page: NotebookNode) -> None:
    page.cells[2].id = "Say-Seven"


def spoil_double_id(page: NotebookNode) -> None:
    page.cells[2].id = "title"


def spoil_tag(page: NotebookNode) -> None:
    page.cells[2].metadata["tags"] = ["hide_input"]


def spoil_length(page: NotebookNode) -> None:
    page.cells[2].source = "print('seven')\n" * 16


def spoil_first_cell(page: NotebookNode) -> None:
    page.cells.insert(0, page.cells.pop(1))


def spoil_markdown_alt(page: NotebookNode) -> None:
    page.cells[1].source = "# Seven\n\n![](dots.svg)"


def spoil_directive_alt(page: NotebookNode) -> None:
    page.cells[1].source = ":::{figure} dots.svg\n:name: dots\n\nSeven dots.\n:::"


def spoil_image_alt(page: NotebookNode) -> None:
    page.cells[2].outputs.append(nbformat.v4.new_output("display_data", data={"image/png": "eA=="}))


def spoil_img_alt(page: NotebookNode) -> None:
    page.cells[2].outputs.append(html_output('<img src="data:," alt="">'))


def spoil_svg_alt(page: NotebookNode) -> None:
    page.cells[2].outputs.append(html_output(SVG + "<svg><path d='M0 0'/></svg>"))


SPOILERS = [value for name, value in list(globals().items()) if name.startswith("spoil_")]


@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda spoil: spoil.__name__)
def test_each_fault_is_seen_once(page: NotebookNode, spoil: Callable[[NotebookNode], None]) -> None:
    spoil(page)
    assert len(hygiene.complaints(page)) == 1


def test_named_pictures_pass(page: NotebookNode) -> None:
    page.cells[2].outputs.append(html_output(SVG + '<svg aria-hidden="true"></svg>'))
    page.cells[2].outputs.append(html_output("<svg><title>two bars</title></svg>"))
    assert hygiene.complaints(page) == []


def test_comments_and_blank_lines_are_no_code_lines() -> None:
    cell = nbformat.v4.new_code_cell("# why\n\nx = 1\n  # because\ny = 2")
    assert hygiene.code_lines(cell) == 2


def test_a_file_that_was_not_written_by_the_executor_is_seen(
    page: NotebookNode, tmp_path: Path
) -> None:
    path = tmp_path / "seven.ipynb"
    notebooks.write(page, path)
    assert hygiene.as_written(path) == []
    path.write_text(path.read_text(encoding="utf-8").replace('\n "cells"', '\n  "cells"'))
    assert hygiene.as_written(path)
