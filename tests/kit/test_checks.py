"""What stops a training midway: a loss that is none, a memory that is full.

The checks of splits and lengths are tested where `fit` uses them, in test_finetune.py.
"""

import numpy as np
import pytest

from illusionkit.errors import TrainingError
from illusionkit.training.checks import DIVERGED, out_of_memory, require_sound

BATCH = {"step": 41, "epoch": 2, "rows": [5, 9]}


@pytest.mark.parametrize("loss", [0.0, 1.5, DIVERGED])
@pytest.mark.parametrize("norm", [None, 0.0, 1e30])
def test_a_sound_loss_is_given_back(loss, norm):
    assert require_sound(loss, **BATCH, norm=norm) == loss


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), -float("inf"), DIVERGED + 0.5])
def test_a_loss_that_is_none_stops_the_training(loss):
    with pytest.raises(TrainingError) as caught:
        require_sound(loss, **BATCH, rate=0.01, norm=float("nan"))
    assert str(caught.value) == (
        f"The loss became {loss} in epoch 2 (step 41, rows 5 and 9): "
        "try a lower learning rate than 0.01."
    )


def test_without_a_rate_none_is_named():
    with pytest.raises(TrainingError, match=r": try a lower learning rate\.$"):
        require_sound(float("nan"), **BATCH)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "(step 41)"),
        ([7], "(step 41, row 7)"),
        (range(8), "(step 41, rows 0, 1, 2, 3, 4, 5, 6 and 7)"),
        (range(9), "(step 41, rows 0, 1, 2, 3, 4, 5, 6, 7 and 1 more)"),
        (np.arange(31, -1, -1), "(step 41, rows 31, 30, 29, 28, 27, 26, 25, 24 and 24 more)"),
    ],
)
def test_the_rows_of_the_batch_are_named(rows, words):
    with pytest.raises(TrainingError) as caught:
        require_sound(float("nan"), **{**BATCH, "rows": rows})
    assert words in str(caught.value)


@pytest.mark.parametrize("loss", [float("nan"), 1e3])
def test_at_the_first_step_the_learning_rate_is_not_to_blame(loss):
    with pytest.raises(TrainingError, match="weights of the model or the texts") as caught:
        require_sound(loss, step=1, epoch=1, rows=[3], rate=0.01)
    assert str(caught.value).startswith(f"The loss became {loss} in epoch 1 (step 1, row 3): ")
    assert "learning rate" not in str(caught.value)


@pytest.mark.parametrize("norm", [float("nan"), float("inf")])
def test_a_gradient_that_is_not_finite_stops_it_too(norm):
    message = (
        r"The loss is 1\.5, but the gradient is not finite in epoch 2 \(step 41, rows 5 and 9\): "
        r"try a lower learning rate than 0\.01\."
    )
    with pytest.raises(TrainingError, match=message):
        require_sound(1.5, **BATCH, rate=0.01, norm=norm)


def caught(work):
    """Return the error that ``work`` ends in."""
    with pytest.raises((MemoryError, RuntimeError, ValueError)) as error:
        work()
    return error.value


def test_a_full_memory_is_told_from_other_errors():
    """The CPU's own errors are real; those of a GPU can't be had here, and are built."""
    import torch

    assert out_of_memory(caught(lambda: torch.empty(10**15)))
    assert out_of_memory(caught(lambda: np.empty(10**15)))
    assert out_of_memory(MemoryError())
    assert out_of_memory(torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert out_of_memory(RuntimeError("CUDA error: out of memory"))
    assert out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"))
    assert not out_of_memory(caught(lambda: torch.ones(2, 3) @ torch.ones(2, 3)))
    assert not out_of_memory(caught(lambda: torch.ones(2).view(3)))
    assert not out_of_memory(ValueError("MPS backend out of memory"))
    assert not out_of_memory(KeyboardInterrupt())
