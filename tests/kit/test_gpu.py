"""On a CUDA GPU: the training of the CPU, in fp32, bf16 and fp16. Skipped where there is none."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_models import same, weights, without_dropout

from illusionkit.errors import TrainingError
from illusionkit.models import encoders
from illusionkit.models.encoding import encode
from illusionkit.models.graphs import Graphs
from illusionkit.models.precision import choose, cuda_has_bf16, has_cuda
from illusionkit.training.batches import Batches, Settings, Split
from illusionkit.training.book_model import split_of, tables
from illusionkit.training.checkpoints import Checkpoints
from illusionkit.training.devices import accelerator_of
from illusionkit.training.finetune import backward, fit, probabilities

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
    monkeypatch.setenv("ILLUSIONKIT_GRAPHS", "1")
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
    assert "steps by" in fitted.reason and not fitted.reason.startswith("0 steps")
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
    return float(loss), found, len(batches.parts(rows))


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
    assert fitted.history[HISTORY].equals(whole.history[HISTORY])
    assert same(weights(model), known)  # though the first batch of each length had no graph again


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


def trained(splits, settings, spoil=lambda model: None, **more):
    """Train the packaged classifier; return its weights and what `fit` gave."""
    model, tokenizer = encoders.classifier(2)
    spoil(model)
    fitted = fit(model, tokenizer, *splits, settings, **more)
    return weights(model), fitted


def without_graphs(monkeypatch):
    monkeypatch.setattr(Graphs, "_capture", lambda *_: False)


HISTORY = ["epoch", "train_loss", "validation_loss", "validation_accuracy"]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_with_graphs_and_without_a_training_is_the_same_to_the_bit(reviews, precision, monkeypatch):
    settings = replace(QUICK, precision=precision)
    known, fitted = trained(reviews, settings)
    assert int(fitted.reason.split(" steps by ")[0]) > 30, fitted.reason
    without_graphs(monkeypatch)
    found, eager = trained(reviews, settings)
    assert eager.reason.startswith("0 steps by 0 CUDA graphs")
    assert fitted.history[HISTORY].equals(eager.history[HISTORY])
    assert same(known, found)


def test_what_can_not_be_captured_is_told_and_trained_without(reviews):
    odd = split_first(reviews[0], 100), split_first(reviews[1], 20)
    quick = replace(QUICK, epochs=1)
    _, fitted = trained(odd, quick)
    assert "without: 1, a last batch with fewer rows" in fitted.reason
    _, fitted = trained(odd, replace(quick, tokens_at_once=200))
    assert "a batch in parts" in fitted.reason
    _, fitted = trained(odd, replace(quick, frozen_layers=1))
    assert "layers are frozen" in fitted.reason


def look(module, given, out):
    """Look at a number of the model's own on the way, which no graph can."""
    (out[0] if isinstance(out, tuple) else out).sum().item()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_model_that_breaks_the_capture_trains_without_graphs(reviews, precision, monkeypatch):
    settings = replace(QUICK, epochs=1, precision=precision)

    def spoil(model):
        model.bert.encoder.layer[3].register_forward_hook(look)

    found, fitted = trained(reviews, settings, spoil)
    assert "it can't be captured" in fitted.reason and fitted.reason.startswith("0 steps by 0")
    without_graphs(monkeypatch)
    known, _ = trained(reviews, settings)
    assert same(known, found)


def test_where_the_memory_ends_for_graphs_the_training_goes_on_without(reviews, monkeypatch):
    settings, given = replace(QUICK, epochs=1), []

    class Full(torch.cuda.graph):
        def __enter__(self):
            given.append(True)
            if len(given) > 1:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return super().__enter__()

    with monkeypatch.context() as patched:
        patched.setattr(torch.cuda, "graph", Full)
        found, fitted = trained(reviews, settings)
    assert "memory" in fitted.reason
    without_graphs(monkeypatch)
    known, _ = trained(reviews, settings)
    assert same(known, found)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_loss_that_is_no_number_is_withheld_and_named_later(reviews, precision, tmp_path):
    """A token of one review alone has no vector: the weights stay those from before its step."""
    settings = replace(QUICK, epochs=1, precision=precision)
    _, tokenizer = encoders.encoder()
    rows, watched = (
        tokenizer(list(split.texts), truncation=True, max_length=64)["input_ids"]
        for split in reviews
    )
    order = Batches(tokenizer, reviews[0], settings).order(1)
    elsewhere = {t for ids in watched for t in ids}
    elsewhere |= {t for place, ids in enumerate(rows) if place not in order[11] for t in ids}
    token = next(t for row in order[11] for t in rows[row] if t not in elsewhere)
    name = "bert.embeddings.word_embeddings.weight"

    def spoiled(**more):
        model, _ = encoders.classifier(2)
        with torch.no_grad():
            model.get_input_embeddings().weight[token] = float("nan")
        with pytest.raises(TrainingError, match=r"became nan in epoch 1 \(step 12, rows ") as told:
            fit(model, tokenizer, *reviews, settings, **more)
        assert f" {order[11][0]}, " in str(told.value)
        return {key: tensor.cpu() for key, tensor in weights(model).items()}

    found = spoiled()
    assert found[name].isnan().any(dim=1).sum() == 1
    found[name] = found[name].nan_to_num()
    assert all(tensor.isfinite().all() for tensor in found.values())
    spoiled(checkpoints=tmp_path, every=11)
    state = torch.load(max(tmp_path.glob("step-*.pt")), weights_only=True, map_location="cpu")
    assert state["steps"] == 11  # nothing was kept after it
    state["model"][name] = state["model"][name].nan_to_num()
    assert same(found, dict(state["model"]))


def test_a_training_that_diverges_leaves_weights_that_are_numbers(reviews):
    settings = replace(QUICK, learning_rate=300.0, clip=1e9)
    model, tokenizer = encoders.classifier(2)
    with pytest.raises(TrainingError, match="try a lower learning rate than 300"):
        fit(model, tokenizer, *reviews, settings)
    assert all(tensor.isfinite().all() for tensor in weights(model).values())


def test_scores_and_features_by_graphs_are_those_without(reviews, monkeypatch):
    model, tokenizer = encoders.classifier(2)
    model.to("cuda")
    texts, settings, made = reviews[0].texts, replace(QUICK, batch_size=16), []
    whole = Graphs._capture

    def note(self, *given):
        made.append(whole(self, *given))
        return made[-1]

    monkeypatch.setattr(Graphs, "_capture", note)
    chances = probabilities(model, tokenizer, texts, settings)
    features = encode(texts, model.base_model, tokenizer)
    assert sum(made) >= 2
    without_graphs(monkeypatch)
    assert np.array_equal(chances, probabilities(model, tokenizer, texts, settings))
    assert np.array_equal(features, encode(texts, model.base_model, tokenizer))
    assert np.abs(features - encode(texts, model.cpu().base_model, tokenizer)).max() < 1e-4


def test_the_memory_of_the_graphs_is_given_back(reviews):
    trained(reviews, QUICK)
    torch.cuda.empty_cache()
    before = torch.cuda.memory_reserved()
    trained(reviews, QUICK)
    torch.cuda.empty_cache()
    assert torch.cuda.memory_reserved() < before + 50e6
