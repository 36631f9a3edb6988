"""`atlas`: every row of the catalogue with its scores, in order, and nothing that breaks out."""

import base64
import io
import re

import numpy as np
import pandas as pd
import pytest

from illusionkit.data import contents
from illusionkit.errors import DataError
from illusionkit.experiment.sweep import verdict
from illusionkit.illusions import experiment, results
from illusionkit.illusions.catalogue import catalogue
from illusionkit.interactive.overview import atlas, shelves

SOME = ["group-leakage", "broken-column", "accepted-only", "scaling-published"]
HOSTILE = "</li></style><script>alert(1)</script> \"'> {{ 7 * 7 }} <b onclick=x>"


@pytest.fixture(scope="module")
def table():
    return catalogue(SOME)


def shown(table, **more):
    links = {page: f"{page}.ipynb" for page in set(table["page"])}
    return atlas(table, title="All", links=links, **more).data


def inside(page):
    return page[page.rindex("</style>") : page.rindex("<script>")]


def test_a_row_is_what_the_registry_and_the_table_say(table):
    assert table["id"].tolist() == SOME
    for row in table.to_dict("records"):
        trial, kept = experiment(row["id"]), results(row["id"])
        assert row["dose"] == trial.knob.default
        cell = kept.cell("flawed", row["dose"])
        assert (row["apparent"], row["honest"]) == (cell["apparent"], cell["honest"])
        assert row["size"] == cell["optimism"] / trial.margin
        assert row["flawed"] == verdict(trial, cell)
        assert row["symptom"] == trial.symptom and row["seeds"] == len(trial.seeds)
        if "cured" in trial.arms:
            cured = kept.cell("cured", row["dose"])
            assert row["cured"] == verdict(trial, cured)
            assert row["cured_apparent"] == cured["apparent"]
        else:
            assert row["cured"] == "" and np.isnan(row["cured_apparent"])


@pytest.mark.parametrize(
    ("knob", "dose", "unit", "told"),
    [
        ("labels that the rule made", 1.0, "share", "all"),
        ("pictures dealt out by lot", 0.0, "share of the pictures", "none of the pictures"),
        ("length of the copy", 0.75, "share of the text", "75\u00a0% of the text"),
        ("others among the persons judged", 0.875, "share", "87.5\u00a0%"),
        ("words to pick twenty from", 5000.0, "words", "5,000"),
        ("length of a string", 16.0, "digits", "16 digits"),
        ("what the logits are divided by", 1.0, "", "1"),
    ],
)
def test_a_dose_is_told_in_words(table, knob, dose, unit, told):
    page = inside(shown(table.assign(knob=knob, dose=dose, unit=unit)))
    assert page.count(f"<bdi>{knob}</bdi>: <bdi>{told}</bdi>.") == len(table)


def test_an_experiment_without_a_flawed_arm_is_no_row():
    assert "flawed" not in experiment("one-setting").arms
    assert catalogue(["group-leakage", "one-setting"])["id"].tolist() == ["group-leakage"]


def test_every_row_stands_there_with_its_page_its_numbers_and_its_check(table):
    page = inside(shown(table))
    assert page.count("<li ") == page.count("</li>") == len(table)
    items = page.split("<li ")[1:]
    for item, row in zip(items, table.to_dict("records"), strict=True):
        assert f'href="{row["page"]}.ipynb"' in item and row["caught_by"].rstrip(".")[:20] in item
        assert f"{row['apparent']:.3f}"[:4] in item and row["flawed"] in item


def test_the_places_in_each_order_are_those_of_the_values(table):
    page = inside(shown(table))
    ranks = [
        dict(re.findall(r'data-(size|name|place)="(\d+)"', item)) for item in page.split("<li ")[1:]
    ]
    for column, key in (("size", "size"), ("title", "name")):
        order = sorted(range(len(table)), key=lambda k: int(ranks[k][key]))
        wanted = table[column].sort_values(ascending=key == "name").index.tolist()
        assert order == wanted
    assert [int(rank["place"]) for rank in ranks] == list(range(len(table)))


