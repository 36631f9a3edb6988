"""A shift that is none: equal prevalence, whole households, one judge; and what can't be read."""

import numpy as np
import pandas as pd
import pytest

from illusionkit.data import census
from illusionkit.errors import DataError
from illusionkit.illusions import experiment
from illusionkit.illusions.collect import domain_shift_years
from illusionkit.models.learners import Probe

TRIAL = experiment("domain-shift-years")
SIZES = (domain_shift_years.TRAIN, domain_shift_years.HELD, domain_shift_years.JUDGED)


@pytest.fixture
def fits(monkeypatch):
    """Note what is fitted and judged, and fit nothing."""
    noted, real = [], domain_shift_years.trusted

    def trusted(task, arm, *, train, held, judged):
        noted.append((task, train, held, judged))
        return real(task, arm, train=train, held=held, judged=judged)

    def chances(self, train, labels, test):
        sure = np.random.default_rng(0).uniform(0.5, 1, len(test))
        return np.stack([1 - sure, sure], axis=1)

    monkeypatch.setattr(domain_shift_years, "trusted", trusted)
    monkeypatch.setattr(Probe, "chances", chances)
    return noted


@pytest.mark.parametrize("dose", [0.0, 1.0, 3.0])
def test_persons_are_as_many_of_both_kinds_of_the_years_that_are_said(dose, fits):
    for arm in TRIAL.arms:
        TRIAL.read(dose, 0, arm)
    lab, later = {2015}, {2015 + int(dose)}
    years = []
    for task, *sides in fits:
        for rows, size in zip(sides, SIZES, strict=True):
            assert np.bincount(task.label[rows]).tolist() == [size] * 2
            assert len(set(rows)) == len(rows)
        first, second, third = (set(task.unit[rows]) for rows in sides)
        assert not (first & second or first & third or second & third)
        years.append([set(task.table["year"].to_numpy()[rows]) for rows in sides])
    assert years == [
        [lab, lab, later],
        [later, later, later],
        [lab, later, later],
        [lab, lab, later],
    ]


def test_a_year_later_is_another_household_altogether():
    table = domain_shift_years.people()
    units = [set(table["unit"][table["year"] == year]) for year in census.YEARS]
    assert [len(found) for found in units] == [domain_shift_years.HOUSEHOLDS] * 4
    assert len(set.union(*units)) == 4 * domain_shift_years.HOUSEHOLDS
    assert set(table["part"]) == {"book"}


def made_up(rows=9000, years=census.YEARS, seed=0):
    """Return a made-up census, two to a household; a job depends on age alone."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"year": np.repeat(years, rows)})
    for name, (_, top) in census.COLUMNS.items():
        table[name] = rng.integers(0, top + 1, len(table))
    right = rng.random(len(table)) < 0.9
    table.insert(0, "label", ((table["age"] > 60) == right).astype(np.int64))
    table.insert(1, "unit", np.arange(len(table)) // 2 + seed * 10**6)
    return table


@pytest.fixture
def put(monkeypatch):
    """Return a function that puts made-up parts in place of the census."""
    for name, size in {"TRAIN": 300, "HELD": 500, "JUDGED": 500}.items():
        monkeypatch.setattr(domain_shift_years, name, size)

    def place(book):
        monkeypatch.setattr(census, "census", lambda part="book": book.copy())
        domain_shift_years.people.cache_clear()

    yield place
    domain_shift_years.people.cache_clear()


def test_where_the_rule_stays_the_lab_is_right_and_where_it_turns_it_is_not(put):
    """A census whose truth is known: from 2018 on, who is old has no job."""
    table = made_up()
    put(table)
    assert abs(TRIAL.optimism(TRIAL.read(3.0, 0))) < 0.08
    turned = table["year"] == 2018
    put(table.assign(label=np.where(turned, 1 - table["label"], table["label"])))
    assert TRIAL.optimism(TRIAL.read(3.0, 0)) > 0.5
    assert TRIAL.optimism(TRIAL.read(3.0, 0, "estimated")) > 0.5
    for arm in ("control", "cured"):
        assert abs(TRIAL.optimism(TRIAL.read(3.0, 0, arm))) < 0.08


@pytest.mark.parametrize("name", ["age", "race"])
def test_a_missing_and_a_constant_column_are_named(put, name):
    for table in (made_up().drop(columns=name), made_up().assign(**{name: 1})):
        put(table)
        with pytest.raises(DataError, match=f"'{name}' is missing or constant"):
            TRIAL.read(1.0, 0)


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (lambda t: t["label"] == 1, "300 persons without a job are needed and 0 are"),
        (lambda t: t["label"] == 0, "300 persons with a job are needed and 0 are there"),
        (lambda t: t["year"] != 2016, "00 persons without a job are needed and 0 are"),
        (lambda t: (t["year"] != 2016) | (t["unit"] % 40 == 0), "persons .* job are needed and"),
    ],
    ids=["no class 0", "no class 1", "an empty year", "a year that is too small"],
)
@pytest.mark.parametrize("arm", TRIAL.arms)
def test_a_prevalence_that_cannot_be_reached_is_named(put, keep, message, arm):
    table = made_up()
    put(table[keep(table)])
    with pytest.raises(DataError, match=message):
        TRIAL.read(1.0, 0, arm)
