"""The audit: what it finds in tables with known flaws, what it says, and what it can't read."""

import gzip
import json
import re
import subprocess
import sys
import tracemalloc
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from illusionkit.audit import audit, copies, inject, near, predictions, quick, read_table, sketches
from illusionkit.audit.finding import Finding
from illusionkit.audit.roles import classes, roles
from illusionkit.data import corpora, duplicates
from illusionkit.errors import DataError

WORDS = (
    "the", "a", "film", "plot", "actor", "scene", "music", "slow", "bright", "dull", "long",
    "end", "light", "story", "joke", "heart", "city",
)  # fmt: skip
GOOD, BAD = ("wonderful", "moving", "clever"), ("dreadful", "boring", "clumsy")


def reviews(size, seed=0, words=12):
    """Return made-up reviews: one word of twelve tells the label, the others are dealt by lot."""
    rng = np.random.default_rng(seed)
    label = rng.integers(2, size=size)
    texts = []
    for each in label:
        told = [*rng.choice(WORDS, words), rng.choice(GOOD if each else BAD)]
        texts.append(" ".join([*rng.permutation(told), f"number {rng.integers(10**9)}"]))
    return pd.DataFrame({"text": texts, "label": label})


def of(report, check):
    return [finding for finding in report.findings if finding.check == check]


# Files.


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_a_csv_keeps_every_digit_and_only_a_blank_is_missing(tmp_path, end, bom):
    lines = ["id,code,word,share", "9007199254740993,007,NA,1.5", ",010,null,", "5,1,,-2e3", ""]
    path = tmp_path / "a.csv"
    path.write_bytes((bom + end.join(lines)).encode())
    table = read_table(path).table
    assert table["id"].tolist() == [9007199254740993, pd.NA, 5]
    assert table["code"].tolist() == ["007", "010", "1"]
    assert table["word"].tolist()[:2] == ["NA", "null"]
    assert table["word"].isna().tolist() == [False, False, True]
    assert (
        table["share"].tolist()[0] == 1.5
        and np.isnan(table["share"][1])
        and table["share"][2] == -2000
    )


def test_what_is_no_utf_8_is_read_and_said(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes("text\tlabel\ncaf\xe9\t1\n".encode("latin-1"))
    loaded = read_table(path)
    assert loaded.table["text"][0] == "café" and "latin-1" in loaded.notes[0]


def test_lines_of_json_and_packed_files_are_read(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    rows = [{"id": 2**60 + 1, "tags": ["x"]}, {"id": None, "word": "b"}]
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    table = read_table(path).table
    assert list(table) == ["id", "tags", "word"] and table["id"][0] == 2**60 + 1
    reviews(20).to_parquet(tmp_path / "a.parquet")
    assert len(read_table(tmp_path / "a.parquet").table) == 20


@pytest.mark.parametrize(
    ("name", "raw", "says"),
    [
        ("a.xlsx", b"", "of no kind"),
        ("a.csv.gz", b"no gzip", "not packed as its name says"),
        ("a.csv", b"", "a.csv is no csv table"),
        ("a.csv", b"x,y\n", "holds no row"),
        ("a.csv", b"x,x\n1,2\n", "two columns are called 'x'"),
        ("a.csv", b"x,y\n1,2,3,4\n5,6\n7,8,9,0,1\n", "a.csv is no csv table"),
        ("a.jsonl", b"{}\n[1]\n", "no object"),
        ("a.jsonl", b"{", "a.jsonl is no jsonl table"),
        ("a.parquet", b"PAR1", "a.parquet is no parquet table"),
    ],
)
def test_what_can_not_be_read_is_said(tmp_path, name, raw, says):
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(DataError, match=says):
        read_table(tmp_path / name)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(DataError, match="can't be read"):
        read_table(tmp_path / "a.csv")


# Labels and roles.


@pytest.mark.parametrize(
    ("labels", "names", "numbers"),
    [
        (["1", "0", "1"], ["0", "1"], [1, 0, 1]),
        (["1.0", "0.0", "1.0"], ["0", "1"], [1, 0, 1]),
        ([True, False, True], ["False", "True"], [1, 0, 1]),
        (pd.Categorical(["b", "a", "b"]), ["a", "b"], [1, 0, 1]),
        ([1, 3, 5], ["1", "3", "5"], [0, 1, 2]),
        (["10", "9", "10"], ["9", "10"], [1, 0, 1]),
    ],
)
def test_labels_of_any_kind_become_classes_in_order(labels, names, numbers):
    found, (made,) = classes(pd.Series(labels))
    assert found == names and made.tolist() == numbers


def test_a_continuous_label_is_cut_at_its_median():
    found, (made,) = classes(pd.Series(np.arange(100.0)))
    assert found == ["up to 49.5", "above 49.5"] and made.sum() == 50


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([1, None, 0], "1 of 3 labels"),
        ([-1, 0, 1, -1], "2 of 4 labels"),
        (["", "a", "b"], "1 of 3 labels"),
        ([1, 1], "one label"),
        ([[1], [2]], "is a list"),
    ],
)
def test_what_is_no_label_is_said(labels, says):
    with pytest.raises(DataError, match=says):
        classes(pd.Series(labels))


