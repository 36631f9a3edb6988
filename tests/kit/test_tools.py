"""Four tools on one task: the same losses, the record of them, and the code that the page shows.

What needs TensorFlow runs where it is installed: ``make tools`` does so, in an environment of its
own, without the other tests' fixtures.
"""

from __future__ import annotations

import ast
import json
import math
import re
import textwrap
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from illusionkit.errors import DataError
from illusionkit.experiment.records import record
from illusionkit.illusions.material import (
    in_pytorch,
    in_tensorboard,
    in_tensorflow,
    in_trainer,
    one_task,
)

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "chapters" / "07-resources" / "tools.ipynb"
STEPS = {"probe": 50, "fine-tuning": 20}
TOOLS = ("PyTorch", "Trainer", "TensorFlow", "TensorBoard")
SHOWN = {
    "PyTorch": in_pytorch.train,
    "Trainer": in_trainer.train,
    "TensorFlow": in_tensorflow.train,
    "TensorBoard": in_tensorboard.logged,
}
ROUNDING = 1e-5
"""How far two tools' losses of a step may be apart on one machine."""
ELSEWHERE = 1e-3
"""How far a loss may be from the record's on another CPU."""

tensorflow = pytest.mark.skipif(
    find_spec("tensorflow") is None,
    reason="TensorFlow is not installed; `make tools` runs this in an environment that has it",
)


@pytest.fixture(autouse=True)
def the_books_own(monkeypatch):
    monkeypatch.delenv("ILLUSIONKIT_RESULTS", raising=False)


def losses(case):
    return one_task.steps_of(record("tools").row(case))


