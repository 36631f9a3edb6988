"""Hidden and chosen subgroups: who is counted, who is searched, and what equal odds are."""

import numpy as np
import pandas as pd
import pytest

from illusionkit.errors import DataError
from illusionkit.experiment.reading import Rows
from illusionkit.illusions import experiment
from illusionkit.illusions.evaluate import chosen_subgroup as chosen
from illusionkit.illusions.evaluate import hidden_subgroup as hidden
from illusionkit.illusions.material import adults

HIDDEN, CHOSEN = "hidden-subgroup", "chosen-subgroup"


def rows_of(right, counted):
    truth = np.ones(len(right), dtype=int)
    rows = Rows(truth, np.array(right), np.arange(len(right)))
    return adults.counting(rows, np.array(counted, dtype=bool))


def test_a_score_counts_the_rows_of_its_mask_by_hand():
    rows = rows_of([1, 0, 0, 1, 1], [1, 1, 1, 0, 0])
    assert adults.COUNTED.score(rows) == pytest.approx(1 / 3)
    assert adults.COUNTED.score(rows, np.array([3.0, 1, 0, 9, 9])) == pytest.approx(3 / 4)
    assert np.isnan(adults.COUNTED.score(rows, np.array([0.0, 0, 0, 1, 1])))


def test_only_adults_are_asked_and_their_households_are_whole_or_absent():
    table, _ = adults.adults("book")
    assert table["age"].min() == adults.BANDS[0]
    assert set(table["part"]) == {"book"}
    assert table["unit"].nunique() <= adults.HOUSEHOLDS
    share = (table["age"] < adults.BANDS[1]).mean()
    assert share == pytest.approx(hidden.REAL_SHARE, abs=0.01)


@pytest.mark.parametrize(("dose", "size"), [(0.0, 1000), (0.5, 2000), (0.75, 4000), (0.875, 8000)])
def test_the_dose_adds_others_and_the_average_follows_the_line(dose, size):
    reading = experiment(HIDDEN).read(dose, 0)
    seen, group = reading.apparent_rows, reading.honest_rows.group == adults.COUNTS
    assert len(group) == size and group.sum() == hidden.GROUP
    assert (seen.group == adults.COUNTS).all()
    if dose:
        apart = reading.extras["accuracy_others"] - reading.extras["accuracy_group"]
        assert reading.apparent - reading.honest == pytest.approx(dose * apart)


def test_the_control_counts_as_many_of_the_same_persons():
    trial = experiment(HIDDEN)
    flawed, control = (trial.read(0.875, 0, arm) for arm in ("flawed", "control"))
    assert control.apparent == flawed.apparent
    assert (control.honest_rows.group > 0).sum() == hidden.GROUP
    shared = ((control.honest_rows.group > 0) & (flawed.honest_rows.group > 0)).sum()
    assert shared == pytest.approx(hidden.GROUP / 8, abs=40)


def test_equalized_odds_are_equal_and_plain_thresholds_are_not():
    rng = np.random.default_rng(0)
    group, truth = rng.random(20_000) < 0.3, rng.integers(2, size=20_000)
    score = np.where(group, 0.5, 2.0) * (2 * truth - 1) + rng.normal(size=20_000)
    chance = 1 / (1 + np.exp(-score))
    half = np.arange(20_000) < 10_000
    said = hidden.equalized(chance[half], truth[half], group[half], chance[~half], group[~half])
    truth, group, plain = truth[~half], group[~half], chance[~half] > 0.5

    def apart(decided, label):
        return abs(np.diff([decided[(truth == label) & (group == g)].mean() for g in (0, 1)])[0])

    for label in (0, 1):
        assert apart(said, label) < 0.04
        assert apart(plain, label) > 0.15


def test_what_is_told_by_hand():
    rows = Rows(np.array([1, 1, 0, 0, 1]), np.array([1, 0, 1, 0, 0]), np.arange(5))
    told = hidden.told(rows, np.array([True, True, True, True, False]), "x")
    assert told == {
        "accuracy_x": 0.5, "naive_x": 0.5, "said_x": 0.5,
        "found_x": 0.5, "false_x": 0.5, "precise_x": 0.5,
    }  # fmt: skip
    assert hidden.told(rows, np.arange(5) > 1, "y")["naive_y"] == pytest.approx(2 / 3)


def test_cells_at_the_ends_of_their_bands():
    table = pd.DataFrame(
        {"age": [16, 22, 23, 74, 75, 94], "sex": [1, 2, 1, 2, 1, 2], "native": [1, 2, 2, 1, 1, 2]}
    )
    assert chosen.cells(table).tolist() == [0, 3, 5, 18, 20, 23]


def test_accuracy_by_cell_and_an_empty_cell():
    rows = Rows(np.array([1, 1, 0, 0]), np.array([1, 0, 0, 0]), np.arange(4))
    scores, persons = chosen.by_cell(rows, np.array([0, 0, 2, 2]))
    assert scores[[0, 2]].tolist() == [0.5, 1.0] and np.isnan(scores[1])
    assert persons[:3].tolist() == [2, 0, 2] and len(persons) == chosen.CELLS


def test_the_flawed_arm_finds_the_worst_cell_and_no_small_one():
    trial, (_, sets, cell) = experiment(CHOSEN), chosen._judged(0, 2000, "book")
    scores, persons = chosen.by_cell(sets[1], cell[1])
    reading = trial.read(24, 0)
    assert reading.apparent == scores[persons >= chosen.FEWEST].min()
    assert reading.extras["persons"] >= chosen.FEWEST
    found = cell[1][reading.apparent_rows.group > 0]
    assert len(set(found)) == 1
    assert set(cell[0][reading.honest_rows.group > 0]) == set(found)


def test_more_cells_never_look_better():
    trial = experiment(CHOSEN)
    scores = [trial.read(k, 0).apparent for k in trial.knob.doses]
    assert scores == sorted(scores, reverse=True) and scores[0] > scores[-1]
    assert trial.read(1, 0).apparent == trial.read(24, 0, "control").apparent


def test_a_test_without_a_cell_to_look_at_is_refused(monkeypatch):
    monkeypatch.setattr(chosen, "FEWEST", 10**6)
    with pytest.raises(DataError, match="'chosen-subgroup' can't be run"):
        experiment(CHOSEN).read(24, 0)
