"""`explore`: what it refuses, what it shows, and that no text can break out of it."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from illusionkit import language
from illusionkit.interactive import chart, widget
from illusionkit.interactive.explorer import explore

DOSES = (0.0, 0.25, 0.5, 1.0)
HOSTILE = (
    "</script><!-- <script>alert(1)</script> \"'> \u202e\u2028\u2029\x00 {n} <!--/measured-->"
    " <b onclick=x>"
)


def cells(arms=("flawed", "cured"), doses=DOSES):
    """Return a table of cells shaped like an experiment's."""
    rows = []
    for number, arm in enumerate(arms):
        for dose in doses:
            apparent, honest = 0.85 + 0.13 * dose * (not number), 0.85 - 0.01 * dose
            row = {"arm": arm, "dose": dose, "apparent": apparent, "honest": honest}
            row["optimism"] = apparent - honest
            for name, half in (("apparent", 0.008), ("honest", 0.01), ("optimism", 0.006)):
                row |= {f"{name}_lo": row[name] - half, f"{name}_hi": row[name] + half}
            rows.append({**row, "n_units": 1800, "n_seeds": 10})
    return pd.DataFrame(rows)


def shown(table=None, **changes):
    """Return the HTML of a figure."""
    asked = {"knob": "dose", "by": "arm", "title": "Copies flatter", "alt": "Two curves."} | changes
    return explore(cells() if table is None else table, **asked).data


def data_of(page):
    """Return the JSON that the page's script reads."""
    found = re.search(r'<script type="application/json">(.*?)</script>', page, flags=re.S)
    return json.loads(found[1])


