"""Every page is run once, strictly: it shows what is stored, and its figures hold here.

A second run must give the same bytes; which pages are run twice goes by turns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import execute
import nbformat
import notebooks
import pytest
import rota
from nbformat import NotebookNode
from outputs import differences
from runs import PageRun

Run = Callable[[Path], PageRun]

PAGES = notebooks.pages()
each_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


@each_page
def test_page_shows_what_is_stored(path: Path, page_run: Run, request: Any) -> None:
    found = differences(path, page_run(path).notebook, request.session)
    assert not found, "\n".join(found)


@each_page
def test_figures_hold_their_intervals_here(path: Path, page_run: Run) -> None:
    fresh, stored = page_run(path).tables, payloads(notebooks.read(path))
    assert len(fresh) == len(stored), "two figures of a page share a title, or one is not stored"
    # Records are files, without an order: each must agree with the one stored table it belongs to.
    for table in stored:
        tries = [disagreements(table, other) for other in fresh]
        assert [] in tries, min(tries, key=len)


@each_page
def test_scenes_are_here_what_is_stored(path: Path, page_run: Run) -> None:
    fresh, stored = (
        data_of("scene", page) for page in (page_run(path).notebook, notebooks.read(path))
    )
    assert len(fresh) == len(stored)
    found = [said for pair in zip(stored, fresh, strict=True) for said in changes_of_scene(*pair)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", rota.chosen(), ids=lambda path: path.stem)
def test_page_runs_to_the_same_bytes(path: Path, page_run: Run) -> None:
    first = execute.normalised(page_run(path).notebook)
    assert nbformat.writes(first) == nbformat.writes(execute.executed(path))


def payloads(page: NotebookNode) -> list[list[dict[str, Any]]]:
    """Return the tables of the interactive figures stored in a page, in order."""
    return [data["table"] for data in data_of("explore", page)]


def data_of(widget: str, page: NotebookNode) -> list[dict[str, Any]]:
    """Return the data of a page's widgets of a kind, in order."""
    return [json.loads(data) for data in notebooks.payloads(notebooks.code_cells(page), widget)]


MOVED, HEAPED, FEW = 600, 0.2, 0.1
"""How far a dot may stand from where one of its colour stood, in hundredths of a unit (a dot is
about as wide), the share that may stand farther, and the share that may change their colour:
another processor changes the last digits of scores, and so some ranks. Where dots are heaped, one
that changes its rank moves all that lie above it."""
LAST = 0.002
"""By how much a score that has no interval may differ on another processor."""


def changes_of_scene(stored: dict[str, Any], fresh: dict[str, Any]) -> list[str]:
    """Return how a scene differs from the stored one by more than last digits; numbers may."""
    if stored["dots"] != fresh["dots"] or len(stored["frames"]) != len(fresh["frames"]):
        return ["the scene has other dots or frames"]
    pairs = enumerate(zip(stored["frames"], fresh["frames"], strict=True), 1)
    return [f"frame {number}: {said}" for number, pair in pairs for said in changes_of_frame(*pair)]


