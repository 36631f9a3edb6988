"""The report on a trained model: its scores, their intervals, and where it is not to be trusted."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from illusionkit.audit.trained import FEWEST_UNITS, Trained, gap, judge, share
from illusionkit.data.corpora import product_reviews
from illusionkit.training.own_data import labelled
from illusionkit.training.own_parts import parted


@pytest.fixture(scope="module")
def data():
    """Product reviews whose label is the better half, and a column of two groups."""
    table = product_reviews()[["text", "mean", "document"]].head(1500)
    table["label"] = np.where(table["mean"] > 0, "good", "bad")
    table["shop"] = np.where(table["document"] % 3 == 0, "secret shop", "other shop")
    table["tags"] = [["a", "b"][: k % 3] for k in range(len(table))]
    return labelled(table.drop(columns="mean"))


@pytest.fixture(scope="module")
def parts(data):
    return parted(data, group="document")


def judged(data, parts, chances):
    return judge(data, parts, chances, text="text", model="another", aside=["label", "document"])


def sure_of(labels, classes=2, how=0.95):
    """Return probabilities that put ``how`` on the labels."""
    chances = np.full((len(labels), classes), (1 - how) / (classes - 1))
    chances[np.arange(len(labels)), labels] = how
    return chances


def test_a_model_that_knows_all_is_better_than_both_and_one_that_knows_nothing_is_not(data, parts):
    truth = data.labels[parts.test]
    best = judged(data, parts, sure_of(truth)).plain
    assert best["scores"]["model"]["value"] == 1 and best["scores"]["model"]["low"] < 1
    for name in ("simple", "majority"):
        found = best["differences"][f"model - {name}"]
        assert found["low"] > 0
        assert found["value"] == pytest.approx(1 - best["scores"][name]["value"])
    usual = np.full(len(truth), np.bincount(data.labels[parts.train]).argmax())
    none = judged(data, parts, sure_of(usual))
    assert none.plain["scores"]["model"] == none.plain["scores"]["majority"]
    same = none.plain["differences"]["model - majority"]
    assert same["value"] == 0 and same["low"] < 0 < same["high"]
    assert "That may be chance" in none.text()
    assert none.plain["differences"]["model - simple"]["value"] < 0


def test_a_class_that_is_commoner_in_the_test_is_told(data, parts):
    truth = data.labels[parts.test]
    order = np.concatenate([parts.test[truth == 0], parts.test[truth == 1][:20]])
    assert np.bincount(data.labels[parts.train]).argmax() == 1
    fewer = dataclasses.replace(parts, test=order)
    told = judged(data, fewer, sure_of(data.labels[order]))
    share_of_bad = float((data.labels[order] == 0).mean())
    assert told.plain["majority of the test"] == {"name": "bad", "share": share_of_bad}
    assert f"'bad' is the commonest class, with {share_of_bad:.1%}" in told.text()
    as_before = judged(data, parts, sure_of(truth)).text()
    assert "commonest class" not in as_before


def test_the_simple_learner_beats_the_constant_answer_here(data, parts):
    scores = judged(data, parts, sure_of(data.labels[parts.test])).plain["scores"]
    assert scores["simple"]["value"] > scores["majority"]["value"]


def test_sizes_are_those_of_the_parts(data, parts):
    plain = judged(data, parts, sure_of(data.labels[parts.test])).plain
    assert plain["rows"] == {name: len(getattr(parts, name)) for name in plain["rows"]}
    assert plain["units"]["test"] == len(np.unique(parts.unit[parts.test])) < plain["rows"]["test"]
    assert sum(plain["rows"].values()) == 1500


def test_what_a_random_split_says_too_much_is_measured():
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(120), 5)
    words = [f"w{k}" for k in range(4000)]
    table = pd.DataFrame({
        "text": [f"{' '.join(rng.choice(words, 8))} as number {u} says" for u in user],
        "label": rng.integers(2, size=120)[user], "user": user,
    })  # fmt: skip
    made = labelled(table)
    cut = parted(made, group="user")
    report = judged(made, cut, sure_of(made.labels[cut.test]))
    found = report.plain["splits"]
    assert found["difference"]["low"] > 0.05 and "units that it had met" in report.text()
    assert found["random"]["value"] - found["by unit"]["value"] == pytest.approx(
        found["difference"]["value"]
    )
    alone = dataclasses.replace(cut, unit=np.arange(600))
    report = judged(made, alone, sure_of(made.labels[cut.test]))
    assert report.plain["splits"] is None and "a unit of its own" in report.text()


def test_the_group_that_is_served_worst_is_told_without_its_name(data, parts):
    truth = data.labels[parts.test]
    hidden = (data.table["shop"].iloc[parts.test] == "secret shop").to_numpy()
    report = judged(data, parts, sure_of(np.where(hidden, 1 - truth, truth)))
    assert report.plain["group"]["gap"]["low"] > 0.2
    assert "'shop'" in report.text() and "secret" not in report.text() + report.json()


def test_confidence_is_held_against_accuracy(data, parts):
    truth = data.labels[parts.test]
    rng = np.random.default_rng(0)
    said = np.where(rng.random(len(truth)) < 0.3, 1 - truth, truth)
    found = judged(data, parts, sure_of(said, how=0.95)).plain["confidence"]
    right = float((said == truth).mean())
    assert found["said"] == pytest.approx(0.95) and found["sure"] == 1
    assert found["less right"]["value"] == pytest.approx(0.95 - right)
    assert found["less right"]["low"] > 0.1
    assert found["right where sure"]["value"] == pytest.approx(right)
    fair = judged(data, parts, sure_of(said, how=right)).plain["confidence"]["less right"]
    assert fair["low"] < 0 < fair["high"]


def test_classes_with_few_rows_come_first_and_too_few_units_are_no_share(data):
    table = data.table.copy()
    table.loc[table.index[::100], "label"] = "rare"
    made = labelled(table)
    cut = parted(made, group="document")
    first = judged(made, cut, sure_of(made.labels[cut.test], classes=3)).plain["rare"][0]
    assert first["name"] == "rare" and first["train"] + first["test"] <= 15
    assert first["recall"] is None


def test_the_report_is_the_same_bytes_from_its_json_and_shows_no_text(data, parts):
    report = judged(data, parts, sure_of(data.labels[parts.test]))
    again = Trained(json.loads(report.json()))
    assert again.text() == report.text() and again.json() == report.json()
    assert judged(data, parts, sure_of(data.labels[parts.test])).json() == report.json()
    assert not any(text in report.text() + report.json() for text in data.texts if len(text) > 12)
    assert "clean" not in report.text() and "can't see" in report.text()


# Intervals.


def test_an_interval_over_units_is_wider_than_one_over_rows():
    right = np.repeat(np.random.default_rng(0).integers(2, size=50), 10).astype(float)
    rows, units = (share(right, of) for of in (np.arange(500), np.repeat(np.arange(50), 10)))
    assert rows["value"] == units["value"] == right.mean()
    assert units["high"] - units["low"] > 2 * (rows["high"] - rows["low"])


@pytest.mark.parametrize(("value", "low", "high"), [(1.0, 0.6915, 1.0), (0.0, 0.0, 0.3085)])
def test_ten_units_that_all_say_the_same_leave_room(value, low, high):
    # Clopper and Pearson 1934, 95 %, ten of ten: 0.6915 to 1.
    found = share(np.full(10, value), np.arange(10))
    assert (found["low"], found["high"]) == (
        pytest.approx(low, abs=1e-4),
        pytest.approx(high, abs=1e-4),
    )


def test_few_units_have_no_share():
    right = np.ones(100)
    assert share(right, np.arange(100) % (FEWEST_UNITS - 1)) is None
    assert gap(right, np.full(100, np.nan), np.arange(100)) is None


def test_a_paired_difference_is_surer_than_two_scores():
    rng = np.random.default_rng(0)
    first = rng.integers(2, size=400).astype(float)
    second = np.where(rng.random(400) < 0.05, 0, first)
    paired = gap(first, second, np.arange(400))
    assert paired["low"] > 0
    assert share(first, np.arange(400))["low"] < share(second, np.arange(400))["high"]
