"""An answer that is given away before the guess is seen, where a program can see it."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import notebooks
import pytest
import spoilers

NEW = nbformat.v4
ASKED = {"answer": 61.55, "decimals": 0}


def claim(name: str, measured: str) -> str:
    return f"{name}: expected {measured} ± 0.01 · this run ⟨{measured}⟩ ✓\n"


def text(source: str, **claims: str) -> nbformat.NotebookNode:
    cell = NEW.new_markdown_cell(source)
    cell.metadata["illusionkit"] = {"claims": {k: v for k, v in claims.items()}}
    return cell


def told(source: str, key: str, name: str) -> nbformat.NotebookNode:
    return text(source, **{key: name})


def printed(*claims: str) -> nbformat.NotebookNode:
    cell = NEW.new_code_cell("claim()", execution_count=1)
    cell.outputs = [NEW.new_output("stream", name="stdout", text="".join(claims))]
    return cell


def asked(kind: str = "predict", first: str = "") -> nbformat.NotebookNode:
    data = ASKED if kind == "predict" else {"guess": ASKED, "frames": [{"says": first}]}
    html = f'<div data-ik="{kind}"><script type="application/json">{json.dumps(data)}</script>'
    cell = NEW.new_code_cell("guess()", execution_count=1)
    cell.outputs = [NEW.new_output("display_data", data={"text/html": html})]
    return cell


@pytest.fixture
def found(tmp_path: Path):
    """Return what is given away where a page of these cells comes before another one."""

    def of(first: list[nbformat.NotebookNode], second: list[nbformat.NotebookNode] = ()):
        paths = [tmp_path / "early.ipynb", tmp_path / "late.ipynb"]
        for path, cells in zip(paths, (first, second), strict=True):
            notebooks.write(NEW.new_notebook(cells=list(cells)), path)
        spoilers.read.cache_clear()
        return spoilers.spoilers(paths)

    yield of
    spoilers.read.cache_clear()


LATE = [printed(claim("apparent", "0.682")), asked(), printed(claim("honest", "0.6155"))]


def test_what_a_page_proves_after_its_question_may_not_be_said_before(found) -> None:
    [(page, said)] = found([told("It is 62 % there.", "62 %", "late#honest")], LATE)
    assert page == "early" and "'62 %'" in said and "late#honest" in said
    assert not found([told("It says 68 %.", "68 %", "late#apparent")], LATE)


def test_nor_with_a_claim_of_its_own_beside_a_link(found) -> None:
    own = printed(claim("again", "0.615"))
    row = "| [Late](sub/late.ipynb) | 62 % |\n| [Other](x.md) | 62 % |"
    assert any(
        "late#honest" in said for _, said in found([own, told(row, "62 %", "early#again")], LATE)
    )
    apart = told("[Late](late.ipynb) is a page.\n\nHere it is 62 %.", "62 %", "early#again")
    assert not found([own, apart], LATE)


@pytest.mark.parametrize(
    ("block", "given"),
    [
        ("62 of a hundred, says [that page](../late.ipynb).", True),
        ("61.6 of a hundred, says [that page](late).", True),
        ("63 of a hundred, says [that page](late.ipynb).", False),
        ("62 of a hundred, says [this](other.ipynb).", False),
        ("[Sixty-two](late-62.ipynb) of them.", False),
        ("| 62 | nothing |\n| x | [that](late.md) |", False),
    ],
)
def test_nor_as_a_plain_number_beside_a_link(found, block: str, given: bool) -> None:
    assert bool(found([text(block)], LATE)) is given


def test_a_page_may_not_answer_above_its_own_question(found) -> None:
    early = [printed(claim("honest", "0.6155")), told("62 % it is.", "62 %", "early#honest")]
    assert [said.split()[0] for _, said in found([*early, asked()])] == ["claims", "says"]
    assert not found([asked(), *early])
    assert not found([printed(claim("apparent", "0.682")), asked()])


def test_a_scene_may_not_begin_with_its_answer(found) -> None:
    assert not found([asked("scene", "A hundred reviews.")])
    [(_, said)] = found([asked("scene", "Right on 62 of a hundred.")])
    assert "first frame" in said


def test_the_contents_are_read_in_their_order(tmp_path: Path) -> None:
    toc = """
root: intro
parts:
  - caption: One
    chapters:
      - {file: a, sections: [{file: a/b, sections: [{file: d}]}, {file: c}]}
      - file: e
"""
    (tmp_path / "_toc.yml").write_text(toc, encoding="utf-8")
    (tmp_path / "a").mkdir()
    for name in ("intro.md", "a.ipynb", "a/b.ipynb", "c.ipynb", "d.md", "e.ipynb"):
        (tmp_path / name).touch()
    assert [path.stem for path in spoilers.contents(tmp_path)] == ["intro", *"abdce"]