def changes_of_frame(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return how a frame differs from the stored one, in words."""
    found = []
    if plain(old["says"]) != plain(new["says"]):
        found.append(f"{new['says']!r} is said, not {old['says']!r}")
    moved = max(lonely(old, new), lonely(new, old))
    other = sum(a != b for a, b in zip(old["roles"], new["roles"], strict=True))
    dots = len(old["roles"])
    if moved > HEAPED * dots or other > FEW * dots:
        found.append(f"{moved} dots stand elsewhere, {other} have another colour")
    return found


def lonely(some: dict[str, Any], others: dict[str, Any]) -> int:
    """Return how many dots of a frame stand where the other frame has none of their colour."""
    here, there = (
        list(zip(frame["at"][::2], frame["at"][1::2], frame["roles"], strict=True))
        for frame in (some, others)
    )
    return sum(
        not any(r == role and abs(a - x) <= MOVED and abs(b - y) <= MOVED for a, b, r in there)
        for x, y, role in here
    )


def plain(sentence: str) -> str:
    """Return a sentence without its numbers."""
    return re.sub(r"\d[\d,.]*", "#", sentence)


def test_a_scene_that_changed_would_be_seen() -> None:
    frame = {"says": "12 of 20 are right.", "at": [1000, 2000] * 20, "roles": "0" * 20}
    one = {"dots": 20, "frames": [frame]}
    few = {**frame, "says": "13 of 20 are right.", "at": [9000, 2000, *frame["at"][2:]]}
    assert not changes_of_scene(one, {"dots": 20, "frames": [few]})
    for changed in (
        {"says": "12 of 20 are wrong."}, {"at": [9000, 2000] * 20}, {"roles": "1" * 20}
    ):  # fmt: skip
        assert changes_of_scene(one, {"dots": 20, "frames": [{**frame, **changed}]})
    assert changes_of_scene(one, {"dots": 20, "frames": [frame, frame]})


def disagreements(stored: list[dict[str, Any]], fresh: list[dict[str, Any]]) -> list[str]:
    """Return where a freshly measured table leaves the intervals of the stored one.

    Scores without an interval may differ in their last digits; other columns, such as doses, not.
    """
    if [set(row) for row in stored] != [set(row) for row in fresh]:
        return ["the tables have other rows or columns"]
    found = []
    for number, (old, new) in enumerate(zip(stored, fresh, strict=True)):
        for name, value in old.items():
            if name.endswith(("_lo", "_hi")):
                continue
            last = LAST if name in ("apparent", "honest") else 0
            low = old.get(f"{name}_lo", value - last) if isinstance(value, float) else value
            high = old.get(f"{name}_hi", value + last) if isinstance(value, float) else value
            fits = low <= new[name] <= high if isinstance(value, float) else new[name] == value
            if not fits:
                found.append(f"row {number}, {name}: {new[name]} is outside {low} … {high}")
    return found


def test_a_table_that_moved_would_be_seen() -> None:
    row = {"dose": 0.5, "honest": 0.71, "honest_lo": 0.70, "honest_hi": 0.72}
    assert disagreements([row], [{**row, "honest": 0.715}]) == []
    assert disagreements([row], [{**row, "honest": 0.75}])
    assert disagreements([row], [{**row, "dose": 0.501}])
    alone = {"dose": 0.5, "honest": 0.71}
    assert disagreements([alone], [{**alone, "honest": 0.711}]) == []
    assert disagreements([alone], [{**alone, "honest": 0.713}])
    assert disagreements([row], [row, row])


CLAIM = "a gap: expected 0.13 ± 0.02 · this run ⟨0.128⟩ ✓\n"
FIGURE = "<figure aria-label='a gap'><!--measured-->1<!--/measured--></figure>"


def stored_page() -> NotebookNode:
    """Return a page of two cells that were run: a printed claim, and a figure."""
    new = nbformat.v4
    cells = [
        new.new_code_cell(source, id=f"cell-{n}", execution_count=n + 1)
        for n, source in enumerate(("claim()", "explore()"))
    ]
    cells[0].outputs = [new.new_output("stream", name="stdout", text=CLAIM)]
    cells[1].outputs = [new.new_output("display_data", data={"text/html": FIGURE})]
    return new.new_notebook(cells=cells)


def changes() -> dict[str, tuple[Callable[[list[NotebookNode]], Any], int]]:
    """Return what may differ in a fresh run, each with how many cells nbval must name for it."""
    new = nbformat.v4.new_output
    extra = new("stream", name="stderr", text="a warning")
    return {
        "nothing": (lambda cells: None, 0),
        "what the claim measured": (lambda cells: retell(cells[0], "0.128", "0.131"), 0),
        "what the claim expects": (lambda cells: retell(cells[0], "0.13 ", "0.14 "), 1),
        "whether it is met": (lambda cells: retell(cells[0], "✓", "✗"), 1),
        "what the figure measured": (lambda cells: redraw(cells[1], ">1<", ">2<"), 0),
        "the figure's name": (lambda cells: redraw(cells[1], "a gap", "no gap"), 1),
        "an output less": (lambda cells: cells[1].outputs.clear(), 1),
        "an output more": (lambda cells: cells[1].outputs.append(extra), 1),
        "both cells": (lambda cells: [cell.outputs.clear() for cell in cells], 2),
        "a cell's source": (lambda cells: cells[1].update(source="other()"), 1),
    }


def retell(cell: NotebookNode, old: str, new: str) -> None:
    cell.outputs[0].text = cell.outputs[0].text.replace(old, new)


def redraw(cell: NotebookNode, old: str, new: str) -> None:
    data = cell.outputs[0].data
    data["text/html"] = data["text/html"].replace(old, new)


@pytest.mark.parametrize("name", changes())
def test_what_differs_is_seen_as_nbval_sees_it(name: str, tmp_path: Path, request: Any) -> None:
    notebooks.write(stored_page(), tmp_path / "page.ipynb")
    fresh, (change, cells) = stored_page(), changes()[name]
    change(fresh.cells)
    assert len(differences(tmp_path / "page.ipynb", fresh, request.session)) == cells


def test_an_unrun_cell_may_hold_no_outputs(tmp_path: Path, request: Any) -> None:
    page = stored_page()
    page.cells[0].execution_count = None
    notebooks.write(page, tmp_path / "page.ipynb")
    assert len(differences(tmp_path / "page.ipynb", stored_page(), request.session)) == 1
