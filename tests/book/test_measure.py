"""What a page asks of its reader is measured as the reader meets it."""

from __future__ import annotations

from pathlib import Path

import measure_page
import nbformat
import notebooks
import pytest
import spoilers
from bs4 import BeautifulSoup
from nbformat import NotebookNode

NEW = nbformat.v4
CLAIM = "a gap of words: expected 0.13 ± 0.02 · this run ⟨0.128⟩ ✓\n"
ASKED = '{"answer": 62, "decimals": 0}'
GUESS = f'<div data-ik="predict"><script type="application/json">{ASKED}</script></div>'
SCENE = '<figure data-ik="scene"><script type="application/json">{"guess":%s}</script></figure>'


each_page = pytest.mark.parametrize("path", notebooks.pages(), ids=lambda path: path.stem)


@each_page
def test_a_page_takes_ten_minutes_and_asks_first(path: Path) -> None:
    assert not measure_page.measured(path).complaints


@each_page
def test_a_built_page_has_no_more_words(path: Path, site: Path, root: Path) -> None:
    """All that can be read in its article counts, in folds and in the frames of a scene too."""
    text = (site / path.relative_to(root).with_suffix(".html")).read_text(encoding="utf-8")
    article = BeautifulSoup(text, "html.parser").select_one("article.bd-article")
    most = measure_page.DEEP_WORDS if measure_page.is_long(path) else measure_page.WORDS
    count = measure_page.words(str(article))
    assert count <= most


def test_no_answer_is_given_away() -> None:
    """Neither above its question nor on a page that comes earlier in the contents."""
    found = [f"{page} {said}" for page, said in spoilers.spoilers(spoilers.contents())]
    assert not found, "\n".join(found)


def code(name: str, source: str = "x = 1", *, html: str = "", text: str = "", tags: str = ""):
    cell = NEW.new_code_cell(source, id=name, execution_count=1)
    cell.metadata["tags"] = tags.split()
    if html:
        cell.outputs.append(NEW.new_output("display_data", data={"text/html": html}))
    if text:
        cell.outputs.append(NEW.new_output("stream", name="stdout", text=text))
    return cell


def page(tmp_path: Path, *cells: NotebookNode) -> Path:
    title = NEW.new_markdown_cell("# Two words", id="title")
    notebooks.write(NEW.new_notebook(cells=[title, *cells]), tmp_path / "page.ipynb")
    return tmp_path / "page.ipynb"


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(measure_page, "is_long", lambda path: False)
    return lambda *cells: measure_page.measured(page(tmp_path, *cells))


@pytest.mark.parametrize(
    ("html", "count"),
    [
        ("<p>One word, and 84 % of it.</p>", 5),
        ("<details><summary>A fold</summary>counts</details>", 3),
        ("<p>Not $x$ <span class='math'>\\(y\\)</span> <svg>nor this</svg></p>", 1),
        ("<p>no</p><script>var x</script><style>p{}</style>", 1),
        ("<div class='cell_input'><pre>code</pre></div><pre>printed</pre>", 1),
        ("<p>two</p><p>words</p>", 2),
    ],
)
def test_what_is_a_word(html: str, count: int) -> None:
    assert measure_page.words(html.replace("$x$", "")) == count


def test_words_of_a_notebook_are_its_text_and_what_it_shows(measured) -> None:
    text = NEW.new_markdown_cell(
        ":::{admonition} A title\n:class: tip\nThree more words.\n:::\n\n```python\nx = 1\n```",
        id="t",
    )
    shown = code("shown", "y = 2\n# why\n", html="<p>four words in all</p>", text=f"said\n{CLAIM}")
    found = measured(text, shown)
    assert found.words == 2 + 3 + 4 + 1
    assert (found.visible_lines, found.all_lines) == (2, 2)
    assert found.claims == {"(top)": 1}


def test_claims_are_counted_by_section(measured) -> None:
    heading = NEW.new_markdown_cell("## Second", id="second")
    found = measured(code("a", text=CLAIM), heading, code("b", text=CLAIM * 2), code("c"))
    assert found.claims == {"(top)": 1, "Second": 2}


def test_code_above_the_first_thing_to_touch_is_named(measured) -> None:
    scene = SCENE % ASKED
    good = measured(code("hero", html=scene, tags="hide-input scene"), code("later"))
    assert good.guess and good.complaints == []
    assert measured(code("before"), code("hero", html=scene, tags="scene")).complaints == [
        "code stands above the first thing to touch: before"
    ]
    assert measured(code("guess", html=GUESS, tags="hide-input")).complaints == [
        "code stands above the first thing to touch: guess"
    ]


def test_what_is_missing_is_named(measured) -> None:
    assert measured(code("hero", html=SCENE % "null", tags="scene")).complaints == [
        "nowhere does the reader guess"
    ]
    assert "there is nothing to touch" in measured(code("cell")).complaints


def test_what_is_above_a_limit_is_named(measured) -> None:
    cells = [code("hero", html=SCENE % ASKED, tags="scene")]
    long = NEW.new_markdown_cell("word " * 1100, id="long")
    big = code("big", html=SCENE % ('"' + "x" * 40_000 + '"'), tags="hide-input")
    lines = code("lines", "x = 1\n" * 61)
    folded = code("folded", "x = 1\n" * 90, tags="hide-cell")
    told = measured(*cells, long, big, lines, folded).complaints
    assert [line.split(", ")[0] for line in told] == [
        "1102 words", "62 visible lines of code", "153 lines of code",
        f"{40_000 + 12} bytes of data in a scene",
    ]  # fmt: skip


def test_deep_dives_the_appendix_and_mathematics_may_be_longer(tmp_path: Path) -> None:
    toc = """
parts:
  - caption: One
    chapters:
      - file: chapters/one/page
        sections: [{file: chapters/one/dive}, {file: chapters/one/page/dive}]
      - file: chapters/one/collect
        sections:
          - file: chapters/one/collect/page
            sections: [{file: chapters/one/collect/dive}]
      - file: chapters/04-mathematics/sum
  - caption: Appendix
    chapters: [{file: chapters/one/fast}]
"""
    (tmp_path / "_toc.yml").write_text(toc, encoding="utf-8")
    names = ["one/page", "one/dive", "one/page/dive", "one/collect", "one/collect/page",
             "one/collect/dive", "04-mathematics/sum", "one/fast"]  # fmt: skip
    long = [n for n in names if measure_page.is_long(tmp_path / f"chapters/{n}.ipynb", tmp_path)]
    assert long == [
        "one/dive", "one/page/dive", "one/collect/dive", "04-mathematics/sum", "one/fast",
    ]  # fmt: skip
