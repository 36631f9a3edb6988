"""No notebook, page or file of the site passes on the texts of a corpus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import notebooks
import pytest
import redistribution
from redistribution import Index

PAGES = [*notebooks.pages(), *notebooks.markdown_pages()]
REVIEW = "The plot wanders off after an hour but the two leads carry it home with grace"
TWEET = "my train is late again and nobody at this station knows why or for how long"
CHINESE = "房间很干净，服务员态度也不错，就是早餐的种类实在太少了，下次不会再来。"


@pytest.fixture(scope="module")
def small() -> Index:
    """Three tiny corpora, made up here."""
    return redistribution.index(
        {"movie_reviews": [REVIEW], "tweets": [TWEET], "chinese_reviews": [CHINESE]}
    )


def loaders() -> dict[str, Any]:
    """Return what loads each data set that holds texts."""
    from illusionkit.data import registry

    return {name: load for name, load in registry.loaders().items() if "text" in load()}


@pytest.fixture(scope="session")
def whole() -> Index:
    """Every corpus of the kit and the mails, both parts."""
    return redistribution.index(redistribution.whole_corpora(loaders()))


def write_page(path: Path, text: str, *, output: str = "", quotes: tuple[str, ...] = ()) -> Path:
    cell = nbformat.v4.new_markdown_cell(text, id="text")
    cell.metadata["illusionkit"] = {"quotes": list(quotes)}
    code = nbformat.v4.new_code_cell("print(1)", id="code")
    code.outputs = [nbformat.v4.new_output("stream", name="stdout", text=output)]
    notebooks.write(nbformat.v4.new_notebook(cells=[cell, code]), path)
    return path


def test_every_corpus_is_indexed(whole: Index) -> None:
    counts = {name: int((whole.owners == i).sum()) for i, name in enumerate(whole.names)}
    assert set(counts) >= {"movie_reviews", "product_reviews", "tweets", "editorials", "mails"}
    assert min(counts.values()) > 2_000, counts  # the templates of commands are few


def test_a_text_of_each_corpus_would_be_seen(whole: Index, tmp_path: Path) -> None:
    for name, load in loaders().items():
        longest = max(load()["text"], key=len)
        page = write_page(tmp_path / "page.ipynb", "# One", output=longest)
        assert redistribution.complaints(page, whole), name


def test_pages_pass_nothing_on(whole: Index) -> None:
    found = []
    for path in PAGES:
        found += redistribution.quote_complaints(path, whole)
        found += redistribution.complaints(path, whole, redistribution.quotes_of(path))
    assert PAGES and not found, "\n".join(found)


def test_site_passes_nothing_on(site: Path, root: Path, whole: Index) -> None:
    quotes = {p.relative_to(root).with_suffix(""): redistribution.quotes_of(p) for p in PAGES}
    quotes[Path("searchindex")] = sorted({quote for own in quotes.values() for quote in own})
    found = []
    for file in redistribution.site_files(site):
        name = file.relative_to(site).with_suffix("")
        page = name.relative_to("_sources") if name.parts[0] == "_sources" else name
        found += redistribution.complaints(file, whole, quotes.get(page, ()))
    assert not found, "\n".join(found)


def test_results_pass_nothing_on(root: Path, whole: Index) -> None:
    for file in sorted(p for p in (root / "results").rglob("*") if p.is_file()):
        assert not redistribution.complaints(file, whole), file.name


@pytest.mark.parametrize(
    "text",
    [
        "the plot wanders off after an hour but so it goes",
        "THE PLOT, wanders off - after an hour; but!",
        "<p>The <b>plot</b> wanders off after <i>an hour</i> but</p>",
        "the plot wanders\noff after an\n\nhour but",
        '{"text": "the plot\\u0020wanders off\\nafter an hour but"}',
        "the plot wanders off &nbsp;after an hour but",
        "他说房间很干净，服务员 态度也不错。",
        "房间很干净服务员态度也不错",
    ],
)
def test_a_run_of_words_is_seen(text: str, small: Index, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    assert redistribution.complaints(page, small)


@pytest.mark.parametrize(
    "text",
    [
        "the plot wanders off after an hour and then",
        "after an hour the plot wanders off but the two",
        "房间很干净，服务员态度一般。",
        "",
    ],
)
def test_a_shorter_run_is_not(text: str, small: Index, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    assert not redistribution.complaints(page, small)


def test_outputs_of_a_notebook_are_read(small: Index, tmp_path: Path) -> None:
    assert redistribution.complaints(write_page(tmp_path / "p.ipynb", "# P", output=TWEET), small)


def test_a_listed_review_may_stand_a_tweet_may_not(small: Index, tmp_path: Path) -> None:
    page = write_page(tmp_path / "p.ipynb", f"> {REVIEW}", quotes=(REVIEW,))
    assert redistribution.quote_complaints(page, small) == []
    assert redistribution.complaints(page, small, [REVIEW]) == []
    page = write_page(tmp_path / "p.ipynb", f"> {TWEET}", quotes=(TWEET,))
    assert redistribution.quote_complaints(page, small)
    assert redistribution.complaints(page, small, [TWEET])


def test_the_allowance_has_limits(small: Index, tmp_path: Path) -> None:
    words = REVIEW.split()
    many = tuple(" ".join(words[i : i + 3]) for i in range(9))
    page = write_page(tmp_path / "p.ipynb", REVIEW, quotes=many)
    assert any("at most 8" in c for c in redistribution.quote_complaints(page, small))
    absent = write_page(tmp_path / "p.ipynb", "# P", quotes=(REVIEW,))
    assert any("not stand" in c for c in redistribution.quote_complaints(absent, small))
    long = Index(small.names, small.hashes, small.owners, {n: "a" * 60 for n in small.names})
    quote = " ".join("a" * 26)
    page = write_page(tmp_path / "p.ipynb", quote, quotes=(quote,))
    assert any("too long" in c for c in redistribution.quote_complaints(page, long))


def test_widget_data_is_read(small: Index, tmp_path: Path) -> None:
    data = json.dumps({"says": REVIEW}).replace("a", "\\u0061")
    page = tmp_path / "page.html"
    page.write_text(f'<script type="application/json">{data}</script>', encoding="utf-8")
    assert redistribution.complaints(page, small)
