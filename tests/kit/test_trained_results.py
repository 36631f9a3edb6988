"""Tables whose every row is a training: of two tables drawn, a row drawn is trained again.

A file of its own, whose tests are handed out one by one: each may take minutes.
"""

import json
import os

import numpy as np
import pytest

from illusionkit.experiment import results
from illusionkit.illusions import experiments
from illusionkit.training.book_model import finetuned

HEAVY_S, A_RUN = 30, 2
HEAVY = sorted(name for name, trial in experiments().items() if trial.cost >= HEAVY_S)


def drawn(names, draw):
    """Return the tables of this run, in order: `A_RUN` of them, or all if ALL=1."""
    if os.environ.get("ALL") == "1" or len(names) <= A_RUN:
        return names
    return sorted(np.random.default_rng(draw).choice(names, A_RUN, replace=False).tolist())


@pytest.mark.parametrize("name", drawn(HEAVY, int(os.environ["DRAW"])))
def test_a_random_row_of_a_trained_table_is_trained_again(name, draw):
    found = results.sample(experiments()[name], rows=1, draw=draw)
    print(found.to_string())
    assert found["within"].all(), found.to_string()


def test_every_table_has_its_chance_and_the_draw_can_be_repeated(monkeypatch):
    monkeypatch.delenv("ALL", raising=False)
    draws = [drawn(HEAVY, seed) for seed in range(40)]
    assert all(len(set(names)) == min(A_RUN, len(HEAVY)) for names in draws)
    assert {name for names in draws for name in names} == set(HEAVY)
    assert draws == [drawn(HEAVY, seed) for seed in range(40)]
    monkeypatch.setenv("ALL", "1")
    assert drawn(HEAVY, 0) == HEAVY


def test_the_fine_tuned_model_is_that_of_the_table():
    """*The* model was trained apart from the table: its curves are those of the table's row."""
    kept = results.results(experiments()["training-score"])
    row = kept.table.query("arm == 'flawed' and dose == 2 and seed == 0")
    extras = json.loads(row["extras"].iloc[0])
    history = finetuned().history
    for name, allowed in (("train_loss", 0.02), ("validation_loss", 0.03)):
        curve = [extras[f"{name}_{n:.0f}"] for n in history["epoch"]]
        assert np.allclose(history[name], curve, rtol=0, atol=allowed)
    accuracy = [extras[f"validation_accuracy_{n:.0f}"] for n in history["epoch"]]
    tolerance = experiments()["training-score"].tolerance
    assert np.allclose(history["validation_accuracy"], accuracy, rtol=0, atol=tolerance)
