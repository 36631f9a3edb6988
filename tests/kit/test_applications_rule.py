"""Labels that a rule made: who is scored, by which labels, and what the rule is worth."""

import numpy as np
import pytest

from illusionkit.experiment.reading import Rows
from illusionkit.illusions import experiment
from illusionkit.illusions.applications import rule_made_label
from illusionkit.illusions.collect.class_imbalance import holders

SPEC = experiment("rule-made-label")


def behind(rows):
    table = holders("book")[0].set_index("unit")
    return (table.loc[rows.unit, "late_1"] > 0).to_numpy().astype(int)


def test_only_those_looked_up_count_and_one_class_alone_is_no_score():
    truth, chance = np.array([0, 1, 1, 0]), np.array([0.2, 0.4, 0.1, 0.9])
    score = rule_made_label.AUC.score
    assert score(Rows(truth, chance, np.arange(4), group=np.array([1, 1, 0, 0]))) == 1
    assert score(Rows(truth, chance, np.arange(4), group=np.ones(4, int))) == 0.25
    assert np.isnan(score(Rows(truth, chance, np.arange(4), group=np.array([0, 1, 1, 0]))))


def test_all_labels_are_the_rules_and_the_truth_is_kept():
    reading = SPEC.read(1.0, seed=3)
    seen, honest = reading.apparent_rows, reading.honest_rows
    assert (seen.truth == behind(seen)).all()
    assert reading.extras["wrong"] == pytest.approx(np.mean(seen.truth != honest.truth), abs=0.02)
    assert (seen.truth != honest.truth).any()


def test_dealt_answers_are_as_many_and_other_peoples():
    rows = SPEC.read(1.0, seed=3, arm="control").apparent_rows
    rule = behind(rows)
    assert abs(rows.truth.mean() - rule.mean()) < 0.02
    assert np.mean(rows.truth == rule) < 0.75


def test_a_thousand_are_looked_up_and_the_model_stays():
    flawed, cured = (SPEC.read(0.5, seed=3, arm=arm) for arm in ("flawed", "cured"))
    assert cured.apparent_rows.group.sum() == rule_made_label.LOOKED_UP
    assert (cured.apparent_rows.truth == cured.honest_rows.truth).all()
    assert (cured.apparent_rows.prediction == flawed.apparent_rows.prediction).all()


def test_without_a_rule_flawed_and_control_are_honest():
    arms = [SPEC.read(0.0, seed=3, arm=arm) for arm in ("flawed", "control")]
    assert len({score for each in arms for score in (each.apparent, each.honest)}) == 1
    assert arms[0].extras["wrong"] == 0


def test_what_a_rule_of_two_values_is_worth_follows_from_whom_it_names():
    reading = SPEC.read(1.0, seed=3)
    truth, rule = reading.honest_rows.truth, reading.apparent_rows.truth
    formula = (1 + rule[truth == 1].mean() - rule[truth == 0].mean()) / 2
    assert reading.extras["rule"] == pytest.approx(formula, abs=1e-5)


def test_a_confirmation_judges_by_the_confirm_part():
    rows = SPEC.read(seed=3, part="confirm").honest_rows
    confirm = holders("confirm")[0].query("part == 'confirm'")["unit"]
    assert set(rows.unit) <= set(confirm)