def test_the_picture_puts_the_scores_in_their_order(table):
    row = table[table["id"] == "accepted-only"]
    page = inside(shown(row.reset_index(drop=True)))
    dot = float(re.search(r'<circle [^>]*cx="([\d.]+)"', page)[1])
    square = float(re.search(r'<rect class="ik-atlas-honest" x="([\d.]+)"', page)[1]) + 5
    stroke = float(re.search(r'ik-atlas-cured" x1="([\d.]+)"', page)[1])
    scores = [float(row[name].iloc[0]) for name in ("apparent", "honest", "cured_apparent")]
    assert np.argsort([dot, square, stroke]).tolist() == np.argsort(scores).tolist()
    assert {8.0, 124.0} <= {dot, square, stroke}


def test_the_file_holds_the_same_rows(table):
    told = re.search(r'href="data:text/csv;base64,([^"]+)"', shown(table))[1]
    back = pd.read_csv(io.BytesIO(base64.b64decode(told)))
    assert back["id"].tolist() == SOME and list(back) == list(table)
    assert np.allclose(back["optimism"], table["optimism"], atol=1e-6)


def test_no_text_breaks_out(table):
    bad = table.assign(title=HOSTILE, symptom=HOSTILE, caught_by=HOSTILE, metric=HOSTILE)
    bad = bad.assign(kind=HOSTILE, step=HOSTILE, knob=HOSTILE, unit=HOSTILE, design=HOSTILE)
    page = inside(shown(bad))
    assert (
        "<script" not in page
        and "<b onclick" not in page
        and "49" not in re.sub(r"base64,\S+", "", page).replace(".49", "")
    )
    assert page.count("<li ") == page.count("</li>") == len(table)


def test_a_link_that_leads_out_of_the_book_is_refused(table):
    links = dict.fromkeys(table["page"], "https://elsewhere.example/page.ipynb")
    with pytest.raises(ValueError, match="no link to a page of this book"):
        atlas(table, title="All", links=links)


@pytest.mark.parametrize("rows", [0, 2])
def test_a_table_without_rows_or_a_page_without_a_link_is_refused(table, rows):
    with pytest.raises(ValueError, match="a link for each page"):
        atlas(table[:rows], title="All", links={})


def test_the_script_is_constant_and_parses_no_markup(table):
    one, two = (shown(part.reset_index(drop=True)) for part in (table, table[:2]))
    scripts = [re.findall(r"<script>(.*?)</script>", page, flags=re.S) for page in (one, two)]
    assert scripts[0] == scripts[1] and len(scripts[0]) == 1
    for forbidden in ("</", "<!--", "innerHTML", "eval(", "document.write", "http"):
        assert forbidden not in scripts[0][0]


def test_each_chapter_names_its_pages_and_counts_what_was_tried_there():
    rows = catalogue(SOME)
    page = shelves(rows, title="All", seen_from="intro").data
    for chapter, pages in contents.chapters().items():
        assert f"<bdi>{chapter}</bdi>" in page
        for name in pages:
            assert f'href="{contents.link(name, seen_from="intro")}"' in page
    part = page.partition("<bdi>Applications</bdi>")[2].partition("<bdi>Resources</bdi>")[0]
    better = int((rows.query("id == 'accepted-only'")["flawed"] == "positive").sum())
    assert f"Illusions tried: 1. Scores that look better than they are: {better}." in part
    assert page.count("Illusions tried") == 2  # the pipeline holds the other three


def test_a_list_of_nothing_and_a_page_from_nowhere_are_refused(table):
    with pytest.raises(ValueError, match="a list needs rows"):
        shelves(table.iloc[:0], title="All", seen_from="intro")
    with pytest.raises(DataError, match="no page 'nowhere'"):
        shelves(table, title="All", seen_from="nowhere")


def test_a_title_of_chapters_is_escaped(table):
    page = shelves(table, title=HOSTILE, seen_from="intro").data
    assert "<script>alert" not in page and "onclick=x>" not in page.replace("onclick=x&gt;", "")