def test_columns_are_guessed_by_name_and_by_what_they_hold():
    table = reviews(40).assign(user_id=np.arange(40) // 4, day=pd.Timestamp("2020-01-01"), n=1.5)
    found = roles(table.rename(columns={"label": "stars", "text": "said", "day": "date"}), {})
    assert (found.label, found.text, found.group, found.time) == (
        "stars",
        "said",
        "user_id",
        "date",
    )
    assert found.guessed == ("label", "text", "group", "time")
    with pytest.raises(DataError, match="no column 'x' \\(group\\)"):
        roles(table, {"group": "x"})
    with pytest.raises(DataError, match="Which column is the label"):
        roles(table[["text", "n"]], {})


# Findings.


def test_copies_are_found_and_what_they_are_worth():
    train, test = reviews(400), reviews(200, seed=1)
    rng = np.random.default_rng(2)
    test["label"] = rng.integers(2, size=200)  # nothing can be known of them, but by heart
    leaked = pd.concat([train, *[test.iloc[:100]] * 3])
    (found,) = of(audit(leaked, test, checks=["copies"]), "copies")
    assert found.share == 0.5 and found.rows.tolist() == [True] * 100 + [False] * 100
    assert found.worth is not None and found.worth.low > 0.1 and found.severity == "high"


def test_near_and_embedded_copies_are_told_apart():
    train, test = reviews(300), reviews(60, seed=1)
    typed = test["text"][0].replace("number", "nmuber")
    inside = f"{train['text'][0]} {test['text'][1]} {train['text'][1]} {train['text'][2]}"
    more = pd.DataFrame({"text": [typed, inside], "label": [0, 1]})
    report = audit(pd.concat([train, more]), test, checks=["copies"])
    assert np.flatnonzero(of(report, "near copies")[0].rows).tolist() == [0]
    assert np.flatnonzero(of(report, "embedded copies")[0].rows).tolist() == [1]


def test_equal_texts_under_two_labels_are_found():
    train, test = reviews(100), reviews(50, seed=1)
    again = train.iloc[:5].assign(label=1 - train["label"][:5])
    (found,) = of(
        audit(pd.concat([train, again]), test, checks=["conflicts"]), "conflicting labels"
    )
    assert found.seen.startswith("10 of 155") and found.severity == "medium"


def test_units_on_both_sides_are_worth_what_grouped_folds_say():
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(120), 5)
    taste = rng.integers(2, size=120)[user]
    table = reviews(600).assign(label=taste, user=user, habit=[f"habit {u}" for u in user])
    (found,) = of(audit(table, group="user", checks=["groups"]), "units on both sides")
    assert found.share > 0.9 and found.worth.low > 0.2 and found.severity == "high"
    apart = audit(table[user < 100], table[user >= 100], group="user", checks=["groups"])
    assert not apart.findings


