"""A filter that cleans the test too, and the same money in three ways."""

import numpy as np
import pandas as pd
import pytest

from illusionkit.errors import DataError
from illusionkit.experiment.task import Task
from illusionkit.illusions.material.films_and_products import mixture
from illusionkit.illusions.outlook.data_quality import kept, probable
from illusionkit.illusions.outlook.data_quality_money import bought


@pytest.mark.parametrize(("share", "left"), [(0.0, [0, 1, 2, 3]), (0.5, [1, 3]), (0.25, [1, 2, 3])])
def test_the_least_worthy_rows_are_thrown_away(share, left):
    worth = np.array([0.1, 0.9, 0.2, 0.8])
    assert np.flatnonzero(kept(worth, share)).tolist() == left


class Sure:
    """A learner that has learned nothing but the commonest label, and is sure of it."""

    features = np.zeros((40, 1))

    def fit(self, train, labels):
        self.classes_ = np.unique(labels)
        self.chances = np.bincount(np.searchsorted(self.classes_, labels)) / len(labels)
        return self

    def predict_proba(self, features):
        return np.tile(self.chances, (len(features), 1))


def test_a_label_is_as_probable_as_the_model_holds_it_and_a_strange_one_not_at_all():
    labels = np.array([1] * 39 + [4])
    table = pd.DataFrame({"label": labels, "unit": np.arange(40), "part": "book"})
    found = probable(Task(table, Sure()), np.arange(40), labels, np.random.default_rng(0))
    assert found[39] == 0
    assert (found[:39] > 0.9).all()


@pytest.mark.parametrize(
    ("price", "arm", "texts", "times"),
    [
        (1, "flawed", 400, 2),
        (1, "labels", 400, 2),
        (1, "more", 400 + 400, 2),  # 1,600 ratings buy 800 rows, half of them copies
        (1, "copies", 400 + 760, 1),  # 80 for the look, 1,520 for new rows
        (0, "more", 400 + 800, 2),
        (3, "copies", 400 + 380, 1),
    ],
)
def test_what_the_money_buys(price, arm, texts, times):
    assert bought(800, price, arm) == (texts, times)


def test_a_file_of_too_few_rows_is_refused():
    table = pd.DataFrame({
        "label": [0, 1] * 20, "unit": np.arange(40), "part": "book", "product": [False, True] * 20,
    })  # fmt: skip
    rng = np.random.default_rng(0)
    assert [len(side) for side in mixture(Task(table, Sure()), rng)] == [10, 24]
    with pytest.raises(DataError, match="rows of a corpus to work on"):
        mixture(Task(table.head(24), Sure()), rng)
