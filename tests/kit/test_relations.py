"""Chapter 2's derived table: how it listens, what it measures, what it may say, and its rows."""

import os
import random
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from illusionkit.data.slips import words_of
from illusionkit.errors import DesignError, ResultsError
from illusionkit.experiment import results as tables
from illusionkit.experiment.reading import Rows
from illusionkit.experiment.sweep import Cell
from illusionkit.experiment.task import Task
from illusionkit.illusions import experiment
from illusionkit.illusions.relations import arrows, measured, slipped
from illusionkit.illusions.relations.overheard import behind, overheard

NUMBERS = ("one", "two", "three", "four", "five", "six")


class Copycat:
    """Says of every row what the first training row was labelled."""

    def predict(self, train, labels, test):
        return np.full(len(test), labels[0])


def table(**more):
    columns = {"label": [1, 0, 1, 0], "unit": list("abcd"), "part": "book", **more}
    return pd.DataFrame(columns)


def test_a_training_is_overheard_with_its_rows_and_nothing_is_left_behind():
    before = (Task._noted, Task.rows)
    task = Task(table(), Copycat())
    with overheard() as heard:
        (first,) = task.judge(np.array([0]), np.array([2, 3]))
        (second,) = task.judge(np.array([1]), np.array([3]), labels=np.array([7]))
    assert (Task._noted, Task.rows) == before and len(heard) == len(task.fits) == 2
    training, where = behind(heard, second)
    assert training is heard[1] and where.tolist() == [3]
    assert (training.train.tolist(), training.labels.tolist()) == ([1], [7])
    assert behind(heard, first)[1].tolist() == [2, 3]
    with pytest.raises(DesignError, match="not judged by a Task"):
        behind(heard, Rows(first.truth, first.prediction, first.unit))


def test_an_error_inside_leaves_tasks_as_they_were():
    before = (Task._noted, Task.rows)
    with pytest.raises(ZeroDivisionError), overheard():
        raise ZeroDivisionError
    assert (Task._noted, Task.rows) == before


def test_groups_are_long_texts_and_of_persons_women():
    def groups(**more):
        with overheard() as heard:
            task = Task(table(**more), Copycat())
            (rows,) = task.judge(np.array([0]), np.arange(4))
        return measured.grouped(*behind(heard, rows)).tolist()

    assert groups(text=["a", "bbbb", "cc", "ddd"]) == [0, 1, 0, 1]
    assert groups(text=["aa", "aa", "aa", "aaa"]) == [0, 0, 0, 1]
    assert groups(sex=[1, 2, 2, 1]) == [0, 1, 1, 0]


def test_the_halves_go_by_the_name_of_a_unit_and_a_gap_by_hand():
    names = np.array([f"text {n}" for n in range(2000)])
    sides = measured.half(names)
    assert set(sides) == {0, 1} and abs(sides.mean() - 0.5) < 0.05
    assert np.array_equal(measured.half(names[::-1]), sides[::-1])
    here = names[sides == 1][:4]
    rows = Rows(np.ones(4), np.array([1, 0, 1, 1]), here, group=np.array([0, 0, 1, 1]))
    assert measured.gap(rows, 1) == pytest.approx(1 - 1 / 2)
    assert np.isnan(measured.gap(rows, 0))


def test_a_text_has_the_same_slips_wherever_it_stands(monkeypatch):
    words = {word: (f"{word}x", f"{word}y") for word in NUMBERS}
    monkeypatch.setattr(slipped, "misspelled", lambda: words)
    text = "One two three, four five six or seven."
    after = slipped.slipped(text)
    moved = [a != b for a, b in zip(words_of(text), words_of(after), strict=True)]
    assert sum(moved) == slipped.SLIPS and not any(moved[6:])
    assert slipped.slipped(text) == after
    assert slipped.slipped("two or seven") in ("twox or seven", "twoy or seven")
    assert slipped.slipped("or seven") == "or seven"


def readings(**columns):
    fixed = {"optimism": 0.1, "honest": 0.7, "commonest": 0.4, "rows": 9, "drop": 0.05}
    return pd.DataFrame({"id": "x", "dose": 1.0, "seed": [0, 1], **fixed, **columns})


@pytest.mark.parametrize(
    ("one", "other", "gap"),
    [(0.2, 0.1, 0.15), (-0.2, -0.1, 0.15), (0.2, -0.1, -0.15), (0.0, 0.3, 0.0)],
)
def test_a_gap_is_read_across_so_that_halves_that_disagree_lie_below_0(one, other, gap):
    (point,) = arrows.points(readings(gap_one=one, gap_other=other)).to_dict("records")
    assert point["gap"] == pytest.approx(gap)
    assert point["skill"] == pytest.approx(0.3) and point["id"] == "x"