def few(rows=50, width=6, seed=0):
    """Return a few made-up rows of five classes, the last batch of 16 a short one."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, width)).astype(np.float32)
    return one_task.Rows(features, rng.integers(0, 5, rows))


class TestRecord:
    @pytest.mark.parametrize("task", STEPS)
    @pytest.mark.parametrize("tool", TOOLS)
    def test_it_holds_the_losses_of_every_step(self, task, tool):
        known, first = losses(f"{task}, {tool}"), losses(f"{task}, PyTorch")
        assert len(known) == STEPS[task]
        assert np.ptp(first) > 0.05
        assert np.abs(np.subtract(known, first)).max() < ROUNDING

    def test_the_probe_begins_at_chance(self):
        assert losses("probe, TensorFlow")[0] == pytest.approx(math.log(5), abs=1e-6)

    def test_told_nothing_the_tools_part(self):
        ends = [record("tools").table(f"untold, {tool}")["mean_loss"] for tool in TOOLS[:3]]
        assert all(len(each) >= 3 for each in ends)
        assert min(abs(a.mean() - b.mean()) for a, b in pairwise(ends)) > 0.01

    def test_it_names_what_made_it(self):
        known = record("tools")
        named = {"torch", "transformers", "tensorflow", "keras", "tensorboard"}
        assert named <= set(known.versions)
        assert known.machine["cpu"]

    def test_the_losses_of_pytorch_come_out_again(self):
        rows, _ = one_task.reviews()
        head = in_pytorch.probe(384, one_task.CLASSES)
        found = in_pytorch.train(head, in_pytorch.tensors(*rows), one_task.RATE, one_task.BATCH)
        assert np.abs(np.subtract(found, losses("probe, PyTorch"))).max() < ELSEWHERE


class TestPage:
    @pytest.mark.parametrize("tool", SHOWN)
    def test_a_tab_shows_the_code_that_runs(self, tool):
        cells = json.loads(PAGE.read_text(encoding="utf-8"))["cells"]
        text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        tab = re.search(rf":::\{{tab-item\}} {tool}\n```python\n(.*?)\n```\n:::", text, re.DOTALL)
        assert tab is not None, f"{PAGE.name} has no tab for {tool}"
        assert tab[1] == body(SHOWN[tool])


def body(function):
    """Return the source of a function below its docstring and its imports, dedented."""
    source = Path(function.__code__.co_filename).read_text(encoding="utf-8")
    tree = ast.parse(source)
    found = next(n for n in tree.body if getattr(n, "name", None) == function.__name__)
    brought = (ast.Import, ast.ImportFrom)
    first = next(each for each in found.body[1:] if not isinstance(each, brought))
    lines = source.splitlines()[first.lineno - 1 : found.end_lineno]
    return textwrap.dedent("\n".join(lines))


class TestSameLosses:
    def test_the_trainer_loses_what_the_loop_loses(self):
        rows = in_pytorch.tensors(*few())
        ours = in_pytorch.train(in_pytorch.probe(6, 5), rows, 0.1, 16)
        theirs = in_trainer.train(in_pytorch.probe(6, 5), rows, 0.1, 16)
        assert len(ours) == 4
        assert np.ptp(ours) > 0
        assert ours == pytest.approx(theirs, abs=ROUNDING)

    def test_tensorboard_gives_back_what_was_logged(self):
        rows = in_pytorch.tensors(*few())
        ours = in_pytorch.train(in_pytorch.probe(6, 5), rows, 0.1, 16)
        kept = in_tensorboard.train(in_pytorch.probe(6, 5), rows, 0.1, 16)
        assert ours == pytest.approx(kept, abs=1e-6)

    @tensorflow
    def test_tensorflow_loses_what_the_record_says(self):
        rows, _ = one_task.reviews()
        head = in_tensorflow.probe(384, one_task.CLASSES)
        given = in_tensorflow.tensors(*rows)
        found = in_tensorflow.train(head, given, one_task.RATE, one_task.BATCH)
        assert np.abs(np.subtract(found, losses("probe, TensorFlow"))).max() < ELSEWHERE

    @tensorflow
    def test_the_layer_by_hand_is_the_encoders(self):
        weights, rng = one_task.last_layer(), np.random.default_rng(1)
        states = rng.normal(size=(6, 9, 384)).astype(np.float32)
        mask = (np.arange(9) < rng.integers(3, 10, 6)[:, None]).astype(np.int64)
        given = states, mask, rng.integers(0, 5, 6)
        ours = in_pytorch.last_layer(weights), in_pytorch.tensors(*given)
        theirs = in_tensorflow.last_layer(weights), in_tensorflow.tensors(*given)
        with torch.no_grad():
            first = ours[0](*ours[1][:2]).numpy()
        assert np.abs(first - theirs[0](*theirs[1][:2]).numpy()).max() < ROUNDING
        found = [
            m.train(*each, 0.1, 2) for m, each in ((in_pytorch, ours), (in_tensorflow, theirs))
        ]
        assert found[0] == pytest.approx(found[1], abs=ROUNDING)

    @tensorflow
    def test_keras_takes_the_last_fifth_to_validate_on(self):
        table = one_task.Rows(few().features, np.repeat([0, 1, 2, 3, 4], 10))
        _, lost, log = in_tensorflow.untold(table, validation_split=0.2)
        assert len(log["val_loss"]) == 1
        assert len(lost) == 3  # two batches of the first forty rows, one of the last ten


class TestUntold:
    def test_the_trainer_sets_a_seed_of_its_own(self):
        rows = in_pytorch.tensors(*few())
        found = []
        for seed in (1, 2):
            torch.manual_seed(seed)
            found.append(in_trainer.untold(rows, 5)[1])
        assert found[0] == found[1]
        assert in_trainer.untold(rows, 5, seed=7)[1] != found[0]

    def test_what_is_no_number_stands_as_zero_in_its_log(self):
        rows = few()
        rows.features[3, 0] = np.nan
        asked = {"num_train_epochs": 2, "logging_steps": 1, "per_device_train_batch_size": 50}
        _, lost, log = in_trainer.untold(in_pytorch.tensors(*rows), 5, **asked)
        assert np.isnan(lost).all()
        assert [entry["loss"] for entry in log if "loss" in entry] == [0, 0]

    def test_pytorch_is_drawn_from_the_callers_seed(self):
        rows, found = in_pytorch.tensors(*few()), []
        for seed in (1, 2, 1):
            torch.manual_seed(seed)
            found.append(in_pytorch.untold(rows, 16, 5)[1])
        assert found[0] == found[2] != found[1]


class TestNumbers:
    def test_a_short_last_batch_weighs_like_a_full_one(self):
        assert one_task.mean_of_means(np.array([1.0, 1.0, 1.0, 1.0, 6.0]), 4) == 3.5
        assert one_task.mean_of_means(np.array([1.0, 3.0]), 8) == 2.0

    @pytest.mark.parametrize(("rows", "batch"), [(3, 0), (0, 4)])
    def test_no_rows_or_batches_of_none_are_refused(self, rows, batch):
        with pytest.raises(DataError, match="at least one row"):
            one_task.mean_of_means(np.ones(rows), batch)

    def test_a_smoothed_curve_by_hand(self):
        # 0.5·0 + 0.5·4 = 2, over 0.5; then 0.5·2 + 0.5·1 = 1.5, over 0.75
        assert one_task.smoothed([4, 1], 0.5) == pytest.approx([4, 2])
        assert one_task.smoothed([4, 1], 0) == pytest.approx([4, 1])

    def test_losses_and_accuracy_by_hand(self):
        rows = one_task.Rows(np.eye(2, dtype=np.float32), np.array([0, 0]))
        weight = np.array([[math.log(3), 0], [0, math.log(3)]])
        loss, accuracy = one_task.judged(weight, np.zeros(2), rows)
        assert loss == pytest.approx((math.log(4 / 3) + math.log(4)) / 2)
        assert accuracy == 0.5

    def test_large_scores_give_finite_losses(self):
        each = one_task.losses_of(np.array([[1000.0, 0.0]]), np.array([1]))
        assert each == pytest.approx([1000.0])

    def test_sorted_rows_keep_their_features(self):
        rows = few()
        table = one_task.by_class(rows)
        assert (np.diff(table.labels) >= 0).all()
        first = np.flatnonzero(rows.labels == 0)[0]
        assert (table.features[0] == rows.features[first]).all()

    def test_how_far_tools_are_apart(self):
        assert one_task.differences({"a": [1, 2], "b": [1, 2.5]}) == {"a": 0.0, "b": 0.5}

    def test_the_losses_of_a_row_come_in_the_order_of_their_steps(self):
        row = {"loss_10": 3.0, "case": "probe", "loss_02": 2.0, "judged_loss": 9.0}
        assert one_task.steps_of(row) == [2.0, 3.0]


class TestTensorBoard:
    def test_it_keeps_so_many_steps_and_the_last(self, tmp_path):
        seen = in_tensorboard.shown(np.ones(40), str(tmp_path), most=10)
        assert len(seen) == 10
        assert seen[-1] == 39
        assert seen == sorted(set(seen))

    def test_its_page_says_where_the_slider_stands(self):
        assert in_tensorboard.slider() == 0.6
