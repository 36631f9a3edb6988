"""On a CUDA GPU: the training of the CPU, in fp32, bf16 and fp16. Skipped where there is none."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_models import weights, without_dropout

from illusionkit.models import encoders
from illusionkit.models.precision import choose, cuda_has_bf16, has_cuda
from illusionkit.training.batches import Batches, Settings, Split
from illusionkit.training.book_model import split_of, tables
from illusionkit.training.checkpoints import Checkpoints
from illusionkit.training.finetune import backward, fit, probabilities
from illusionkit.training.session import accelerator_of

pytestmark = [
    pytest.mark.skipif(not has_cuda(), reason="no CUDA GPU here"),
    pytest.mark.usefixtures("gpu"),
]
PRECISIONS = ("fp32", "bf16", "fp16")
QUICK = Settings(epochs=2, batch_size=32, max_tokens=64)


@pytest.fixture
def gpu(monkeypatch):
    """A GPU that is used and, afterwards, left with all its memory."""
    monkeypatch.delenv("ACCELERATE_USE_CPU", raising=False)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()


@pytest.fixture(scope="module")
def reviews():
    """Real reviews, plainly bad (0) or plainly good (1): 640 and 200."""
    rows = tables()["train"].drop_duplicates("unit")
    rows = rows[rows["label"].isin((0, 4))].groupby("label").sample(420, random_state=0)
    rows = rows.assign(label=(rows["label"] == 4).astype(int)).sample(frac=1, random_state=0)
    return split_of(rows[:640]), split_of(rows[640:])


def split_first(split, rows):
    """Return the first rows of a split."""
    return Split(split.texts[:rows], split.labels[:rows])


def test_the_gpu_is_chosen_and_bf16_where_it_has_it():
    choice = choose()
    assert choice.device == "cuda"
    assert choice.mixed == ("bf16" if cuda_has_bf16() else "fp16")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_real_bert_learns_real_reviews(reviews, precision):
    settings = replace(QUICK, precision=precision)
    model, tokenizer = encoders.classifier(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = fit(model, tokenizer, *reviews, settings)
    first, last = fitted.history["train_loss"]
    assert fitted.device.startswith("cuda")
    assert last < first < math.log(2) + 0.05
    assert fitted.history["validation_accuracy"].max() > 0.8
    assert {tensor.dtype for tensor in model.parameters()} == {torch.float32}
    assert "forward" not in vars(model)
    said = probabilities(model, tokenizer, reviews[1].texts, settings).argmax(axis=1)
    found = (said == np.array(reviews[1].labels)).mean()
    best = fitted.history["validation_accuracy"][fitted.best_epoch - 1]
    assert found == pytest.approx(best, abs=0.011)  # two of 200 that 16 bits may turn


def test_attention_waits_for_no_plan_while_it_trains(reviews):
    settings, seen = replace(QUICK, epochs=1, max_tokens=16), []
    model, tokenizer = encoders.classifier(2)
    before = torch.backends.cuda.cudnn_sdp_enabled()
    some = split_first(reviews[0], 64)

    def look(_):
        seen.append(torch.backends.cuda.cudnn_sdp_enabled())

    fit(model, tokenizer, some, some, settings, each_epoch=look)
    assert seen == [False]
    assert torch.backends.cuda.cudnn_sdp_enabled() == before


def test_who_asks_for_the_cpu_later_gets_it(reviews, monkeypatch):
    settings = replace(QUICK, epochs=1, max_tokens=16)
    some, found = split_first(reviews[0], 32), []
    for wanted in (None, "true", "false"):
        if wanted is not None:
            monkeypatch.setenv("ACCELERATE_USE_CPU", wanted)
        model, tokenizer = encoders.classifier(2)
        found.append(fit(model, tokenizer, some, some, settings).device.split(":")[0])
    assert found == ["cuda", "cpu", "cuda"]


def test_the_scores_are_those_of_the_cpu(reviews):
    model, tokenizer = encoders.classifier(5)
    there = probabilities(model, tokenizer, reviews[1].texts, QUICK)
    here = probabilities(model.to("cuda"), tokenizer, reviews[1].texts, QUICK)
    assert np.abs(here - there).max() < 1e-5


def gradients(split, settings):
    """Return loss and gradients of a batch, without dropout, and in how many parts it went."""
    model, tokenizer = without_dropout(2)
    accelerator = accelerator_of(settings.precision)
    model.to(accelerator.device).train()
    batches, rows = Batches(tokenizer, split, settings), np.arange(len(split))
    loss = backward(model, batches, rows, accelerator)
    found = {name: p.grad.double().cpu() for name, p in model.named_parameters()}
    return loss, found, len(batches.parts(rows))


def apart(one, other):
    """Return how far gradients lie apart, as a share of their length."""
    difference = sum((one[name] - other[name]).square().sum() for name in one)
    return float((difference / sum(g.square().sum() for g in other.values())).sqrt())


def test_the_gradients_are_those_of_the_cpu(reviews, monkeypatch):
    some, settings = split_first(reviews[0], 32), replace(QUICK, precision="fp32")
    loss, found, _ = gradients(some, settings)
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    known_loss, known, _ = gradients(some, settings)
    assert loss == pytest.approx(known_loss, rel=1e-5)
    assert apart(found, known) < 1e-4


def test_where_the_gpus_memory_ends_the_parts_are_halved_and_the_gradients_stay(reviews):
    long = Split(
        [" ".join(reviews[0].texts[i : i + 8]) for i in range(600)], reviews[0].labels[:600]
    )
    settings = Settings(batch_size=600, max_tokens=128, precision="fp32")
    torch.cuda.reset_peak_memory_stats()
    loss, known, parts = gradients(long, settings)
    assert parts == 1
    needed = torch.cuda.max_memory_allocated()
    torch.cuda.empty_cache()
    whole = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(0.4 * needed / whole)
    again, found, parts = gradients(long, settings)
    assert parts > 1
    assert again == pytest.approx(loss, rel=1e-5)
    assert apart(found, known) < 1e-4


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_training_goes_on_from_its_checkpoint(reviews, precision, tmp_path):
    settings = replace(QUICK, epochs=3, precision=precision, restore_best=False)
    model, tokenizer = encoders.classifier(2)
    whole = fit(model, tokenizer, *reviews, settings)
    known = weights(model)

    class StopError(Exception):
        pass

    def stop(epoch):
        if epoch == 2:
            raise StopError

    model, _ = encoders.classifier(2)
    with pytest.raises(StopError):
        fit(model, tokenizer, *reviews, settings, each_epoch=stop, checkpoints=tmp_path, every=13)
    state = torch.load(max(tmp_path.glob("step-*.pt")), weights_only=True)
    assert state["steps"] == 39  # in the second of three epochs of 20 steps
    assert ("scaler" in state) == (precision == "fp16")
    assert len(state["random"][0]["cuda"]) == torch.cuda.device_count()
    model, _ = encoders.classifier(2)
    fitted = fit(model, tokenizer, *reviews, settings, checkpoints=tmp_path, every=13)
    assert fitted.history["epoch"].tolist() == [1, 2, 3]
    for column in ("train_loss", "validation_loss"):  # a GPU may add in another order each time
        assert np.allclose(fitted.history[column], whole.history[column], rtol=0.02, atol=0.005)
    moved = sum((known[name] - tensor).abs().sum() for name, tensor in weights(model).items())
    model, _ = encoders.classifier(2)
    from_start = weights(model.to("cuda"))
    learned = sum((known[name] - tensor).abs().sum() for name, tensor in from_start.items())
    assert moved < 0.1 * learned


def test_a_checkpoint_of_the_gpu_is_read_without_one(reviews, tmp_path):
    settings = replace(QUICK, epochs=1, precision="fp32")
    model, tokenizer = encoders.classifier(2)
    fit(model, tokenizer, *reviews, settings, checkpoints=tmp_path)
    state = torch.load(next(tmp_path.glob("step-*.pt")), weights_only=True)
    with Checkpoints(tmp_path, state["key"]) as kept:
        found = kept.newest()
    assert {tensor.device.type for tensor in found["model"].values()} == {"cpu"}


def test_frozen_layers_train_what_lies_above_and_nothing_else(reviews):
    settings = replace(QUICK, frozen_layers=4, precision="fp32")
    model, tokenizer = encoders.classifier(2)
    before = weights(model)
    fitted = fit(model, tokenizer, *reviews, settings)
    after = weights(model)
    assert {tensor.device.type for tensor in after.values()} == {"cuda"}
    assert fitted.history["validation_accuracy"].max() > 0.6
    for name, tensor in before.items():
        low = "embeddings" in name or any(f"layer.{k}." in name for k in range(4))
        assert tensor.equal(after[name].cpu()) == low, name


@pytest.mark.parametrize("precision", ("bf16", "fp16"))
def test_sixteen_bits_lose_nearly_what_fp32_loses(reviews, precision):
    losses = []
    for one in ("fp32", precision):
        model, tokenizer = without_dropout(2)
        settings = replace(QUICK, epochs=1, precision=one)
        losses.append(fit(model, tokenizer, *reviews, settings).history["train_loss"][0])
    assert losses[1] == pytest.approx(losses[0], abs=0.02)
