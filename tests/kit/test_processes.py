"""Two processes under `accelerate launch` do what one does: gradients, losses, scores, weights."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from launch import LAUNCH

PROGRAM = Path(__file__).parent / "programs" / "shared_work.py"


def run(folder, out, *launch):
    """Run the program and return what it wrote."""
    env = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *launch, str(PROGRAM), str(folder), str(out)],
        env=env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return torch.load(out, weights_only=True)


@pytest.fixture(scope="module")
def both(still, tmp_path_factory):
    """What one process finds, and what two find."""
    folder = tmp_path_factory.mktemp("processes")
    return run(still, folder / "one.pt"), run(still, folder / "two.pt", *LAUNCH)


def test_there_were_two_processes(both):
    assert [found["processes"] for found in both] == [1, 2]


@pytest.mark.parametrize(
    ("kind", "close"), [("fp64", 1e-10), ("fp64 in parts", 1e-10), ("fp32", 1e-4)]
)
def test_the_gradients_are_those_of_one_process(both, kind, close):
    one, two = (found[kind] for found in both)
    assert len(one) == len(two) == 3
    for (loss, known), (other, found) in zip(one, two, strict=True):
        assert other == pytest.approx(loss, rel=close)
        largest = max(tensor.abs().max() for tensor in known.values())
        assert largest > 1e-3
        far = max((known[name] - found[name]).abs().max() for name in known)
        assert far <= close * largest


def test_the_training_gives_the_same_scores_and_weights(both):
    one, two = (found["training"] for found in both)
    assert two["history"].keys() == one["history"].keys()
    for name, column in one["history"].items():
        assert two["history"][name] == pytest.approx(column, rel=1e-4), name
    assert two["history"]["validation_accuracy"] == one["history"]["validation_accuracy"]
    for name, tensor in one["weights"].items():
        if not name.endswith("key.bias"):  # it changes nothing: its gradient is 0 but for rounding
            assert (two["weights"][name] - tensor).abs().max() < 2e-4, name