def test_training_rows_from_later_are_found_and_a_tie_is_none():
    table = reviews(300).assign(date=pd.date_range("2020-01-01", periods=300))
    (found,) = audit(table.iloc[::2], table.iloc[1::2], time="date", checks=["order"]).findings
    assert found.check == "training rows from later" and found.severity != "high"
    assert not audit(table[:200], table[200:], time="date", checks=["order"]).findings
    tied = table.assign(date="2020-01-01")
    (tie,) = audit(tied[:200], tied[200:], time="date", checks=["order"]).findings
    assert tie.severity == "note" and "a tie" in tie.seen and tie.share == 1


def test_a_column_that_gives_the_label_away_is_found_and_its_worth():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=600), "label": rng.integers(2, size=600)})
    late = table["label"] * 2.0 + rng.normal(size=600) * 0.1
    gone = np.where(table["x"] > 1, 1.0, np.nan)
    table = table.assign(late=late, one="x", ident=[f"row {k}" for k in range(600)], gone=gone)
    report = audit(table, label="label", checks=["columns"])
    (away,) = of(report, "gives the label away")
    assert "'late'" in away.seen and away.worth.value > 0.4 and away.severity == "high"
    assert "'one'" in of(report, "constant column")[0].seen
    assert "'ident'" in of(report, "id column")[0].seen
    assert "'gone'" in of(report, "missing column")[0].seen


def test_two_worlds_are_told_apart_and_one_is_not():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=800), "kind": rng.choice(list("abc"), 800),
                          "label": rng.integers(2, size=800)})  # fmt: skip
    moved = table[400:].assign(x=table["x"] + 2, kind="new")
    (found,) = audit(table[:400], moved, checks=["worlds"], label="label").findings
    assert found.severity == "high" and "'x'" in found.seen and "100% in new ones" in found.seen
    dealt = (table.sample(frac=1, random_state=k) for k in range(10))
    assert sum(bool(audit(t, label="label", checks=["worlds"]).findings) for t in dealt) <= 2


def test_the_constant_answer_and_a_class_that_is_not_tested():
    train = pd.DataFrame({"x": np.arange(100.0), "label": ["a"] * 80 + ["b"] * 15 + ["c"] * 5})
    report = audit(train, train[:90], label="label", checks=["constant"])
    assert "Always 'a' is right in 88.9%" in report.findings[0].seen + report.findings[1].seen
    assert "1 classes have no test row: 'c'" in of(report, "class without a test row")[0].seen


def test_suspicious_labels_say_how_often_a_flag_is_right():
    table = reviews(600)
    wrong = np.arange(30)
    table.loc[wrong, "label"] = 1 - table.loc[wrong, "label"]
    (found,) = audit(table, checks=["doubt"]).findings
    assert 0.03 < found.share < 0.1
    told = re.search(r"Once 30 more .* (\d+)% of those .* at least (\d+)% were right", found.seen)
    assert told and int(told[1]) > 60 and 25 < int(told[2]) < 75


def test_a_copy_or_two_among_many_rows_are_no_matter_of_weight():
    table = reviews(400)
    for number, severity in ((1, "low"), (3, "medium")):
        test = pd.concat([table[300:], table[:number]])
        found = of(audit(table[:300], test, checks=["copies"]), "copies")[0]
        assert found.worth is None and found.severity == severity


