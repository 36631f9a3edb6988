"""Tables whose every row is a training: a row drawn at random is trained again.

A file of its own, so that it runs beside the other tests and not before them.
"""

import json
import os

import numpy as np
import pytest

from illusionkit.experiment import results
from illusionkit.illusions import experiments
from illusionkit.training.book_model import finetuned

HEAVY_S = 30
HEAVY = [name for name, trial in experiments().items() if trial.cost >= HEAVY_S]


@pytest.mark.parametrize("name", HEAVY)
def test_a_random_row_of_a_trained_table_is_trained_again(name):
    """``ILLUSIONKIT_DRAW`` replays a draw that failed."""
    draw = int(os.environ.get("ILLUSIONKIT_DRAW") or int.from_bytes(os.urandom(4), "big"))
    print(f"ILLUSIONKIT_DRAW={draw}")
    found = results.sample(name, rows=1, draw=draw)
    print(found.to_string())
    assert found["within"].all(), f"ILLUSIONKIT_DRAW={draw}\n{found.to_string()}"


def test_the_fine_tuned_model_is_that_of_the_table():
    """*The* model was trained apart from the table: its curves are those of the table's row."""
    kept = results.results("training-score")
    row = kept.table.query("arm == 'flawed' and dose == 2 and seed == 0")
    extras = json.loads(row["extras"].iloc[0])
    history = finetuned().history
    for name, allowed in (("train_loss", 0.02), ("validation_loss", 0.03)):
        curve = [extras[f"{name}_{n:.0f}"] for n in history["epoch"]]
        assert np.allclose(history[name], curve, rtol=0, atol=allowed)
    accuracy = [extras[f"validation_accuracy_{n:.0f}"] for n in history["epoch"]]
    tolerance = experiments()["training-score"].tolerance
    assert np.allclose(history["validation_accuracy"], accuracy, rtol=0, atol=tolerance)
