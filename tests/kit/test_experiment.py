"""Experiments: the five designs accept what they allow and refuse every way to break them."""

import dataclasses

import numpy as np
import pytest
import synthetic

from illusionkit.errors import DesignError
from illusionkit.experiment.provenance import provenance
from illusionkit.experiment.reading import (
    ACCURACY,
    DESIGNS,
    Metric,
    Reading,
    Rows,
    check_design,
    nats,
)
from illusionkit.experiment.spec import Experiment, Knob

TRUTH = np.array([0, 1, 0, 1])
UNIT = np.array([10, 11, 12, 13])


def rows(truth=TRUTH, prediction=TRUTH, unit=UNIT):
    return Rows(np.asarray(truth), np.asarray(prediction), np.asarray(unit))


RATE = dataclasses.replace(ACCURACY, rate=True)
GOOD = {
    "same-rows": Reading(1, 0.5, rows(), rows(truth=1 - TRUTH)),
    "paired-models": Reading(1, 0.5, rows(), rows(prediction=1 - TRUTH), train_sizes=(5, 5)),
    "fresh-sample": Reading(1, 0.5, rows(), rows(unit=UNIT + 50), used_units=np.array([1, 2, 10])),
    "two-populations": Reading(1, 0.5, rows(), rows(unit=UNIT + 50)),
    "known-truth": Reading(1, 0.5, rows(), None),
}
BROKEN = [
    ("same-rows", {"honest_rows": None}, "rows behind the honest score"),
    ("same-rows", {"honest_rows": rows(unit=UNIT + 1)}, "the same rows in the same order"),
    ("same-rows", {"honest_rows": rows(unit=UNIT[::-1])}, "the same rows in the same order"),
    ("same-rows", {"honest_rows": rows(TRUTH[:3], TRUTH[:3], UNIT[:3])}, "the same rows"),
    ("paired-models", {"honest_rows": None}, "rows behind the honest score"),
    ("paired-models", {"honest_rows": rows(unit=UNIT + 1)}, "the same test rows"),
    ("paired-models", {"honest_rows": rows(truth=1 - TRUTH)}, "the same test rows"),
    ("paired-models", {"train_sizes": (5, 6)}, r"equal training sizes \(got \(5, 6\)\)"),
    ("paired-models", {"train_sizes": None}, "equal training sizes"),
    ("fresh-sample", {"honest_rows": None}, "rows behind the honest score"),
    ("fresh-sample", {"used_units": None}, "the units that were used"),
    ("fresh-sample", {"used_units": np.array([1, 63])}, r"unused units \(1 were used\)"),
    ("fresh-sample", {"honest_rows": rows(unit=[50, 51, 12, 13])}, r"\(2 were used\)"),
    ("two-populations", {"honest_rows": None}, "rows behind the honest score"),
    ("two-populations", {"honest_rows": rows(truth=[0, 1, 1, 1])}, "equal prevalence"),
    ("two-populations", {"honest_rows": rows(truth=[0, 2, 0, 2])}, "equal prevalence"),
    ("known-truth", {"honest_rows": rows()}, "the honest score is a constant"),
]


def test_every_design_is_tried_here():
    assert set(GOOD) == set(DESIGNS) == {design for design, *_ in BROKEN}


@pytest.mark.parametrize("design", GOOD)
def test_a_well_formed_reading_is_accepted(design):
    check_design(design, ACCURACY, GOOD[design])


@pytest.mark.parametrize(("design", "change", "message"), BROKEN)
def test_a_broken_reading_is_refused(design, change, message):
    broken = dataclasses.replace(GOOD[design], **change)
    with pytest.raises(DesignError, match=f"may not be subtracted: '{design}' needs .*{message}"):
        check_design(design, ACCURACY, broken)


def test_the_experiment_itself_refuses_a_broken_reading():
    broken = dataclasses.replace(GOOD["paired-models"], train_sizes=(5, 6))
    trial = synthetic.experiment(run=lambda dose, seed, arm, part: broken)
    with pytest.raises(DesignError, match="equal training sizes"):
        trial.read()


def test_a_rate_may_be_compared_across_populations_of_any_prevalence():
    uneven = dataclasses.replace(GOOD["two-populations"], honest_rows=rows(truth=[0, 1, 1, 1]))
    check_design("two-populations", RATE, uneven)
    with pytest.raises(DesignError, match="or a metric that is a rate"):
        check_design("two-populations", ACCURACY, uneven)


def test_texts_as_units_and_classes_are_as_good_as_numbers():
    names = np.array(["a", "b", "c", "d"])
    one = rows(np.array(["x", "y", "x", "y"]), np.array(["x", "y", "x", "x"]), names)
    assert ACCURACY.score(one) == 0.75
    other = rows(one.truth, one.truth, np.array(["e", "f", "g", "h"]))
    check_design("two-populations", ACCURACY, Reading(0.75, 1, one, other))
    check_design("fresh-sample", ACCURACY, Reading(0.75, 1, one, other, used_units=names))
    with pytest.raises(DesignError, match="1 were used"):
        check_design(
            "fresh-sample", ACCURACY, Reading(0.75, 1, one, other, used_units=other.unit[:1])
        )


def test_an_unknown_design_is_refused_when_the_spec_is_written():
    with pytest.raises(DesignError, match=r"'before-after' is no design.*same-rows, paired"):
        synthetic.experiment(design="before-after")


@pytest.mark.parametrize("dose", [-0.01, 1.01, float("nan"), float("inf"), {"share": float("nan")}])
def test_a_dose_out_of_range_is_refused_before_anything_runs(dose, run_log):
    with pytest.raises(DesignError, match=r"Knob 'share' goes from 0 to 1: .* is out of range"):
        synthetic.experiment().read(dose)
    assert synthetic.runs(run_log) == []


