"""Sweeps: the same rows for any number of workers, resumed, and intervals that cover."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import synthetic

from illusionkit.errors import ArchiveError, DesignError
from illusionkit.experiment import sweep as module
from illusionkit.experiment.reading import ACCURACY, Metric, Reading, Rows
from illusionkit.experiment.sweep import Cell, cells, summary, sweep, verdict

pytestmark = pytest.mark.usefixtures("empty_cache")


def same(left, right):
    """Tell whether two readings are equal, row by row."""
    sides = [(r.apparent_rows, r.honest_rows) for r in (left, right)]
    pairs = zip(*sides, strict=True)
    equal = all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for a, b in pairs
        for name in ("truth", "prediction", "unit")
    )
    scores = (left.apparent, left.honest, left.extras)
    return equal and scores == (right.apparent, right.honest, right.extras)


def test_the_same_rows_for_one_and_two_workers(monkeypatch, tmp_path):
    found = []
    for workers in (1, 2):
        monkeypatch.setenv("ILLUSIONKIT_CACHE", str(tmp_path / f"cache{workers}"))
        found.append(sweep(synthetic.experiment(), workers=workers))
    assert list(found[0]) == list(found[1])
    assert len(found[0]) == 3 * 3 * 3
    assert all(same(found[0][cell], found[1][cell]) for cell in found[0])
    first, second = (cells(synthetic.experiment(), readings) for readings in found)
    assert first.equals(second)


def test_a_reading_from_the_cache_is_the_reading_that_was_run(run_log):
    trial = synthetic.experiment()
    fresh = trial.read(0.5, 2, "flawed")
    cell = Cell("flawed", 0.5, 2)
    for _ in range(2):
        assert same(sweep(trial, workers=1)[cell], fresh)


def test_a_second_sweep_runs_nothing_and_more_seeds_only_what_is_new(run_log):
    sweep(synthetic.experiment(), workers=1, arms=("flawed",))
    assert len(synthetic.runs(run_log)) == 9
    sweep(synthetic.experiment(), workers=1, arms=("flawed",))
    assert len(synthetic.runs(run_log)) == 9
    sweep(synthetic.experiment(), workers=1, arms=("flawed",), seeds=(0, 1, 2, 3))
    assert synthetic.runs(run_log)[9:] == [f"flawed {d} 3 book" for d in (0.0, 0.5, 1.0)]


def test_a_changed_spec_or_part_is_run_anew(run_log):
    asked = {"workers": 1, "arms": ("flawed",), "doses": (1.0,), "seeds": (0,)}
    sweep(synthetic.experiment(), **asked)
    sweep(synthetic.experiment(title="Better"), **asked)
    assert len(synthetic.runs(run_log)) == 1
    sweep(synthetic.experiment(margin=0.1), **asked)
    sweep(synthetic.experiment(), part="confirm", **asked)
    assert len(synthetic.runs(run_log)) == 3


def test_a_sweep_that_was_killed_goes_on_where_it_was(run_log, monkeypatch):
    program = (
        "import synthetic; from illusionkit.experiment.sweep import sweep;"
        "sweep(synthetic.experiment(), workers=1)"
    )
    setting = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "SYNTHETIC_KILL": "12"}
    killed = subprocess.run([sys.executable, "-c", program], env=setting, check=False)
    assert killed.returncode == -9
    assert len(synthetic.runs(run_log)) == 12
    readings = sweep(synthetic.experiment(), workers=1)
    runs = synthetic.runs(run_log)
    assert len(readings) == 27
    assert len(runs) == 12 + 27 - 11  # the twelfth died before it was kept
    assert set(runs[:11]).isdisjoint(runs[12:])


def test_labels_that_are_texts_are_kept_as_well(run_log):
    def run(dose, seed, arm, part):
        found = synthetic.draw(dose, seed, arm, part)
        names = np.array(["bad", "good"], dtype=object)
        sides = [
            Rows(names[r.truth], names[r.prediction], r.unit.astype(str).astype(object))
            for r in (found.apparent_rows, found.honest_rows)
        ]
        return Reading.scored(ACCURACY, *sides, train_sizes=(1, 1))

    asked = {"doses": (1.0,), "seeds": (0,), "workers": 1, "arms": ("flawed",)}
    first, second = (sweep(synthetic.experiment(run=run), **asked) for _ in range(2))
    assert len(synthetic.runs(run_log)) == 1
    cell = Cell("flawed", 1.0, 0)
    assert same(first[cell], second[cell])


@pytest.mark.parametrize("name", ["seeds", "doses", "arms"])
def test_an_empty_sweep_is_refused(name, run_log):
    with pytest.raises(DesignError, match="at least one dose, one seed and one arm"):
        sweep(synthetic.experiment(), **{name: ()})
    assert synthetic.runs(run_log) == []


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"doses": (0.5, 1.5)}, r"1\.5 is out of range"),
        ({"doses": (float("nan"),)}, "nan is out of range"),
        ({"arms": ("flawed", "best")}, "has no arm 'best'. It has: flawed, control, cured"),
        ({"seeds": (0, -1)}, "from 0 up, not -1"),
    ],
)
def test_everything_is_checked_before_anything_runs(asked, message, run_log):
    with pytest.raises(DesignError, match=message):
        sweep(synthetic.experiment(), workers=1, **asked)
    assert synthetic.runs(run_log) == []


def test_data_that_cannot_be_had_stop_a_sweep_before_it_runs(no_network, run_log):
    with pytest.raises(ArchiveError, match="Is there a network"):
        sweep(synthetic.experiment(data=("tweets",)), workers=2)
    assert synthetic.runs(run_log) == []


def test_arms_judged_by_other_units_are_refused():
    def run(dose, seed, arm, part):
        found = synthetic.draw(dose, seed, arm, part)
        if arm != "cured":
            return found
        sides = (found.apparent_rows, found.honest_rows)
        moved = [dataclasses.replace(r, unit=r.unit + 1) for r in sides]
        return dataclasses.replace(found, apparent_rows=moved[0], honest_rows=moved[1])

    trial = synthetic.experiment(run=run)
    message = r"Arm 'cured' was judged by other units .* at dose 0 and seed 0"
    with pytest.raises(DesignError, match=message):
        sweep(trial, workers=1)
    assert len(sweep(trial, workers=1, arms=("flawed", "control"))) == 18


def test_cells_stand_in_order_and_hold_means():
    trial = synthetic.experiment()
    readings = sweep(trial, doses=(1.0, 0.0, 0.5), arms=("cured", "flawed"), workers=1)
    table = cells(trial, readings)
    ends = [f"{n}{end}" for n in ("apparent", "honest", "optimism") for end in ("", "_lo", "_hi")]
    assert list(table.columns) == ["arm", "dose", *ends, "n_units", "n_seeds"]
    assert table["arm"].tolist() == ["flawed"] * 3 + ["cured"] * 3
    assert table["dose"].tolist() == [0.0, 0.5, 1.0] * 2
    assert (table["n_units"] == synthetic.UNITS).all()
    assert (table["n_seeds"] == 3).all()
    scores = [readings[Cell("flawed", 1.0, seed)].apparent for seed in range(3)]
    assert table.loc[2, "apparent"] == pytest.approx(np.mean(scores))
    assert table.loc[2, "optimism"] == pytest.approx(0.2, abs=0.06)
    for name in ("apparent", "honest", "optimism"):
        assert (table[f"{name}_lo"] <= table[name]).all()
        assert (table[name] <= table[f"{name}_hi"]).all()


def simulated(rng, *, units=200, seeds=6, gap=0.1):
    """Readings of a world of hard and easy units, good and bad seeds; its true optimism is gap.

    One seed alone can't tell how seeds differ, so there they do not.
    """
    ease, luck = rng.uniform(-0.2, 0.2, units), rng.uniform(-0.05, 0.05, seeds) * (seeds > 1)
    name, truth = np.arange(units), np.ones(units)
    readings = []
    for add in luck:
        sides = []
        for right in (0.7 + gap, 0.7):
            hit = rng.random(units) < np.clip(right + ease / 2 + add, 0, 1)
            sides.append(Rows(truth, hit.astype(float), name))
        readings.append(Reading.scored(ACCURACY, *sides))
    return readings


@pytest.mark.parametrize("seeds", [1, 6])
def test_the_95_per_cent_interval_covers_the_truth_about_as_often(seeds, monkeypatch):
    monkeypatch.setattr(module, "REPLICATES", 400)
    rng = np.random.default_rng(11)
    truth = {"apparent": 0.8, "honest": 0.7, "optimism": 0.1}
    found = [summary(ACCURACY, simulated(rng, seeds=seeds)) for _ in range(300)]
    for name, value in truth.items():
        covers = np.mean([f[f"{name}_lo"] <= value <= f[f"{name}_hi"] for f in found])
        assert 0.90 <= covers <= 1.0, f"{name}: {covers}"
        width = np.mean([f[f"{name}_hi"] - f[f"{name}_lo"] for f in found])
        spread = np.std([f[name] for f in found])
        assert 2.5 * spread < width < 8 * spread, f"{name}: {width / spread:.1f} sd wide"


def whole_accuracy(rows, weights):
    return float(np.average(rows.truth == rows.prediction, weights=weights))


def test_units_that_repeat_over_rows_widen_the_interval():
    """Ten copies of each row tell no more than one."""
    rng = np.random.default_rng(3)
    hit = (rng.random(100) < 0.7).astype(float)
    single = Rows(np.ones(100), hit, np.arange(100))
    copied = Rows(np.ones(1000), np.repeat(hit, 10), np.repeat(np.arange(100), 10))
    apart = Rows(np.ones(1000), np.repeat(hit, 10), np.arange(1000))
    widths = []
    for rows in (single, copied, apart):
        found = summary(ACCURACY, [Reading.scored(ACCURACY, rows, rows)])
        widths.append(found["honest_hi"] - found["honest_lo"])
    assert widths[0] == pytest.approx(widths[1])
    assert widths[2] < widths[0] / 2


def test_where_nothing_varies_the_interval_is_a_point():
    rows = Rows(np.ones(20), np.ones(20), np.arange(20))
    found = summary(ACCURACY, [Reading.scored(ACCURACY, rows, rows)] * 3)
    assert [found[f"honest{end}"] for end in ("", "_lo", "_hi")] == [1, 1, 1]
    assert [found[f"optimism{end}"] for end in ("", "_lo", "_hi")] == [0, 0, 0]


def test_same_predictions_on_both_sides_have_no_optimism_at_all():
    rng = np.random.default_rng(0)
    rows = Rows(np.ones(50), (rng.random(50) < 0.5).astype(float), np.arange(50))
    found = summary(ACCURACY, [Reading.scored(ACCURACY, rows, rows)] * 2)
    assert found["honest_lo"] < found["honest_hi"]
    assert found["optimism_lo"] == found["optimism_hi"] == 0


@pytest.mark.parametrize("metric", [ACCURACY, Metric("accuracy", whole=whole_accuracy)])
def test_a_holdout_of_few_units_still_has_an_interval(metric):
    few = Rows(np.ones(2), np.array([1.0, 0.0]), np.array([8, 9]))
    more = Rows(np.ones(4), np.ones(4), np.arange(4))
    found = summary(metric, [Reading.scored(metric, more, few)])
    assert (found["honest_lo"], found["honest"], found["honest_hi"]) == (0, 0.5, 1)
    assert (found["optimism_lo"], found["optimism_hi"]) == (0, 1)


def balanced(rows, weights):
    from sklearn.metrics import balanced_accuracy_score

    return float(balanced_accuracy_score(rows.truth, rows.prediction, sample_weight=weights))


def test_a_metric_of_whole_rows_agrees_with_the_metric_of_single_rows(monkeypatch):
    monkeypatch.setattr(module, "REPLICATES", 100)
    readings = simulated(np.random.default_rng(1))
    by_row = summary(ACCURACY, readings)
    by_whole = summary(Metric("accuracy", whole=whole_accuracy), readings)
    assert by_whole == pytest.approx(by_row)


def test_balanced_accuracy_of_balanced_classes_is_near_accuracy(monkeypatch):
    monkeypatch.setattr(module, "REPLICATES", 200)
    trial = synthetic.experiment(metric=Metric("balanced accuracy", whole=balanced))
    readings = sweep(trial, workers=1, doses=(1.0,), arms=("flawed",))
    found = summary(trial.metric, list(readings.values()))
    plain = summary(ACCURACY, list(readings.values()))
    for name in ("apparent_lo", "apparent_hi", "honest_lo", "honest_hi"):
        assert found[name] == pytest.approx(plain[name], abs=0.02)


def test_a_loss_turns_the_sign_of_its_interval():
    loss = Metric("error", per_row=lambda r: 1 - ACCURACY.per_row(r), greater_is_better=False)
    readings = simulated(np.random.default_rng(2))
    errors = [Reading.scored(loss, r.apparent_rows, r.honest_rows) for r in readings]
    plain, turned = summary(ACCURACY, readings), summary(loss, errors)
    for name in ("optimism", "optimism_lo", "optimism_hi"):
        assert turned[name] == pytest.approx(plain[name])
    assert turned["honest"] == pytest.approx(1 - plain["honest"])


def test_a_known_truth_has_no_interval():
    rng = np.random.default_rng(4)
    rows = Rows(np.ones(80), (rng.random(80) < 0.6).astype(float), np.arange(80))
    found = summary(ACCURACY, [Reading(ACCURACY.score(rows), 0.5, rows, None)] * 2)
    assert found["honest"] == found["honest_lo"] == found["honest_hi"] == 0.5
    assert found["apparent_lo"] < found["apparent_hi"]
    assert found["optimism_hi"] == pytest.approx(found["apparent_hi"] - 0.5)


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (-0.01, 0.01, "equivalent"),
        (0.005, 0.02, "equivalent"),
        (-0.02, -0.005, "equivalent"),
        (0.0, 0.0, "equivalent"),
        (0.03, 0.06, "positive"),
        (0.06, 0.2, "positive"),
        (-0.2, -0.06, "negative"),
        (-0.06, 0.01, "inconclusive"),
        (-0.03, 0.03, "inconclusive"),  # within the margin, but too wide to say so
        (0.0, 0.2, "inconclusive"),
        (0.001, 0.06, "positive"),
        (float("nan"), float("nan"), "inconclusive"),
    ],
)
def test_the_verdict(low, high, says):
    row = {"optimism_lo": low, "optimism_hi": high}
    assert verdict(synthetic.experiment(margin=0.05), row) == says
