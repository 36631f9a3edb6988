"""CUDA graphs, as far as a CPU can tell: lengths, masks, decisions, and that the loop is the same.

What needs a GPU is in test_gpu.py.
"""

import itertools
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import torch
from small_models import same, weights

from illusionkit.errors import TrainingError
from illusionkit.models import encoders
from illusionkit.models.graphs import Graphs, padded_length, square, takes_square_masks
from illusionkit.training import finetune, graphs, session
from illusionkit.training.batches import Batches, Settings, Split
from illusionkit.training.finetune import fit
from illusionkit.training.graphs import LATER, Guard, why_eager

TEXTS = [f"{'good' if n % 2 else 'bad'} film{' indeed' * (n % 29)}" for n in range(110)]
TRAIN = Split(TEXTS[:90], [n % 2 for n in range(90)])
WATCHED = Split(TEXTS[90:], [n % 2 for n in range(20)])
QUICK = Settings(epochs=2, batch_size=8, learning_rate=1e-3, max_tokens=40)


@pytest.mark.parametrize("most", [40, 128, 512])
def test_a_length_holds_the_text_and_there_are_few(most):
    found = [padded_length(tokens, most) for tokens in range(1, most + 1)]
    assert found == sorted(found)
    assert all(tokens <= length <= most for tokens, length in enumerate(found, start=1))
    assert all(length % 16 == 0 or length == most for length in found)
    assert len(set(found)) == {40: 3, 128: 8, 512: 16}[most]
    wide = [length / tokens for tokens, length in enumerate(found, start=1) if tokens > 64]
    assert max(wide, default=1) < 1.26


def test_a_square_mask_hides_the_same_tokens_from_every_token():
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]])
    made = square(mask)
    assert made.shape == (2, 1, 3, 3) and made.dtype == torch.bool
    assert all(torch.equal(made[:, 0, token], mask.bool()) for token in range(3))


@pytest.mark.parametrize("training", [True, False])
def test_a_bert_takes_square_masks(small, training):
    model, _ = encoders.classifier(2, str(small))
    assert takes_square_masks(model.train(training))
    assert model.training == training


def test_a_model_that_reads_no_mask_or_fails_at_it_does_not(small, monkeypatch):
    model, _ = encoders.classifier(2, str(small))
    whole = type(model).forward

    def blind(self, ids, attention_mask):
        return whole(self, ids, attention_mask if attention_mask.ndim == 2 else None)

    monkeypatch.setattr(type(model), "forward", blind)
    assert not takes_square_masks(model)

    def strict(self, ids, attention_mask):
        raise ValueError("a mask has two dimensions")

    monkeypatch.setattr(type(model), "forward", strict)
    assert not takes_square_masks(model)


WHERE = {"processes": 1, "frozen": 0, "squares": lambda: True}


@pytest.fixture
def switched_on(monkeypatch):
    """Graphs, switched on."""
    monkeypatch.setenv("ILLUSIONKIT_GRAPHS", "1")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, ""),
        ({"processes": 2}, "several processes"),
        ({"frozen": 1}, "layers are frozen"),
        ({"squares": lambda: False}, "masks"),
    ],
)
def test_why_there_are_no_graphs_is_told(switched_on, changed, words):
    why = why_eager(torch.device("cuda:0"), **{**WHERE, **changed})
    assert words in why
    assert bool(why) == bool(words)


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_other_devices_have_none(switched_on, device):
    asked = {**WHERE, "squares": lambda: pytest.fail("the model was asked")}
    assert why_eager(torch.device(device), **asked) == f"no graphs: the device is {device}"


@pytest.mark.parametrize("value", [None, "", "0"])
def test_they_are_switched_off_unless_asked_for(monkeypatch, value):
    monkeypatch.delenv("ILLUSIONKIT_GRAPHS", raising=False)
    if value is not None:
        monkeypatch.setenv("ILLUSIONKIT_GRAPHS", value)
    why = why_eager(torch.device("cuda"), **WHERE)
    assert why == "no graphs: they are not switched on (ILLUSIONKIT_GRAPHS=1)"


def test_a_cpu_pads_to_no_lengths(small, switched_on):
    model, tokenizer = encoders.classifier(2, str(small))
    lengths = []
    model.register_forward_pre_hook(
        lambda _, __, named: lengths.append(named["input_ids"].shape[1]), with_kwargs=True
    )
    fitted = fit(model, tokenizer, TRAIN, WATCHED, QUICK)
    assert fitted.reason == "no graphs: the device is cpu"
    assert any(length % 16 for length in lengths)