class Tags(HTMLParser):
    """Collects tags, attributes and text as a browser would see them."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data):
        self.text += data


def outside(page):
    """Return the page without what stands between the markers."""
    return re.sub(r"<!--measured-->.*?<!--/measured-->", "", page, flags=re.S)


def test_the_first_frame_says_the_numbers_without_a_script():
    text = Tags(re.sub(r"<(script|style).*?</\1>", "", shown(start=0.5), flags=re.S)).text
    for said in ("0.915", "0.845", "+0.070", "0.907 to 0.923", "0.064 to 0.076", "Copies flatter"):
        assert said in text


def test_the_table_holds_every_row():
    page = shown()
    body = page[page.index("<tbody>") : page.index("</tbody>")]
    assert body.count("<tr>") == 8
    assert Tags(body).text.count("Cured") == 4


def test_same_bytes_every_time():
    assert shown() == shown()


def test_what_is_measured_stands_between_the_markers():
    other = cells()
    other[["apparent", "apparent_lo", "apparent_hi"]] += 0.0371
    first, second = shown(), shown(other)
    assert first.count("<!--measured-->") == first.count("<!--/measured-->") == 1
    assert first != second
    assert outside(first) == outside(second)


def test_one_constant_script_and_style_in_every_output():
    pages = [shown(), shown(cells(arms=("a",)), title="Other", start=1)]
    scripts = [re.findall(r"<script>.*?</script>", page, flags=re.S) for page in pages]
    styles = [re.findall(r"<style>.*?</style>", page, flags=re.S) for page in pages]
    assert scripts[0] == scripts[1] and len(scripts[0]) == 1
    assert styles[0] == styles[1] and len(styles[0]) == 1


def test_the_constant_script_cannot_end_early_nor_parse_markup():
    source = widget.script().removeprefix("<script>").removesuffix("</script>")
    for forbidden in ("</", "<!--", "<script", "innerHTML", "eval(", "document.write", "http"):
        assert forbidden not in source


def test_nothing_inline_and_nothing_from_outside():
    parsed = Tags(shown())
    assert not [a for a in parsed.attributes if a[1].startswith("on") or a[1] in ("style", "id")]
    assert not [a for a in parsed.attributes if a[1] in ("src", "href", "srcset", "action")]
    assert "url(" not in shown() and "@import" not in shown()


def test_small_enough():
    assert len(shown().encode()) < 60_000


def test_every_input_keeps_its_keys_to_itself_in_jupyterlab():
    page = shown()
    inputs = re.findall(r"<input[^>]*>", page)
    assert len(inputs) == 3
    assert all('data-lm-suppress-shortcuts="true"' in tag for tag in inputs)


def test_doses_are_sorted_and_groups_keep_their_order():
    page = shown(cells(arms=("zeta", "alpha")).iloc[::-1])
    data = data_of(page)
    assert [row["arm"] for row in data["table"]] == ["alpha"] * 4 + ["zeta"] * 4
    assert [row["dose"] for row in data["table"][:4]] == list(DOSES)
    assert data["arms"][0]["doses"] == ["0", "0.25", "0.5", "1"]


def test_one_single_dose_works():
    data = data_of(shown(cells(arms=("flawed",), doses=(0.5,))))
    assert data["arms"][0]["x"] == [50.0]


def test_equal_scores_and_no_intervals_work():
    table = pd.DataFrame({"dose": [0, 1], "apparent": [0.7, 0.7], "honest": [0.7, 0.7]})
    data = data_of(shown(table, by=None))
    assert data["arms"][0]["says"][0] == ["0.700", "", "0.700", "", "0.000", ""]
    assert len({tuple(six) for six in data["arms"][0]["y"]}) == 1


def test_each_group_may_have_doses_of_its_own():
    table = cells()
    table = table[(table["arm"] == "flawed") | (table["dose"] == 0.5)]
    data = data_of(shown(table))
    assert [arm["doses"] for arm in data["arms"]] == [["0", "0.25", "0.5", "1"], ["0.5"]]
    assert data["arms"][1]["x"][0] == data["arms"][0]["x"][2]


def test_without_an_optimism_column_the_gap_is_a_plain_difference():
    table = cells().drop(columns=["optimism", "optimism_lo", "optimism_hi"])
    text = Tags(shown(table, start=1)).text
    assert "difference" in text and "+0.140" in text


def test_a_loss_keeps_the_sign_that_the_table_gives():
    table = cells(arms=("flawed",))
    table["optimism"], table["optimism_lo"], table["optimism_hi"] = -0.14, -0.2, -0.1
    assert data_of(shown(table))["arms"][0]["says"][0][4:] == [
        "\u22120.140",
        "\u22120.200 to \u22120.100",
    ]


def test_scores_may_be_renamed():
    text = Tags(shown(scores={"apparent": "Random split", "honest": "New texts"})).text
    assert "Random split" in text and "New texts" in text


def test_unit_and_knob_label_are_said():
    page = shown(unit="of the texts", knob_label="Copied", start=0.25)
    assert 'aria-valuetext="0.25 of the texts"' in page
    assert "Copied" in page


@pytest.mark.parametrize("scale", ["linear", "log", "even"])
def test_scales_ascend_inside_the_plot(scale):
    places = list(chart.dose_scale([1, 3, 10, 1000], scale).values())
    assert places == sorted(places)
    assert places[0] == chart.LEFT and places[-1] == chart.RIGHT
    if scale == "linear":
        assert places[1] < 5
    else:
        assert places[1] > 15


@pytest.mark.parametrize(
    ("low", "high"), [(0.85, 0.99), (0, 1), (-3, 4000), (1e-6, 3e-6), (0.5, 0.5), (0, 0)]
)
def test_few_tidy_ticks_hold_all_values(low, high):
    scale = chart.ScoreScale.around([low, high])
    assert 2 <= len(scale.ticks) <= 7
    assert scale.ticks[0] <= low and scale.ticks[-1] >= high
    assert chart.TOP <= scale.height(high) <= scale.height(low) <= chart.BOTTOM
    assert len({label for _, label in scale.rules()}) == len(scale.ticks)


@pytest.mark.parametrize("pair", [(100, 100), (100, 104), (104, 100), (252, 251), (12, 240)])
def test_curve_names_never_overlap(pair):
    first, second = chart.ends(*pair)
    assert abs(first - second) >= chart.LABEL_GAP - 0.01
    assert max(first, second) <= chart.BOTTOM + 4.01


@pytest.mark.parametrize("y", [[100, 108, 92, 104, 112, 96], [14, 20, 13, 16, 22, 15]])
def test_the_number_of_a_small_gap_stands_clear_of_both_bands(y):
    height = chart.tag_height(y)
    assert height < min(y) - 12 or height > max(y) + 12
    assert chart.TOP <= height <= chart.BOTTOM


def test_the_number_of_a_large_gap_stands_beside_its_middle():
    assert chart.tag_height([20, 30, 10, 120, 130, 110]) == 70


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="honest"), "no column honest; it has: arm, dose"),
        (lambda t: t.drop(columns="arm"), "no column arm"),
        (lambda t: t.iloc[:0], "the table is empty"),
        (lambda t: pd.concat([t, t.iloc[:1]]), "several rows for arm = flawed, dose = 0.0"),
        (
            lambda t: t.assign(honest=np.nan),
            "row 0 of column 'honest' must be a finite number, not nan",
        ),
        (lambda t: t.assign(apparent=np.inf), "column 'apparent' must be a finite number, not inf"),
        (
            lambda t: t.assign(apparent=["x"] * len(t)),
            "column 'apparent' must be a finite number, not 'x'",
        ),
        (lambda t: t.assign(honest_lo=2.0), "does not hold honest in row 0"),
        (lambda t: t.assign(optimism=None), "column 'optimism' must be a finite number, not None"),
    ],
)
def test_a_wrong_table_is_refused(change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        shown(change(cells()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": 0.3}, "start=0.3 is no dose of the first group; its doses: 0, 0.25, 0.5, 1"),
        ({"scores": ("honest",)}, "two scores, not 1"),
        ({"scale": "log"}, "scale='log' needs every dose above 0"),
        ({"scale": "cubic"}, "scale must be"),
        ({"by": None}, "name the column that tells them apart with by="),
    ],
)
def test_a_wrong_request_is_refused(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        shown(**changes)


def test_hostile_text_is_only_text():
    table = cells(arms=(HOSTILE, "cured"))
    page = shown(table, title=HOSTILE, alt=HOSTILE, knob_label=HOSTILE, unit=HOSTILE,
                 score_label=HOSTILE, interval=HOSTILE,
                 scores={"apparent": HOSTILE, "honest": "h"})  # fmt: skip
    parsed = Tags(page)
    assert parsed.tags.count("script") == 2 and page.count("</script>") == 2
    assert parsed.tags.count("b") == 1
    assert not [a for a in parsed.attributes if a[1].startswith("on")]
    assert page.count("<!--") == 2 and page.count("<!--/measured-->") == 1
    assert "\x00" not in page
    data = re.search(r'json">(.*?)</script>', page, flags=re.S)[1]
    assert not set("<>&\u2028\u2029") & set(data)
    assert json.loads(data)["table"][0]["arm"] == HOSTILE


def test_strict_runs_record_the_table(monkeypatch, tmp_path):
    monkeypatch.setenv("ILLUSIONKIT_RECORD", str(tmp_path / "record"))
    monkeypatch.delenv("ILLUSIONKIT_STRICT", raising=False)
    shown()
    assert not (tmp_path / "record").exists()
    monkeypatch.setenv("ILLUSIONKIT_STRICT", "1")
    page = shown(title="How much: do copies flatter?")
    record = json.loads((tmp_path / "record" / "how-much-do-copies-flatter.json").read_text())
    assert record["table"] == data_of(page)["table"]
    assert record["by"] == "arm" and record["knob"] == "dose"


def test_a_second_language_reaches_the_figure(monkeypatch):
    both = {**language.catalogue(), "xx": {"score.honest": "Ehrlich"}}
    monkeypatch.setattr(language, "catalogue", lambda: both)
    assert data_of(shown())["text"]["xx"] == {"score.honest": "Ehrlich"}
    monkeypatch.setenv("ILLUSIONKIT_LANG", "xx")
    text = Tags(shown()).text
    assert "Ehrlich" in text and "Apparent" in text


def test_the_callers_table_stays_as_it_was():
    table = cells()
    before = table.copy()
    shown(table)
    pd.testing.assert_frame_equal(table, before)