def test_by_chance_alone_a_gap_is_0():
    rng = np.random.default_rng(0)
    noise = [readings(id=f"x{n}", gap_one=a, gap_other=b) for n, (a, b) in
             enumerate(rng.normal(size=(4000, 2)))]  # fmt: skip
    assert abs(arrows.points(pd.concat(noise))["gap"].mean()) < 0.03


def test_correlations_are_those_of_scipy_and_by_the_formula():
    rng = np.random.default_rng(0)
    one, other, rival = rng.integers(0, 6, (3, 30)).astype(float)
    assert arrows.correlation(one, other) == pytest.approx(spearmanr(one, other).statistic)
    assert np.isnan(arrows.correlation(one, np.ones(30)))
    assert arrows.given(rival, rival, one) == pytest.approx(1)


def test_a_rival_behind_both_sides_takes_the_correlation_away():
    rng = np.random.default_rng(1)
    rival, (a, b) = rng.normal(size=3000), rng.normal(size=(2, 3000))
    one, other = rival + 0.5 * a, rival + 0.5 * b
    assert arrows.correlation(one, other) > 0.7
    assert abs(arrows.given(one, other, rival)) < 0.1
    assert np.isnan(arrows.given(one, other, one))


def crowd(sign, *, experiments=14, within=0.0):
    """Experiments of three doses each: related by ``sign`` between them, by ``within`` inside."""
    level, dose = np.arange(experiments) * 10.0, np.array([0.0, 1.0, 2.0])
    rows = [
        {"id": f"x{n}", "dose": d, "optimism": at + d, "gap": sign * at + within * d, "skill": 1.0}
        for n, at in enumerate(level)
        for d in dose
    ]
    return pd.DataFrame(rows)


def test_between_and_within_may_differ_in_sign():
    arrow = replace(arrows.ARROWS[0], rival="")
    found = arrows.asked(arrow, crowd(1, within=-1.0))
    assert found.loc["between", "is"] == 1 and found.loc["within", "is"] == pytest.approx(-1)
    assert found.loc["one heap", "points"] == 42 and found.loc["between", "points"] == 14
    assert (found["experiments"] == 14).all()


def test_an_interval_draws_experiments_whole():
    """Points that stand three times over tell no more than if they stood once."""
    rng = np.random.default_rng(0)
    once = pd.DataFrame(rng.normal(size=(12, 2)), columns=["a", "b"]).assign(id=range(12))
    thrice = pd.concat([once] * 3)
    ends = [arrows.interval(each, arrows.correlation, "a", "b")[1:] for each in (once, thrice)]
    assert ends[0] == pytest.approx(ends[1], abs=0.05) and ends[0][1] - ends[0][0] > 0.5


@pytest.mark.parametrize(
    ("sign", "between", "rival", "says"),
    [
        (1, (0.1, 0.8), (0.1, 0.9), "supported"), (1, (0.1, 0.8), (-0.1, 0.9), "open"),
        (1, (-0.1, 0.8), (0.1, 0.9), "open"), (1, (-0.8, -0.1), (0.1, 0.9), "refuted"),
        (-1, (-0.8, -0.1), (-0.9, -0.1), "supported"), (-1, (-0.8, -0.1), (-0.9, 0.1), "open"),
        (-1, (0.1, 0.8), (-0.9, 0.1), "refuted"), (-1, (-0.8, -0.1), None, "supported"),
        (1, (0.0, 0.8), None, "open"),
    ],
)  # fmt: skip
def test_the_verdict_goes_by_the_rule(sign, between, rival, says):
    rows = {"between": between, **({"given the rival": rival} if rival else {})}
    found = pd.DataFrame.from_dict(rows, orient="index", columns=["from", "to"])
    assert arrows.verdict(replace(arrows.ARROWS[0], sign=sign), found) == says


def test_what_chance_reaches_is_the_critical_value_of_the_usual_table():
    assert arrows.by_chance(12) == pytest.approx(0.576, abs=0.001)
    assert arrows.by_chance(100) == pytest.approx(0.197, abs=0.001)


def test_the_cells_are_three_doses_of_the_spec():
    asked = measured.cells(experiment("group-leakage"))
    assert [cell.dose for cell in asked[:: measured.SEEDS]] == [0.0, 0.5, 1.0]
    assert {cell.seed for cell in asked} == set(range(measured.SEEDS))
    assert {cell.arm for cell in asked} == {"flawed"}