class Computed:
    """In place of CUDA graphs: the function, computed each time, after the first of a shape."""

    made: ClassVar[list] = []
    off = False

    def __init__(self, function, device, after=1):
        self._function, self._met, self.reason = function, set(), ""
        self.captured, self.replayed = 0, 0
        self.made.append(self)

    def __call__(self, *given):
        key = tuple(tensor.shape for tensor in given)
        first = key not in self._met
        self._met.add(key)
        if first or self.off or self.reason:
            return None
        self.replayed += 1
        return self._function(*given)

    def either(self, *given):
        return self._function(*given)

    def give_up(self, reason):
        self.reason = reason


@pytest.fixture(autouse=True)
def unpinned(monkeypatch):
    """Memory is pinned for a GPU alone."""
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: self)


@pytest.fixture
def on_gpu(monkeypatch):
    """Let a training on this CPU believe that it may have graphs."""
    monkeypatch.setattr(session, "why_eager", lambda *_, **__: "")
    for module in (graphs, finetune):
        monkeypatch.setattr(module, "Graphs", Computed)
    monkeypatch.setattr(Computed, "made", [])


def trained(small, settings=QUICK, **more):
    model, tokenizer = encoders.classifier(2, str(small), seed=0)
    fitted = fit(model, tokenizer, TRAIN, WATCHED, settings, **more)
    return weights(model), fitted.history.drop(columns="seconds"), fitted.reason


def test_the_loop_is_the_same_with_graphs_and_without(small, on_gpu, monkeypatch):
    known, told, why = trained(small)
    monkeypatch.setattr(Computed, "off", True)
    found, again, eager = trained(small)
    assert same(known, found) and told.equals(again)
    assert why.startswith("20 steps by 0") and "2, a last batch with fewer rows" in why
    assert eager.startswith("0 steps by 0")


def test_a_training_may_be_stopped_between_graphs_and_eager(small, on_gpu, tmp_path):
    known, told, _ = trained(small)

    class StopError(Exception):
        pass

    def stop(_epoch):
        raise StopError

    with pytest.raises(StopError):
        trained(small, checkpoints=tmp_path, every=5, each_epoch=stop)
    found, again, _ = trained(small, checkpoints=tmp_path, every=5)
    assert same(known, found) and told.equals(again)


def test_batches_in_parts_go_without(small, on_gpu):
    parts = Settings(**{**vars(QUICK), "tokens_at_once": 20})
    _, _, why = trained(small, parts)
    assert why.startswith("0 steps by 0") and "a batch in parts" in why


def test_weights_that_were_moved_get_new_graphs(small, on_gpu):
    model, tokenizer = encoders.classifier(2, str(small), seed=0)

    def move(_epoch):
        for weight in model.parameters():
            weight.data = weight.data.clone()

    fit(model, tokenizer, TRAIN, WATCHED, QUICK, each_epoch=move)
    moved = len(Computed.made)
    trained(small)
    assert moved - 1 == len(Computed.made) - moved == 2  # for steps and for scores


def test_batches_for_a_gpu_are_padded_to_few_lengths_and_mean_the_same(small, on_gpu):
    model, tokenizer = encoders.classifier(2, str(small))
    batches, plain = (Batches(tokenizer, TRAIN, QUICK) for _ in range(2))
    batches.few_lengths = True
    seen = set()
    for rows in batches.order(1):
        inputs, labels = batches.batch(rows, "cpu")
        usual, wanted = plain.batch(rows, "cpu")
        seen.add(inputs["input_ids"].shape[1])
        assert torch.equal(labels, wanted)
        with torch.no_grad():
            logits, known = model.eval()(**inputs).logits, model(**usual).logits
        assert (logits - known).abs().max() < 1e-5
    assert seen <= {16, 32, 40}


@pytest.mark.parametrize("side", ["left", "right"])
def test_batches_are_those_of_the_tokenizer(small, side):
    _, other = encoders.encoder(str(small))
    other.padding_side = side
    batches = Batches(other, TRAIN, QUICK)
    rows = np.array([3, 28, 0, 11])
    inputs, _ = batches.batch(rows, "cpu")
    texts = [{"input_ids": batches._rows[row]} for row in rows]
    for name, tensor in other.pad(texts, return_tensors="pt").items():
        assert torch.equal(inputs[name], tensor), name


