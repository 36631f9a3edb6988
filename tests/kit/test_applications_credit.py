"""Loans: who gets one, what is lost, what a scorecard is told of the refused."""

import numpy as np
import pandas as pd
import pytest

from illusionkit.experiment.reading import Rows
from illusionkit.illusions import experiment
from illusionkit.illusions.applications import accepted_only
from illusionkit.illusions.collect.class_imbalance import holders
from illusionkit.illusions.material import loans

PEOPLE = pd.DataFrame(
    {
        "limit": [100_000, 300_000, 100_000, 500_000],
        "late_1": [0, -2, 2, 1],
        "label": [0, 0, 1, 1],
        "sex": [1, 0, 1, 0],
        "age": [29, 30, 25, 60],
    }
)


def test_a_month_behind_costs_more_than_any_limit_brings():
    assert np.argsort(-loans.old_points(PEOPLE)).tolist() == [1, 0, 3, 2]


@pytest.mark.parametrize(("share", "chosen"), [(0.0, []), (0.5, [0, 2]), (1.0, [0, 1, 2, 3])])
def test_the_best_are_as_many_as_asked_and_of_equals_the_first(share, chosen):
    found = loans.best(np.array([2.0, 1, 1.5, 1.5]), share)
    assert np.flatnonzero(found).tolist() == chosen


def test_what_is_lost_is_weighed_by_the_money_lent():
    mask = np.array([True, True, True, False])
    told = loans.outcomes(PEOPLE, np.array([0.1, 0.2, 0.6, 0.9]), {"x": mask})
    assert told["real_x"] == pytest.approx(1 / 3)
    assert told["promised_x"] == pytest.approx(0.3)
    assert told["lost_x"] == pytest.approx(1000 * 100 / 500)
    assert told["to_lose_x"] == pytest.approx(1000 * (10 + 60 + 60) / 500)
    assert told["lent_x"] == pytest.approx(0.5)


def test_refusals_are_counted_in_each_group_and_among_its_payers():
    told = loans.refusals(PEOPLE, np.array([True, False, False, True]))
    assert told["refused_women"] == 0.5
    assert told["payers_refused_women"] == 1
    assert told["payers_refused_men"] == 0
    assert told["refused_older"] == 0.5


def test_only_loans_count_for_the_rate_and_a_resample_without_any_is_no_score():
    rows = Rows(
        np.array([1, 0, 1]), np.array([0.2, 0.4, 0.9]), np.arange(3), group=np.array([1, 1, 0])
    )
    score = accepted_only.DEFAULTS.score
    assert score(rows) == pytest.approx(0.3)
    assert score(rows, np.array([3.0, 1, 5])) == pytest.approx(0.25)
    assert np.isnan(score(rows, np.array([0.0, 0, 1])))


def test_tried_ones_weigh_what_the_refused_weigh_among_the_applicants():
    kept, left = np.arange(4000), np.arange(4000, 10_000)
    rows, weights = accepted_only.with_tried(kept, left, 400, 0.6)
    tried = rows >= 4000
    assert tried.sum() == 400
    assert len(rows) == accepted_only.TRAIN
    assert weights.sum() == pytest.approx(4000)
    assert weights[tried].sum() == pytest.approx(0.6 * 4000)


def test_nobody_is_tried_where_nobody_was_refused():
    rows, weights = accepted_only.with_tried(np.arange(5000), np.array([], int), 400, 0.0)
    assert rows.tolist() == list(range(4000))
    assert (weights == 1).all()


def test_the_old_scorecard_sees_no_label(monkeypatch):
    table, probe = holders("book")
    seen = []
    monkeypatch.setattr(
        accepted_only,
        "taught",
        lambda p, rows, labels, w: seen.append(rows) or probe.fit(rows, labels),
    )
    spec = experiment("accepted-only")
    spec.read(0.6, seed=3)
    turned = table.assign(label=1 - table["label"])
    monkeypatch.setattr(accepted_only, "holders", lambda part: (turned, probe))
    spec.read(0.6, seed=3)
    assert seen[0].tolist() == seen[1].tolist()
    assert (table["late_1"].to_numpy()[seen[0]] <= 0).all()


def test_flawed_and_control_are_one_where_nobody_is_refused():
    spec = experiment("accepted-only")
    arms = [spec.read(0.0, seed=3, arm=arm) for arm in spec.arms]
    assert len({(each.apparent, each.honest) for each in arms}) == 1


def test_a_confirmation_judges_by_the_confirm_part():
    rows = experiment("accepted-only").read(seed=3, part="confirm").honest_rows
    confirm = holders("confirm")[0].query("part == 'confirm'")["unit"]
    assert set(rows.unit) <= set(confirm)