def test_the_table_is_whole_and_says_what_the_tables_say():
    found = measured.relations()
    for name, rows in found.groupby("id"):
        of = experiment(name)
        at = [Cell(row.arm, row.dose, row.seed) for row in rows.itertuples()]
        wanted = [(round(cell.dose, 6), cell.seed) for cell in measured.cells(of)]
        assert [(round(cell.dose, 6), cell.seed) for cell in at] == wanted
        kept = tables.read(tables.path(name))
        both = rows.merge(kept, on=["arm", "dose", "seed"], suffixes=("", "_kept"))
        unit = 1000 if of.metric.name.startswith("misrouted") else 1
        apart = (both["optimism"] - both["optimism_kept"] / unit).abs()
        assert len(both) == len(rows) and apart.max() <= 2 * of.tolerance / unit + 1e-6, name
        assert rows["drop"].isna().all() == (measured.TWICE[name] is None)
        assert rows["same"].dropna().min() >= 0.99 if measured.TWICE[name] else True


def test_rows_that_are_drawn_are_measured_again():
    found = measured.relations()
    draw = int(os.environ.get("DRAW", random.randrange(10**6)))
    print(f"draw {draw}")
    for place in random.Random(draw).sample(range(len(found)), 2):
        kept = found.iloc[[place]]
        name, dose, seed = kept.iloc[0][["id", "dose", "seed"]]
        again = measured.derived(experiment(name), [Cell("flawed", dose, seed)])
        assert measured.differences(kept, again) <= measured.TOLERANCE, (name, dose, seed)
        assert kept["drop"].isna().all() == again["drop"].isna().all()


def test_a_new_hash_of_code_is_put_in_only_where_the_numbers_hold(tmp_path, monkeypatch):
    text = measured.path().read_text(encoding="utf-8")
    (tmp_path / "derived").mkdir()
    monkeypatch.setenv("ILLUSIONKIT_RESULTS", str(tmp_path))
    measured.path().write_text(text, encoding="utf-8")
    name, own = "group-leakage", measured.stamps
    kept = tables.read(measured.path()).query("id == @name")

    def changed(of):
        return {**own(of), **({"code": "0123456789ab"} if of.id == name else {})}

    def off(by):
        return lambda of, where: kept.assign(drop=kept["drop"] + by)

    monkeypatch.setattr(measured, "stamps", changed)
    monkeypatch.setattr(measured, "derived", off(0.03))
    with pytest.raises(ResultsError, match=r"gives other numbers, by up to 0\.03"):
        measured.restamp()
    with pytest.raises(ResultsError, match="stale or not whole: group-leakage"):
        measured.relations()
    monkeypatch.setattr(measured, "derived", off(0.01))
    assert measured.restamp() == [name]
    found = measured.relations()
    assert set(found.query("id == @name")["code"]) == {"0123456789ab"}
    assert (found["drop"].dropna() == tables.read(measured.path())["drop"].dropna()).all()


def test_a_row_that_was_edited_or_is_stale_is_refused(tmp_path, monkeypatch):
    text = measured.path().read_text(encoding="utf-8")
    (tmp_path / "derived").mkdir()
    monkeypatch.setenv("ILLUSIONKIT_RESULTS", str(tmp_path))
    with pytest.raises(ResultsError, match=r"no results/relations\.csv"):
        measured.relations()
    first = text.splitlines()[1]
    edited = first.replace(",0.", ",1.", 1)
    assert edited != first
    measured.path().write_text(text.replace(first, edited), encoding="utf-8")
    with pytest.raises(ResultsError, match="edited by hand"):
        measured.relations()
    measured.path().write_text(text, encoding="utf-8")
    monkeypatch.setattr(measured, "stamps", lambda of: dict.fromkeys(measured.STAMPS, "other"))
    with pytest.raises(ResultsError, match="stale or not whole: customer-service"):
        measured.relations()


def test_what_is_visible_is_seen_in_four_of_five_tries():
    """Against draws of normal pairs whose rank correlation is known."""
    true, rng = arrows.visible(30), np.random.default_rng(0)
    assert true > arrows.by_chance(30) and arrows.visible(12) > arrows.visible(15) > true
    slope = 2 * np.sin(np.pi * true / 6)  # Pearson's correlation of normal pairs, from Spearman's
    one, noise = rng.normal(size=(2, 2000, 30))
    other = slope * one + np.sqrt(1 - slope**2) * noise
    found = np.array([arrows.correlation(*pair) for pair in zip(one, other, strict=True)])
    low = np.tanh(np.arctanh(found) - 1.96 * np.array([arrows.width(r, 30) for r in found]))
    assert np.mean(low > 0) == pytest.approx(0.8, abs=0.03)
