"""Data that will not do: what the kit asks of any experiment's rows, and how a stop is told."""

import numpy as np
import pandas as pd
import pytest
import synthetic

from illusionkit.errors import DataError
from illusionkit.experiment import needs
from illusionkit.experiment.reading import ACCURACY, Metric, Reading, Rows


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
    needs.check_judged("x", Reading(0, 0, many, None), rate=True)
    needs.check_judged("x", Reading(0, 0, rows([0, 1, 1]), None), rate=False)
    aside = rows([0, 1, 0, 1, 1], group=[-1, 0, 0, 1, 1])
    needs.check_judged("x", Reading(0, 0, aside, aside), rate=False)


def test_rows_of_one_label_are_no_test_even_where_the_truth_is_known():
    with pytest.raises(DataError, match="rows of one label"):
        needs.check_judged("x", Reading(0, 0, rows([1, 1, 1]), None), rate=False)


@pytest.mark.parametrize("stop", needs.STOPS)
def test_a_library_s_stop_is_told_with_its_cause(stop):
    def run(dose, seed, arm, part):
        raise stop("no rows")

    with pytest.raises(DataError, match=f"{stop.__name__}: .*no rows") as told:
        synthetic.experiment(run=run).read()
    assert isinstance(told.value.__cause__, stop)


def test_a_data_error_says_whose_it_is():
    def run(dose, seed, arm, part):
        raise DataError("Nine rows are needed.")

    with pytest.raises(DataError, match=r"'synthetic' can't be run on these data\. Nine"):
        synthetic.experiment(run=run).read()


def test_a_missing_value_is_named_by_its_column():
    table = pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, None]})
    with pytest.raises(DataError, match="column 'b' has 2 rows without a value"):
        needs.check_whole(table)
    assert needs.check_whole(table[["a"]])["a"].tolist() == [1, 2, 3]


def test_other_errors_stay_what_they_are():
    metric = Metric("broken", per_row=lambda rows: rows.nothing)

    def run(dose, seed, arm, part):
        return Reading.scored(metric, rows([0, 1]), rows([0, 1]))

    with pytest.raises(AttributeError):
        synthetic.experiment(run=run).read()