def test_an_unknown_knob_arm_or_seed_is_refused_before_anything_runs(run_log):
    trial = synthetic.experiment()
    with pytest.raises(DesignError, match=r"'synthetic' has no knob 'x'. It has: share\."):
        trial.read({"x": 1.0})
    with pytest.raises(DesignError, match=r"has no arm 'best'. It has: flawed, control, cured\."):
        trial.read(arm="best")
    with pytest.raises(DesignError, match=r"A seed is a whole number from 0 up, not -1\."):
        trial.read(seed=-1)
    assert synthetic.runs(run_log) == []


def test_what_is_left_out_stands_at_its_default():
    second = Knob("size", "size", "texts", 1, 9, 5, (1, 9))
    seen = []

    def run(dose, seed, arm, part):
        seen.append((dict(dose), seed, arm, part))
        return synthetic.draw(dose, seed, arm, part)

    trial = synthetic.experiment(knobs=(synthetic.SHARE, second), seeds=(7, 8), run=run)
    trial.read()
    trial.read({"size": 9}, 8, "cured", "confirm")
    trial.read(np.int64(0))
    trial.read(np.float32(0.5))
    assert seen == [
        ({"share": 1.0, "size": 5.0}, 7, "flawed", "book"),
        ({"share": 1.0, "size": 9.0}, 8, "cured", "confirm"),
        ({"share": 0.0, "size": 5.0}, 7, "flawed", "book"),
        ({"share": 0.5, "size": 5.0}, 7, "flawed", "book"),
    ]


@pytest.mark.parametrize(
    ("doses", "default", "message"),
    [
        ((), 0.5, "must ascend"),
        ((0.5, 0.2), 0.5, "must ascend"),
        ((0.2, 0.2), 0.5, "must ascend"),
        ((0.2, 1.2), 0.5, r"1\.2 is out of range"),
        ((0.2,), 2.0, r"2\.0 is out of range"),
    ],
)
def test_a_knob_that_makes_no_sense_is_refused(doses, default, message):
    with pytest.raises(DesignError, match=message):
        Knob("k", "k", "u", 0.0, 1.0, default, doses)


def test_rows_of_different_lengths_or_none_are_refused():
    for truth in ([0, 1], []):
        with pytest.raises(DesignError, match="arrays of one length of at least 1"):
            rows(truth=truth, prediction=[] if not truth else TRUTH, unit=[] if not truth else UNIT)
    with pytest.raises(DesignError, match="arrays of one length"):
        Rows(TRUTH, TRUTH, UNIT, probability=np.array([0.5]))


@pytest.mark.parametrize(("greater", "expected"), [(True, 0.25), (False, -0.25)])
def test_optimism_is_positive_where_it_looks_better_than_it_is(greater, expected):
    metric = Metric("m", per_row=ACCURACY.per_row, greater_is_better=greater)
    trial = synthetic.experiment(metric=metric)
    assert trial.optimism(dataclasses.replace(GOOD["same-rows"], apparent=0.75)) == expected


def test_a_loss_that_looks_too_small_is_positive_optimism():
    loss = Metric("loss", per_row=lambda r: abs(r.truth - r.prediction), greater_is_better=False)
    reading = Reading.scored(loss, rows(), rows(prediction=1 - TRUTH))
    assert (reading.apparent, reading.honest) == (0, 1)
    assert synthetic.experiment(metric=loss).optimism(reading) == 1


def test_a_weighted_score_counts_rows_as_often_as_their_weight():
    half = rows(prediction=[0, 1, 1, 0])
    weights = np.array([3, 1, 0, 1])
    assert ACCURACY.score(half) == 0.5
    assert ACCURACY.score(half, weights) == 0.8
    whole = Metric("w", whole=lambda r, w: float(np.average(r.truth == r.prediction, weights=w)))
    assert whole.score(half, weights) == 0.8


def test_the_spec_is_plain_values_and_holds_what_was_fixed():
    import json

    spec = json.loads(json.dumps(synthetic.experiment().spec))
    assert set(spec) == {f.name for f in dataclasses.fields(Experiment)} - {"run"}
    assert spec["knobs"][0]["doses"] == [0.0, 0.5, 1.0]
    assert spec["metric"] == {"name": "accuracy", "greater_is_better": True}
    assert spec["seeds"] == [0, 1, 2]


def test_what_is_for_a_reader_may_change_after_the_results():
    told = {"symptom": "It looks too good.", "kind": "mail", "null_dose": 0.0}
    plain, changed = synthetic.experiment(), synthetic.experiment(**told)
    assert provenance(plain)["spec"] == provenance(changed)["spec"]
    assert provenance(plain)["spec"] != provenance(synthetic.experiment(margin=0.04))["spec"]


@pytest.mark.parametrize(
    ("field", "message"),
    [({"kind": "music"}, "no kind of data"), ({"null_dose": 2}, "out of range")],
)
def test_a_kind_or_a_null_dose_that_can_not_be_is_refused(field, message):
    with pytest.raises(DesignError, match=message):
        synthetic.experiment(**field)


def test_the_default_of_a_share_is_its_highest_dose():
    knob = Knob.share("rate", "labels", (0.0, 0.5))
    assert (knob.low, knob.high, knob.default, knob.unit) == (0.0, 1.0, 0.5, "share")
    assert Knob.share("rate", "labels", (0.1, 0.5), low=0.1, default=0.1).default == 0.1


def test_a_loss_in_nats_by_hand():
    rows = Rows(np.zeros(2), np.zeros(2), np.arange(2), np.array([np.exp(-3.0), 0.0]))
    assert nats(rows) == pytest.approx([3, -np.log(1e-12)])