def guarded():
    """Return a weight under a fused optimiser with a guard, and a function that makes a step."""
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.AdamW([weight], lr=0.1, fused=True)
    guard = Guard(torch.device("cpu"), optimizer, None)
    counted = itertools.count(1)

    def step(loss=1.0, norm=1.0):
        weight.grad = torch.full((3,), 0.5)
        guard.withhold(torch.tensor(loss, dtype=torch.float64), torch.tensor(norm))
        optimizer.step()
        guard.note(step=next(counted), epoch=1, rows=[4, 7], rate=0.1)

    return weight, guard, step


@pytest.mark.parametrize("bad", [{"loss": float("nan")}, {"loss": 51.0}, {"norm": float("inf")}])
def test_from_an_unsound_step_on_no_update_is_made_and_the_step_is_named_later(bad):
    weight, guard, step = guarded()
    step()
    before = weight.detach().clone()
    assert not torch.equal(before, torch.ones(3))
    step(**bad)
    for _ in range(3):
        step()
    assert torch.equal(weight, before)
    with pytest.raises(TrainingError, match=r"in epoch 1 \(step 2, rows 4 and 7\)"):
        guard.look()


def test_without_being_asked_the_guard_looks_within_two_rounds():
    _, _, step = guarded()
    step(loss=float("nan"))
    with pytest.raises(TrainingError, match="step 1, rows 4 and 7"):
        for _ in range(2 * LATER):
            step()


def test_sound_steps_pass():
    weight, guard, step = guarded()
    for _ in range(3 * LATER):
        step()
    guard.look()
    assert weight.isfinite().all()


class Recorded:
    """In place of `torch.cuda`: graphs that were recorded, whose replay computes nothing."""

    def __init__(self, monkeypatch):
        self.pools, self.states, self.fail = [], [], False
        outer = self

        class Graph:
            def pool(self):
                return (0, len(outer.pools))

            def replay(self):
                pass

        class Capture:
            def __init__(self, graph, *, pool, capture_error_mode):
                outer.pools.append(pool)

            def __enter__(self):
                if outer.fail:
                    raise RuntimeError("operation not permitted\nwhile capturing")

            def __exit__(self, *_):
                return False

        generator = SimpleNamespace(
            clone_state=lambda: "before", graphsafe_set_state=self.states.append
        )
        monkeypatch.setattr(torch.cuda, "current_stream", lambda: None)
        monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
        monkeypatch.setattr(torch.cuda, "graph", Capture)
        monkeypatch.setattr(torch.cuda, "default_generators", (generator,))
        for name in ("_cuda_endAllocateToPool", "_cuda_releasePool"):
            monkeypatch.setattr(torch._C, name, lambda *_: None, raising=False)


@pytest.fixture
def recorded(monkeypatch):
    return Recorded(monkeypatch)


def test_a_shape_gets_a_graph_once_it_was_met_and_what_is_given_comes_into_its_place(recorded):
    made = Graphs(lambda ids: ids, torch.device("cpu"))  # what it returns lies where it was given
    short, long = torch.arange(4), torch.arange(9)
    assert made(short) is None and made(long) is None
    assert torch.equal(made(short), short) and torch.equal(made(long + 1), long + 1)
    again = made(short + 5)
    assert torch.equal(again, short + 5)
    assert torch.equal(made(short + 7), short + 7) and torch.equal(again, short + 5)
    assert (made.captured, made.replayed) == (2, 4)
    assert recorded.pools == [None, (0, 1)]  # the second shares the memory of the first


def test_what_can_not_be_captured_is_given_up_for_good_and_random_numbers_are_as_before(recorded):
    made = Graphs(lambda ids: ids, torch.device("cpu"))
    ids = torch.arange(4)
    made(ids), made(ids)
    recorded.fail = True
    assert made(ids[:3]) is None and made(ids[:3]) is None
    assert made.reason == "it can't be captured (operation not permitted)"
    assert recorded.states == ["before"]
    recorded.fail = False
    assert made(ids) is None and made(ids[:3]) is None
    assert torch.equal(made.either(ids), ids)
