"""No notebook, page or results table passes on a row about a person."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
import notebooks
import numpy as np
import pandas as pd
import persons
import pytest
from redistribution import Hashes

from illusionkit.interactive import Frame, boxes, scene

PAGES = [*notebooks.pages(), *notebooks.markdown_pages()]


def loaders() -> dict[str, Any]:
    """Return what loads each table whose rows are persons: neither texts nor images nor words."""
    from illusionkit.data import registry

    others = {"text", "pixels", "word"}
    return {n: load for n, load in registry.loaders().items() if not others & set(load())}


@pytest.fixture(scope="session")
def known() -> Hashes:
    """The runs of every table about persons, both parts."""
    return persons.index(load(part) for load in loaders().values() for part in ("book", "confirm"))


@pytest.fixture(scope="module")
def small() -> pd.DataFrame:
    """A made-up table."""
    return pd.DataFrame(
        {
            "label": [0, 1, 0, 0, 1, 0],
            "name": list("abcdef"),
            "limit": [50000, 20000, 120000, 90000, 50000, 70000],
            "age": [37, 24, 26, 34, 57, 41],
            "bill": [46990, 3913, 2682, 29239, 8617, -390],
            "paid": [2000, 0, 1518, 0, 36681, 12],
        }
    )


def page(path: Path, output: str) -> Path:
    code = nbformat.v4.new_code_cell("table.head()", id="code")
    code.outputs = [nbformat.v4.new_output("stream", name="stdout", text=output)]
    notebooks.write(nbformat.v4.new_notebook(cells=[code]), path)
    return path


def test_every_table_is_indexed(known: Hashes) -> None:
    assert len(known) > 500_000


def test_pages_and_results_pass_no_person_on(root: Path, known: Hashes) -> None:
    tables = sorted((root / "results").glob("*.csv"))
    assert PAGES and tables
    found = [said for file in (*PAGES, *tables) for said in persons.complaints(file, known)]
    assert not found, "\n".join(found)


def alone(path: Path, names: Iterable[str]) -> list[str]:
    """Return the scenes of a page about persons in which a dot stands for fewer than five."""
    document = notebooks.read(path)
    code = "\n".join(cell.source for cell in notebooks.code_cells(document))
    about = [name for name in names if re.search(rf"\b{name}\(", code)]
    scenes = notebooks.payloads(notebooks.code_cells(document), "scene")
    each = [json.loads(data)["each"] for data in scenes]
    return [f"{path.name} ({', '.join(about)}): {n} a dot" for n in each if about and n < 5]


def test_a_dot_is_never_one_persons_values() -> None:
    names = list(loaders())
    found = [said for path in notebooks.pages() for said in alone(path, names)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("each", "faults"), [(1, 1), (4, 1), (5, 0)])
def test_a_dot_of_few_persons_would_be_seen(each: int, faults: int, tmp_path: Path) -> None:
    frames = [Frame("One.", boxes({"all": range(9)})), Frame("Two.", boxes({"all": range(9)}))]
    shown = scene(frames, title="t", alt="a", unit="customers", each=each).data
    path = tmp_path / "page.ipynb"
    cell = nbformat.v4.new_code_cell("people()", id="code")
    cell.outputs = [nbformat.v4.new_output("display_data", {"text/html": shown})]
    notebooks.write(nbformat.v4.new_notebook(cells=[cell]), path)
    assert len(alone(path, ["people"])) == faults


def test_a_row_of_each_table_would_be_seen(known: Hashes, tmp_path: Path) -> None:
    with pd.option_context("display.max_columns", None, "display.width", 10_000):
        for name, load in loaders().items():
            for number, shown in enumerate(
                (load().head(), load().tail(1), load().head().to_html())
            ):
                path = page(tmp_path / f"{name}{number}.ipynb", str(shown))
                assert persons.complaints(path, known), name
            path = page(tmp_path / f"{name}.ipynb", load().iloc[0].to_string())
            assert persons.complaints(path, known), name


def test_rows_and_columns_of_a_table_are_seen_however_shown(small: pd.DataFrame) -> None:
    known = persons.index([small])
    for shown in (
        small.head(1).to_string(),
        small.head(1).to_csv(),
        small.head(1).drop(columns="name").to_html(),
        str(small["limit"].tolist()),
        str(small["bill"].to_numpy()),
        small.astype({"limit": float, "bill": float, "paid": float}).tail(1).to_string(),
        small.head(1).to_json(orient="values"),
    ):
        assert persons.passed_on(persons.readable(shown), known), shown


def test_a_person_told_in_small_codes_is_seen(known: Hashes) -> None:
    from illusionkit.data import census

    table = census.census()
    codes = table[list(census.COLUMNS)]
    row = codes.iloc[codes.head(50).nunique(axis=1).to_numpy().argmax()]
    for shown in (row.to_string(), str(row.tolist()), str(table["age"].head(30).tolist())):
        assert persons.passed_on(persons.readable(shown), known), shown
    assert not persons.passed_on(str(list(range(1, 40))), known)
    assert not persons.passed_on(codes.groupby(table["year"]).mean().to_string(), known)


def test_summaries_and_plain_runs_are_not(small: pd.DataFrame) -> None:
    known = persons.index([small])
    for shown in (
        small.describe().to_string(),
        small.groupby("label")["bill"].mean().to_string(),
        "0 1 0 0 1 0 1 0",
        "50000 20000 120000",
        "",
    ):
        assert not persons.passed_on(shown, known), shown


def test_round_numbers_alone_tell_of_nobody(known: Hashes) -> None:
    """Somebody in the tables did pay 0, 2000, 1000, 0, 0; a table of settings says that, too."""
    for shown in ("0 2000 1000 0 0", "0 0 0 2000 4000", "1000 2000 5000 0 10000"):
        assert not persons.passed_on(shown, known), shown


def test_significant_figures() -> None:
    values = np.array([[0, 5, 50, 505000, -390, 46990, 1000, 10**15 - 1]])
    assert persons.figures(values).tolist() == [[0, 1, 1, 3, 2, 4, 1, 15]]


def test_numbers_within_words_and_decimals_do_not_count() -> None:
    found = persons.NUMBER.findall("A14 2.5 3,000 x9 -12 7. 40.0 (8) 6-7")
    assert found == ["3", "000", "-12", "7", "40", "8", "6", "7"]