def test_the_size_of_the_test_is_counted_in_units():
    table = reviews(400).assign(user=np.arange(400) // 40)
    (found,) = audit(table[:200], table[200:], group="user", checks=["size"]).findings
    assert found.seen.startswith("200 test rows of 5 units")


def test_predictions_are_scored_and_the_worst_group_is_chosen_on_one_half():
    rng = np.random.default_rng(0)
    table = reviews(1200).assign(town=rng.choice(["x", "y"], 1200))
    wrong = (table["town"] == "y") & (rng.random(1200) < 0.5)
    table["said"] = np.where(wrong, 1 - table["label"], table["label"])
    report = audit(table[:300], table[300:], prediction="said", checks=["given"])
    (worst,) = of(report, "worst group")
    assert worst.values == ("y",) and worst.worth.low > 0.1
    blank = table.assign(said=table["said"].astype(object).where(table.index != 500))
    assert (
        "1 predictions are missing"
        in audit(table[:300], blank[300:], prediction="said", checks=["given"]).findings[0].seen
    )


def test_the_estimate_is_the_difference_of_two_means():
    first, second = np.array([1.0, 1, 0, np.nan]), np.array([0.0, 0, np.nan, 1])
    found = quick.difference(first, second, np.arange(4))
    assert found.value == pytest.approx(2 / 3 - 1 / 3) and found.low < found.value < found.high


@pytest.mark.parametrize(
    ("value", "low", "high", "severity"),
    [(0.06, 0.01, 0.1, "high"), (0.03, 0.01, 0.1, "medium"), (0.01, 0.005, 0.02, "low"),
     (0.06, -0.01, 0.1, "note"), (-0.06, -0.1, -0.01, "high")],
)  # fmt: skip
def test_severity_comes_from_what_is_measured_and_sure(value, low, high, severity):
    assert Finding("c", "s", "t", "p", worth=quick.Estimate(value, low, high)).severity == severity


@pytest.fixture(scope="module")
def films():
    """Return sentences of film reviews, of forty signs and more, each once."""
    table = corpora.movie_reviews()[["text", "label"]]
    return table[table["text"].str.len() >= 40].sample(1500, random_state=0, ignore_index=True)


def test_the_quick_way_to_near_copies_agrees_with_the_plain_one(films):
    rng = np.random.default_rng(0)
    texts = [*films["text"], *(sketches.mistyped(text, rng, 8) for text in films["text"][:400])]
    texts += ["", "ab", " ".join(films["text"][5:8]), "\ud800 lone surrogate, and 👍 after it"]
    keys = list(dict.fromkeys(duplicates.normalise(text) for text in texts))
    keys = [keys[k] for k in rng.permutation(len(keys))]
    pieces, first = near.Pieces.of(keys), 1200
    touched = near.touched(pieces, first)
    assert touched.tolist() == duplicates.overlap(keys[:first], keys[first:]).tolist()
    assert 50 < touched.sum() < len(touched) - 50
    inside = near.inside(pieces, first)
    assert inside.tolist() == duplicates.contained(keys[:first], keys[first:]).tolist()
    whole = pd.factorize(near.links(pieces).components(len(keys)))[0]
    assert whole.tolist() == duplicates.components(keys).tolist()


def test_only_links_that_hold_nothing_together_are_dropped(monkeypatch):
    words = [f"word{n}" for n in range(60)]
    pieces = near.Pieces.of(["".join(words[n : n + 30]) for n in range(30)])
    every = near.links(pieces)
    monkeypatch.setattr(near, "MOST_LINKS", 10)
    monkeypatch.setattr(near, "BLOCK", 4)
    few = near.links(pieces)
    assert len(few.left) < len(every.left) and set(few.components(30)) == {0}
    assert few.strongest(30).share.min() == pytest.approx(every.strongest(30).share.min())


def test_thirty_windows_hang_together_and_their_weakest_link_is_said():
    words = [f"word{n}" for n in range(60)]
    table = pd.DataFrame({"text": [" ".join(words[n : n + 30]) for n in range(30)]})
    table = pd.concat([table, reviews(40)[["text"]]], ignore_index=True)
    table = table.assign(label=np.arange(70) % 2)
    (found,) = of(audit(table[::2], table[1::2], checks=["copies"]), "near copies of each other")
    windows = ["".join(words[n : n + 30]) for n in range(30)]
    grams = [{each[k : k + 5] for k in range(len(each) - 4)} for each in windows]
    weakest = min(len(a & b) / len(a | b) for a, b in pairwise(grams))
    assert f"30 hang together, their weakest link shares {weakest:.0%}" in found.seen
    assert found.share == pytest.approx(30 / 70)


def plain_sketch(pieces, ends):
    """Return sketches as a library makes them, in plain numpy."""
    by = np.random.default_rng(0).integers(1, 2**63, sketches.ORDERS, dtype=np.uint64) | np.uint64(
        1
    )
    parts = [pieces[a:b] for a, b in zip(ends[:-1].astype(int), ends[1:].astype(int), strict=True)]
    return np.array([(part[:, None] * by).min(axis=0) if len(part) else by for part in parts])


def test_what_sketches_find_is_near_and_what_they_miss_is_measured(films):
    rng = np.random.default_rng(1)
    known = [duplicates.normalise(text) for text in films["text"]]
    asked = [sketches.mistyped(text, rng, 2) for text in known[:300]] + known[1000:1100]
    known = known[:1000]
    found = sketches.touched(known, asked, sketch=plain_sketch)
    exact = duplicates.overlap(known, asked)
    assert not (found.hit & ~exact).any() and found.hit[exact].mean() > 0.95
    assert 0.9 < found.recall <= 1 and found.planted > 300


def test_without_the_library_the_report_says_what_to_install(monkeypatch):
    monkeypatch.setattr(copies, "MOST_TEXTS", 100)
    monkeypatch.setattr(sketches, "is_there", lambda: False)
    train, test = reviews(200), reviews(60, seed=1)
    train.loc[0, "text"] = test["text"][0].replace("number", "numbre")
    report = audit(train, test, checks=["copies"])
    assert not of(report, "near copies") and "pip install rensa" in report.text()
    monkeypatch.setattr(sketches, "is_there", lambda: True)
    monkeypatch.setattr(sketches, "_sketch", plain_sketch)
    (found,) = of(audit(train, test, checks=["copies"]), "near copies")
    assert found.rows.tolist() == [True] + [False] * 59 and "planted" in found.seen


def test_exact_copies_are_all_found_and_near_ones_nearly(films):
    found = inject(films[:1200], films[1200:].reset_index(drop=True), seed=5)
    recall = found.set_index("flaw")["recall"]
    assert (recall[["copies", "conflicting labels"]] == 1).all()
    assert recall["near copies"].min() >= 0.9 and recall["embedded copies"].min() >= 0.9
    assert found["others"].max() == 0
    loud = films[:1200].assign(text=films["text"][:1200].str.upper())
    same = audit(loud, films[:1200], checks=["copies"], worth=False)
    assert of(same, "copies")[0].share == 1  # a change of case is no change


def predicted(size=2000, slope=1.0):
    """Return rows whose label is "ill" with chance p, and q, which is that much surer."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=size) - 1
    p, q = (1 / (1 + np.exp(-by * z)) for by in (1, slope))
    return pd.DataFrame({"z": z, "label": np.where(rng.random(size) < p, "ill", "fit"),
                         "p": p, "q": q})  # fmt: skip


def test_a_model_that_says_what_is_so_is_calibrated_and_one_that_shouts_is_not():
    table = predicted(slope=3)
    calm, loud = (
        of(audit(table[:500].drop(columns=other), table[500:].drop(columns=other), label="label",
                 prediction=name, checks=["given"]), "calibration")[0]
        for name, other in (("p", "q"), ("q", "p"))
    )  # fmt: skip
    assert calm.severity == "note" and calm.share == pytest.approx(calm.chance, abs=0.015)
    assert calm.chance > 0.005  # a calibrated model's binned error is not 0
    assert loud.severity == "high" and loud.share > 5 * loud.chance


def test_a_probability_a_class_says_the_same_as_one_of_the_second():
    table = predicted().assign(c_ill=lambda t: t["p"], c_fit=lambda t: 1 - t["p"])
    one, two = (
        audit(table[:500], table[500:], label="label", prediction=name, checks=["given"]).findings
        for name in ("c", "p")
    )
    assert [(f.check, f.seen) for f in one] == [(f.check, f.seen) for f in two]
    assert {f.check for f in one} == {"predictions", "calibration"}
    whole = audit(table, label="label", prediction="c", checks=["columns"])
    assert not any("c_ill" in finding.seen for finding in whole.findings)
    with pytest.raises(DataError, match="do not add up to 1"):
        audit(table.assign(c_ill=0.9), label="label", prediction="c", checks=["given"])


def test_the_threshold_in_money_is_what_the_costs_say():
    table = predicted(4000).drop(columns="q")
    train, test = table[:1000], table[1000:].reset_index(drop=True)
    report = audit(train, test, label="label", prediction="p", cost_ratio=6, checks=["given"])
    (found,) = of(report, "threshold in money")
    ill, called = (test["label"] == "ill").to_numpy(), (test["p"] >= 0.5).to_numpy()
    half = 1000 * (6 * (ill & ~called) + 1 * (~ill & called)).mean()
    all_ill = 1000 * (~ill).mean()
    assert f"cost {half:,.0f} (" in found.seen and f"{all_ill:,.0f} (" in found.seen
    assert "calling every row 'ill'" in found.seen and "threshold would be 0.14" in found.seen
    assert (
        "no --cost-ratio"
        in audit(train, test, label="label", prediction="p", checks=["given"]).text()
    )
    with pytest.raises(DataError, match="positive number"):
        audit(table, label="label", cost_ratio=0)


@pytest.mark.parametrize(
    ("chance", "truth", "ratio", "least"),
    [
        ([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0], 1, 0.8),
        ([0.9, 0.8, 0.2, 0.1], [1, 0, 1, 0], 9, 0.2),
        ([0.9, 0.8, 0.2, 0.1], [0, 0, 0, 0], 9, np.inf),
        ([0.5, 0.5, 0.5], [1, 0, 0], 1, np.inf),  # equal chances go together
        ([0.5, 0.5, 0.5], [1, 0, 0], 3, 0.5),
    ],
)
def test_the_cheapest_threshold(chance, truth, ratio, least):
    assert predictions.cheapest(np.array(chance), np.array(truth), ratio) == least


def test_what_is_no_probability_is_said():
    table = predicted().assign(c_ill=1.5, c_fit=-0.5)
    with pytest.raises(DataError, match="probabilities are no numbers between 0 and 1"):
        audit(table, label="label", prediction="c", checks=["given"])


def test_one_class_in_the_test_leaves_rankings_undefined():
    train = reviews(100)
    test = train[train["label"] == 1]
    (found,) = of(audit(train, test, checks=["constant"]), "class without a test row")
    assert "AUC" in found.todo and found.severity == "medium"


def test_a_column_says_which_rows_are_tested():
    table = reviews(300).assign(part=np.repeat([" Train", "TEST", "spare"], 100))
    report = audit(table, split="part", checks=["size"])
    assert report.rows == (100, 100) and "100 rows are of neither side" in report.text()
    with pytest.raises(DataError, match="give one of the two"):
        audit(table, table, split="part")
    with pytest.raises(DataError, match="no column 'side'"):
        audit(table, split="side")
    with pytest.raises(DataError, match="No row of 'part' says 'test'"):
        audit(table[:100], split="part")


def test_a_scan_measures_no_worth_and_says_so():
    train, test = reviews(400), reviews(200, seed=1)
    leaked = pd.concat([train, test[:100]]).assign(user=1)
    report = audit(leaked, test.assign(user=1), group="user", worth=False)
    assert of(report, "copies") and of(report, "units on both sides")
    assert all(finding.worth is None for finding in report.findings)
    assert "what a finding is worth" in report.text()


def test_ids_beyond_floats_are_units_of_their_own(tmp_path):
    first, rows = 2**53, []
    for k in range(60):
        rows.append(f"{first + k // 2 if k else ''},{k % 7},{k % 2}")
    (tmp_path / "a.csv").write_text("\ufeffuser,x,label\r\n" + "\r\n".join(rows), encoding="utf-8")
    table = read_table(tmp_path / "a.csv").table
    report = audit(table[:30], table[30:], label="label", group="user", checks=["groups", "size"])
    assert not of(report, "units on both sides")
    assert "30 test rows of 15 units" in of(report, "size of the test")[0].seen


def test_six_columns_of_a_thousand_categories_stay_small():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({f"c{k}": rng.integers(1000, size=20_000).astype(str) for k in range(6)})
    table["label"] = rng.integers(2, size=20_000)
    audit(table[:300], label="label")
    tracemalloc.start()
    audit(table, label="label")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6


# The report, and flaws that are planted.


def test_no_value_is_shown_unless_asked_and_none_becomes_markup():
    hostile = "<script>alert(1)</script> and a few more words, so that it is a text"
    train, test = reviews(100), reviews(50, seed=1)
    train.loc[0, "text"] = test.loc[0, "text"] = hostile
    report = audit(train, test, checks=["copies"])
    assert "alert" not in report.text() + report.json() + report.html()
    assert "alert" in report.text(show=1) and "<script" not in report.html(show=1)
    assert "alert" in report.html(show=1)
    assert {"severity", "worth", "todo"} <= set(report.table)


def test_it_never_says_clean_and_says_what_it_can_not_see():
    report = audit(reviews(300), reviews(200, seed=1), checks=["copies", "conflicts"])
    assert not report.findings and "clean" not in report.text()
    assert "paraphrases" in report.text() and "no group was named" in report.text()


def test_planted_copies_are_found_and_no_others():
    found = inject(reviews(400), reviews(200, seed=1), seed=3).set_index(["flaw", "dose"])
    assert set(found.index.get_level_values(0)) == {
        "copies", "near copies", "embedded copies", "conflicting labels"
    }  # fmt: skip
    assert (found.loc[["copies", "conflicting labels"], "recall"] == 1).all()
    assert (found.loc["near copies", "recall"] >= 0.9).all()
    assert (found.loc["embedded copies", "recall"] >= 0.9).all()
    assert (found["others"] == 0).all() and (found["before"] == 0).all()


def test_lists_in_cells_are_compared_as_values():
    table = reviews(100).assign(tags=[["a", k % 7] for k in range(100)])
    again = pd.concat([table[["tags", "label"]].iloc[:50]] * 2)
    (found,) = of(
        audit(again, table[["tags", "label"]].iloc[:50], label="label", checks=["copies"]), "copies"
    )
    assert found.share == 1


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        (([1, 2], None), "takes tables"),
        ((reviews(8), reviews(1000)), "training table has 8 rows"),
        ((reviews(50), reviews(50)[["text"]]), "no column 'label'"),
    ],
)
def test_what_can_not_be_audited_is_said(tables, says):
    with pytest.raises(DataError, match=says):
        audit(*tables)


def test_the_command_line_tells_by_its_status(tmp_path):
    train, test = reviews(200), reviews(80, seed=1)
    train.to_csv(tmp_path / "train.csv", index=False)
    pd.concat([test, train[:60]]).to_csv(tmp_path / "test.csv", index=False)

    def call(*arguments):
        command = [sys.executable, "-m", "illusionkit", "audit", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    done = call("train.csv", "test.csv", "--label", "label", "--json", "--html", "report.html")
    told = json.loads(done.stdout)
    assert {f["check"] for f in told["findings"]} >= {
        "copies",
        "constant answer",
        "size of the test",
    }
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>") and len(page) < 10**6
    assert not re.search(r"(src|href)=", page)
    severe = [f for f in told["findings"] if f["severity"] in ("medium", "high")]
    assert done.returncode == int(bool(severe))
    assert call("train.csv", "test.csv", "--fail-on", "never").returncode == 0
    wrong = call("train.csv", "--label", "nobody")
    assert (wrong.returncode, wrong.stdout) == (2, "") and "no column 'nobody'" in wrong.stderr


def test_what_is_done_to_the_tables_before_is_said():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=200), "amount": rng.permutation(200)})
    test = table[150:].assign(review="no", source=np.arange(50))
    report = audit(table[:150], test, label="amount")
    assert "Left out: 2 columns of the test table that training lacks ('review'" in report.text()
    assert "'amount' holds more than 50 different numbers: it is cut at its median" in report.text()
    assert "up to 99.5 and above 99.5" in report.html()
    assert len(json.loads(report.json())["notes"]) == 2
    assert not {"two worlds", "missing column"} & {finding.check for finding in report.findings}


def test_a_folded_finding_says_what_was_seen():
    table = pd.DataFrame({"x": range(60), "k": ["<b>"] * 60, "y": [0, 1] * 30})
    page = audit(table, label="y").html()
    assert re.search(r"<details><summary><b>note</b> · constant column: .*?holds one value", page)
