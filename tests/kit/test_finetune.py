"""The training loop: it learns, it does what it says in each step, and it stops at nonsense."""

import copy
import math
import random
import re

import numpy as np
import pandas as pd
import pytest
from small_models import same, weights
from transformers import pipeline

from illusionkit.data import corpora
from illusionkit.errors import DataError, TrainingError
from illusionkit.models import encoders
from illusionkit.models.precision import choose
from illusionkit.training import finetune
from illusionkit.training.batches import Batches, Settings, Split
from illusionkit.training.checks import check_split
from illusionkit.training.finetune import evaluate, fit, probabilities
from illusionkit.training.history import Fitted

TABLE = pd.DataFrame({"text": ["good", "bad"]})
QUICK = Settings(epochs=2, batch_size=16, learning_rate=1e-3, max_tokens=32)


@pytest.fixture(scope="module")
def reviews():
    """Real reviews, plainly bad (0) or plainly good (1), and their split in two."""
    table = corpora.movie_reviews().drop_duplicates("unit")
    table = table[table["label"].isin((0, 4))].groupby("label").sample(208, random_state=0)
    table = table.sample(frac=1, random_state=0)
    texts, labels = list(table["text"]), [int(label == 4) for label in table["label"]]
    return Split(texts[:256], labels[:256]), Split(texts[256:416], labels[256:416])


@pytest.fixture(scope="module")
def some(reviews):
    """A few of them."""
    train, validation = reviews
    return Split(train.texts[:52], train.labels[:52]), Split(
        validation.texts[:30], validation.labels[:30]
    )


def trained(folder, splits, settings=QUICK, **more):
    """Train a small model; return it, its tokenizer and what `fit` gave."""
    model, tokenizer = encoders.classifier(2, str(folder), seed=settings.seed)
    return model, tokenizer, fit(model, tokenizer, *splits, settings, **more)


@pytest.fixture(scope="module")
def real(reviews, tmp_path_factory):
    """The packaged encoder, trained for two epochs on 256 reviews, with a log."""
    log = tmp_path_factory.mktemp("log")
    settings = Settings(epochs=2, batch_size=16, learning_rate=1e-4, max_tokens=32)
    model, tokenizer = encoders.classifier(2)
    fitted = fit(model, tokenizer, *reviews, settings, log=log)
    return model, tokenizer, settings, fitted, log


def test_a_real_bert_learns_real_reviews(real, reviews):
    model, tokenizer, settings, fitted, _ = real
    first, last = fitted.history["train_loss"]
    assert last < first < math.log(2) + 0.05
    for split, better in zip(reviews, (0.2, 0.1), strict=True):
        labels = np.array(split.labels)
        majority = max(labels.mean(), 1 - labels.mean())
        right = probabilities(model, tokenizer, split.texts, settings).argmax(axis=1) == labels
        assert right.mean() > majority + better


def test_the_history_has_one_row_an_epoch(real):
    history, fitted = real[3].history, real[3]
    columns = ["epoch", "train_loss", "validation_loss", "validation_accuracy", "seconds"]
    assert list(history) == columns
    assert history["epoch"].tolist() == [1, 2]
    assert history["seconds"].is_monotonic_increasing
    assert (history["seconds"] > 0).all()
    assert fitted.best_epoch == history["epoch"][history["validation_loss"].idxmin()]


def test_where_it_ran_is_told(real):
    assert real[3].device == str(real[0].device)
    assert real[3].precision == choose().reason


def test_the_log_is_what_tensorboard_reads(real):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    history, log = real[3].history, real[4]
    read = EventAccumulator(str(log)).Reload()
    assert sorted(read.Tags()["scalars"]) == sorted(set(history) - {"epoch"})
    for name in read.Tags()["scalars"]:
        events = read.Scalars(name)
        assert [event.step for event in events] == history["epoch"].tolist()
        assert np.allclose([event.value for event in events], history[name], rtol=1e-6)


def test_without_a_log_nothing_is_written(still, some, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained(still, some)
    assert list(tmp_path.iterdir()) == []


def test_each_epoch_is_told_when_its_scores_are_known(still, some):
    seen = []
    train, validation = some
    model, tokenizer = encoders.classifier(2, str(still))

    def note(epoch):
        seen.append((epoch, evaluate(model, tokenizer, validation, QUICK)["validation_loss"]))

    fitted = fit(model, tokenizer, train, validation, QUICK, each_epoch=note)
    assert [epoch for epoch, _ in seen] == list(fitted.history["epoch"])
    assert [loss for _, loss in seen] == list(fitted.history["validation_loss"])


def test_a_seed_gives_the_same_weights_whatever_was_drawn_before(small, some):
    first, _, fitted = trained(small, some)
    random.seed(5)
    np.random.seed(5)
    again, _, repeated = trained(small, some)
    assert same(weights(first), weights(again))
    kept = ["train_loss", "validation_loss", "validation_accuracy"]
    pd.testing.assert_frame_equal(fitted.history[kept], repeated.history[kept], check_exact=True)


def test_another_seed_trains_otherwise_even_from_one_start(small, some):
    found = []
    for seed in (0, 1):
        model, tokenizer = encoders.classifier(2, str(small), seed=0)
        fit(model, tokenizer, *some, Settings(epochs=1, max_tokens=32, seed=seed))
        found.append(weights(model))
    assert not same(*found)


def by_hand(model, tokenizer, split, settings):
    """Train as one would write it down, step by step; return the loss of each step."""
    import torch

    batches = Batches(tokenizer, split, settings)
    matrices = [p for p in model.parameters() if p.ndim == 2]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, foreach=False)
    steps, losses = settings.epochs * len(batches), []
    rise = round(settings.warmup * steps)
    model.train()
    for epoch in range(1, settings.epochs + 1):
        for inputs, labels in batches.shuffled(epoch, "cpu"):
            step = len(losses)
            share = (step + 1) / rise if step < rise else (steps - step) / (steps - rise)
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * share
            model.zero_grad()
            likely = model(**inputs).logits.log_softmax(dim=1)[range(len(labels)), labels]
            (-likely.mean()).backward()
            gradients = [p.grad for p in model.parameters()]
            norm = torch.sqrt(sum((gradient**2).sum() for gradient in gradients))
            for gradient in gradients:
                gradient *= min(1.0, settings.clip / (norm.item() + 1e-6))
            optimizer.step()
            losses.append(-likely.mean().item())
    return losses


@pytest.mark.parametrize("clip", [0.05, 1e6])
def test_the_loop_is_the_one_written_by_hand(still, some, clip):
    settings = Settings(
        epochs=2,
        batch_size=16,
        learning_rate=1e-4,
        weight_decay=0.5,
        warmup=0.25,
        clip=clip,
        max_tokens=32,
        restore_best=False,
    )
    model, tokenizer, _ = trained(still, some, settings)
    wanted, _ = encoders.classifier(2, str(still), seed=0)
    before = weights(wanted)
    losses = by_hand(wanted, tokenizer, some[0], settings)
    assert len(losses) == 8
    for name, tensor in weights(wanted).items():
        if name.endswith("key.bias"):
            continue  # it changes no attention: its gradient is 0 but for rounding
        assert (model.state_dict()[name] - tensor).abs().max() < 1e-6, name
        assert (before[name] - tensor).abs().max() > 1e-5, name


def test_the_training_loss_weighs_every_row_the_same(still, some):
    """With steps of next to nothing it is the mean over rows, though the last batch is short."""
    train = Split(
        [*some[0].texts[:16], "An awful, boring, stupid film."], [*some[0].labels[:16], 0]
    )
    settings = Settings(epochs=1, batch_size=16, learning_rate=1e-12, max_tokens=32)
    model, tokenizer, fitted = trained(still, (train, some[1]), settings)
    chances = probabilities(model, tokenizer, train.texts, settings)
    rows = -np.log(chances[range(17), train.labels])
    order = [labels for _, labels in Batches(tokenizer, train, settings).shuffled(1, "cpu")]
    assert sorted(len(labels) for labels in order) == [1, 16]
    assert fitted.history["train_loss"][0] == pytest.approx(rows.mean(), abs=1e-6)


@pytest.fixture
def steps(monkeypatch):
    """Note, at each step of the optimiser, the gradient's norm and the learning rate."""
    import torch

    noted = []
    step = torch.optim.AdamW.step

    def note(self, *arguments, **named):
        gradients = [p.grad for group in self.param_groups for p in group["params"]]
        norm = torch.stack([g.norm() for g in gradients if g is not None]).norm().item()
        noted.append((norm, self.param_groups[0]["lr"]))
        return step(self, *arguments, **named)

    monkeypatch.setattr(torch.optim.AdamW, "step", note)
    return noted


def test_gradients_are_clipped(still, some, steps):
    trained(still, some, Settings(epochs=1, batch_size=16, max_tokens=32, clip=0.01))
    assert [norm for norm, _ in steps] == [pytest.approx(0.01, rel=1e-3)] * 4
    steps.clear()
    trained(still, some, Settings(epochs=1, batch_size=16, max_tokens=32, clip=100.0))
    assert all(0.02 < norm < 100 for norm, _ in steps)


def test_the_learning_rate_rises_then_falls(still, some, steps):
    settings = Settings(epochs=5, batch_size=16, learning_rate=1e-4, warmup=0.2, max_tokens=32)
    trained(still, some, settings)
    rates = np.array([rate for _, rate in steps])
    assert len(rates) == 20
    assert rates.argmax() == 3
    assert np.allclose(rates[:4], [0.25e-4, 0.5e-4, 0.75e-4, 1e-4])
    assert np.allclose(np.diff(rates[4:]), -1e-4 / 16)
    assert 0 < rates[-1] < 1e-5


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("batches", [1, 2, 7, 250])
def test_the_slope_stays_between_0_and_1_and_ends_at_0(warmup, batches):
    slope = finetune.slope(warmup, 2 * batches)
    shares = [slope(step) for step in range(2 * batches + 1)]
    assert max(shares) == 1
    assert all(0 < share <= 1 for share in shares[:-1])
    assert shares[-1] == 0
    top = shares.index(1)
    assert shares[: top + 1] == sorted(shares[: top + 1])
    assert shares[top:] == sorted(shares[top:], reverse=True)


def test_weight_decay_spares_biases_and_norms(small):
    model, _ = encoders.classifier(2, str(small))
    model.bert.embeddings.position_embeddings.weight.requires_grad = False
    decayed, plain = finetune._groups(model, Settings(weight_decay=0.3))
    name = {id(parameter): name for name, parameter in model.named_parameters()}
    names = [{name[id(p)] for p in group["params"]} for group in (decayed, plain)]
    assert decayed["weight_decay"] == 0.3
    assert plain["weight_decay"] == 0.0
    assert all(re.search(r"bias$|LayerNorm", label) for label in names[1])
    assert not any(re.search(r"bias$|LayerNorm", label) for label in names[0])
    wanted = {label for label, p in model.named_parameters() if p.requires_grad}
    assert names[0] | names[1] == wanted
    assert not names[0] & names[1]


@pytest.fixture(scope="module")
def worsening(some):
    """What is learnt in training is wrong in validation: every epoch is worse than the last."""
    train, _ = some
    return train, Split(train.texts, [1 - label for label in train.labels])


@pytest.mark.parametrize("restore", [True, False])
def test_the_best_epoch_is_restored_unless_switched_off(still, worsening, restore):
    settings = Settings(epochs=3, batch_size=8, learning_rate=3e-3, max_tokens=32)
    settings = Settings(**{**vars(settings), "restore_best": restore})
    model, tokenizer, fitted = trained(still, worsening, settings)
    losses = fitted.history["validation_loss"]
    assert losses.is_monotonic_increasing
    assert losses[2] > losses[0] + 0.1
    assert fitted.best_epoch == 1
    now = evaluate(model, tokenizer, worsening[1], settings)["validation_loss"]
    assert now == pytest.approx(losses[0 if restore else 2], abs=1e-6)


def test_evaluation_has_no_dropout_and_leaves_no_gradients(small, some):
    model, tokenizer = encoders.classifier(2, str(small))
    model.train()
    before = weights(model)
    first, again = (evaluate(model, tokenizer, some[1], QUICK) for _ in range(2))
    assert first == again
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert same(weights(model), before)


def test_after_training_the_model_is_ready_to_use(small, some):
    model, tokenizer, _ = trained(small, some)
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    chances = probabilities(model, tokenizer, some[1].texts, QUICK)
    assert np.array_equal(chances, probabilities(model, tokenizer, some[1].texts, QUICK))


def test_every_epoch_trains_with_dropout(small, some, monkeypatch):
    model, tokenizer = encoders.classifier(2, str(small))
    modes = []
    model.register_forward_pre_hook(lambda module, arguments: modes.append(module.training))
    fit(model, tokenizer, *some, QUICK)
    assert modes == 2 * [*[True] * 4, *[False] * 2]


def test_evaluation_is_what_its_words_say(small, some):
    model, tokenizer = encoders.classifier(2, str(small), seed=3)
    chances, labels = probabilities(model, tokenizer, some[1].texts, QUICK), some[1].labels
    found = evaluate(model, tokenizer, some[1], QUICK)
    assert found["validation_loss"] == pytest.approx(
        np.mean([-math.log(row[label]) for row, label in zip(chances, labels, strict=True)])
    )
    right = [row.argmax() == label for row, label in zip(chances, labels, strict=True)]
    assert found["validation_accuracy"] == np.mean(right)


def test_probabilities_stand_beside_their_texts(small, some):
    model, tokenizer = encoders.classifier(3, str(small))
    texts = some[0].texts
    together = probabilities(model, tokenizer, texts, QUICK)
    assert together.shape == (len(texts), 3)
    assert np.allclose(together.sum(axis=1), 1, atol=1e-6)
    alone = np.concatenate([probabilities(model, tokenizer, [text], QUICK) for text in texts])
    assert np.abs(together - alone).max() < 1e-6
    assert np.ptp(together[:, 0]) > 1e-3


@pytest.mark.parametrize(
    "text",
    ["", " ", "😀🎉", "\0", "good " * 20_000, "<script>alert(1)</script>\u2028", "[MASK]", "电影"],
)
def test_any_text_has_probabilities(small, text):
    model, tokenizer = encoders.classifier(2, str(small))
    (chances,) = probabilities(model, tokenizer, [text], QUICK)
    assert np.isfinite(chances).all()
    assert chances.sum() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("texts", ["one text", [], [None], [3], ["half \ud83d"], TABLE])
def test_probabilities_of_no_text_are_refused(small, texts):
    words = r"list of at least one text|half a character|1 of 1 are no texts|not a table"
    with pytest.raises(DataError, match=words):
        probabilities(*encoders.classifier(2, str(small)), texts, QUICK)


def test_a_text_longer_than_the_model_reads_is_refused_before_training(small, some):
    for use in (lambda m, t, s: fit(m, t, *some, s), lambda m, t, s: probabilities(m, t, ["a"], s)):
        with pytest.raises(TrainingError, match="reads 64 tokens, not 65: set max_tokens=64"):
            use(*encoders.classifier(2, str(small)), Settings(max_tokens=65))


def test_positions_behind_the_padding_are_not_read(tokenizer, some):
    from transformers import RobertaConfig, RobertaForSequenceClassification

    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    positions = {"max_position_embeddings": 66, "pad_token_id": 1, "vocab_size": 30_522}
    model = RobertaForSequenceClassification(RobertaConfig(**shape, **positions))
    tokens = copy.deepcopy(tokenizer)
    tokens.pad_token = tokens.convert_ids_to_tokens(1)
    long = ["good " * 100]
    with pytest.raises(TrainingError, match="reads 64 tokens, not 66: set max_tokens=64"):
        probabilities(model, tokens, long, Settings(max_tokens=66))
    assert probabilities(model, tokens, long, Settings(max_tokens=64)).shape == (1, 2)


def test_a_tokenizer_without_padding_is_refused_with_what_to_set(untouched, some):
    model, tokenizer = untouched
    bare = copy.deepcopy(tokenizer)
    bare.pad_token = None
    with pytest.raises(TrainingError, match=r"set tokenizer\.pad_token"):
        fit(model, bare, *some, QUICK)


def test_a_folder_used_twice_holds_two_logs(still, some, tmp_path):
    for _ in range(3):
        trained(still, some, log=tmp_path)
    found = sorted(file.parent for file in tmp_path.rglob("events.out.tfevents.*"))
    assert found == [tmp_path, tmp_path / "run-2", tmp_path / "run-3"]


def test_whole_numbers_written_as_decimals_are_labels(still, some):
    as_floats = [Split(split.texts, pd.Series(split.labels, dtype=float)) for split in some]
    model, _, fitted = trained(still, as_floats)
    wanted, _, _ = trained(still, some)
    assert same(weights(model), weights(wanted))
    assert fitted.history["validation_accuracy"].between(0, 1).all()


BAD = {
    "empty": (([], []), "needs as many labels as texts, at least 1: 0 texts, 0 labels"),
    "too few labels": ((["good", "bad"], [1]), "2 texts, 1 labels"),
    "too few texts": ((["good"], [1, 0]), "1 texts, 2 labels"),
    "label too high": ((["good", "bad"], [0, 2]), "must lie in 0 to 1; they lie in 0 to 2"),
    "label too low": ((["good", "bad"], [-1, 1]), "must lie in 0 to 1; they lie in -1 to 1"),
    "NaN": ((["good", "bad"], [0, float("nan")]), "some are missing or not: drop those rows"),
    "None": ((["good", "bad"], [0, None]), "some are missing or not: drop those rows"),
    "infinite": ((["good", "bad"], [0, float("inf")]), "must be whole numbers from 0"),
    "fraction": ((["good", "bad"], [0, 0.5]), "must be whole numbers from 0"),
    "names": ((["good", "bad"], ["pos", "neg"]), "or number the classes"),
    "numbers as text": ((["good", "bad"], ["1", "0"]), "or number the classes"),
    "lists": ((["good", "bad"], [[1], [0]]), "one a text"),
    "ragged lists": ((["good", "bad"], [[1], [0, 1]]), "one a text"),
    "no text": ((["good", None], [1, 0]), "1 of 2 are no texts, the first one number 1"),
    "numbers for texts": (([1.5, 2.5], [1, 0]), "2 of 2 are no texts"),
    "bytes": (([b"good", b"bad"], [1, 0]), "2 of 2 are no texts"),
    "a table": ((TABLE, [1, 0]), "One column of texts is needed"),
    "unlabelled": ((["good", "bad", "so"], [-1, 1, -1]), "2 are -1: leave rows out that nobody"),
    "one text": (("ab", [1, 0]), "A list of at least one text is needed"),
    "half a character": ((["good", "\ud83d"], [1, 0]), "Text 1 holds half a character"),
    "only empty texts": ((["", " "], [1, 0]), "has a token that the vocabulary knows"),
    "no known token": ((["😀🎉", "🔥"], [1, 0]), "is it in the language of the model?"),
}


@pytest.fixture
def untouched(small, monkeypatch):
    """A model that fails the test if it is run or stepped, and its weights."""
    import torch

    model, tokenizer = encoders.classifier(2, str(small))
    model.register_forward_pre_hook(lambda *arguments: pytest.fail("the model was run"))
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda *a, **k: pytest.fail("a step was made"))
    before = weights(model)
    yield model, tokenizer
    assert same(weights(model), before)


@pytest.mark.parametrize("where", ["training", "validation"])
@pytest.mark.parametrize("name", BAD)
def test_a_split_that_can_not_be_used_is_refused_before_training(untouched, some, name, where):
    (texts, labels), message = BAD[name]
    bad = Split(texts, labels)
    splits = (bad, some[1]) if where == "training" else (some[0], bad)
    with pytest.raises(TrainingError, match=re.escape(message)) as caught:
        fit(*untouched, *splits, QUICK)
    assert f"{where} " in str(caught.value)


def test_one_class_is_nothing_to_learn_but_can_be_judged(untouched, some):
    one = Split(["good", "fine"], [1, 1])
    with pytest.raises(TrainingError, match="one class only, there is nothing to learn"):
        fit(*untouched, one, some[1], QUICK)
    check_split(*untouched, one, name="validation")


def test_a_few_unknown_texts_among_known_ones_are_no_fault(untouched):
    check_split(*untouched, Split(["😀", "", "good"], [0, 1, 0]), name="training")


def test_a_loss_that_is_no_number_stops_the_training(still, some):
    import torch

    model, tokenizer = encoders.classifier(2, str(still))
    with torch.no_grad():
        model.classifier.weight[0, 0] = float("nan")
    with pytest.raises(TrainingError, match=r"nan in epoch 1 \(step 1, rows .*nothing was trained"):
        fit(model, tokenizer, *some, QUICK)


def test_a_training_that_diverges_names_the_step_the_rows_and_the_rate(still, some):
    settings = Settings(epochs=3, batch_size=16, learning_rate=300.0, clip=1e9, max_tokens=32)
    with pytest.raises(TrainingError, match="try a lower learning rate than 300") as caught:
        trained(still, some, settings)
    step, shown = re.search(r"\(step (\d+), rows ([\d, ]+) and", str(caught.value)).groups()
    order = [rows for epoch in (1, 2, 3) for rows in Batches(
        encoders.encoder(str(still))[1], some[0], settings).order(epoch)]  # fmt: skip
    assert shown == ", ".join(str(row) for row in order[int(step) - 1][:8])


def gradients(folder, split, settings, double=False, **memory):
    """Return the gradients of one batch, all rows of a split, and its loss."""
    from illusionkit.training.devices import accelerator_of

    model, tokenizer = encoders.classifier(2, str(folder))
    model = model.double() if double else model
    if memory:
        limited(model, **memory)
    batches = Batches(tokenizer, split, settings)
    rows = batches.order(1)[0]
    loss = finetune.backward(model.train(), batches, rows, accelerator_of("fp32"))
    return loss, {name: p.grad for name, p in model.named_parameters()}, batches


def limited(model, tokens, error):
    """Let a model raise `error` if more tokens go through it at once."""

    def check(module, arguments, named):
        if named["input_ids"].numel() > tokens:
            raise error

    model.register_forward_pre_hook(check, with_kwargs=True)


def far(found, known):
    """Return the largest distance between gradients, as a share of the largest gradient."""
    largest = max(tensor.abs().max() for tensor in known.values())
    return float(max((found[name] - known[name]).abs().max() for name in known) / largest)


WHOLE = Settings(batch_size=52, max_tokens=32)


@pytest.mark.parametrize("most", [1, 100, 700])
@pytest.mark.parametrize(("double", "close"), [(True, 1e-12), (False, 1e-5)])
def test_a_batch_in_parts_has_the_gradients_of_the_whole(still, some, most, double, close):
    loss, known, _ = gradients(still, some[0], WHOLE, double)
    parts = Settings(batch_size=52, max_tokens=32, tokens_at_once=most)
    again, found, batches = gradients(still, some[0], parts, double)
    assert len(batches.parts(np.arange(52))) > 1
    assert again == pytest.approx(loss, rel=close)
    assert far(found, known) < close


def full():
    import torch

    yield torch.OutOfMemoryError("CUDA out of memory.")
    yield MemoryError()
    yield RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")


@pytest.mark.parametrize("error", list(full()), ids=repr)
def test_where_memory_ends_the_parts_are_halved_and_the_gradients_stay(still, some, error):
    loss, known, _ = gradients(still, some[0], WHOLE)
    again, found, batches = gradients(still, some[0], WHOLE, tokens=200, error=error)
    assert again == pytest.approx(loss, rel=1e-5)
    assert far(found, known) < 1e-5
    parts = batches.parts(batches.order(1)[0])
    assert 100 < max(len(p) * max(len(batches._rows[r]) for r in p) for p in parts) <= 200


def test_a_single_text_too_many_is_told_and_other_errors_pass(still, some):
    with pytest.raises(TrainingError, match="lower tokens_at_once or max_tokens, or freeze"):
        gradients(still, some[0], WHOLE, tokens=2, error=MemoryError())
    with pytest.raises(RuntimeError, match="something else"):
        gradients(still, some[0], WHOLE, tokens=2, error=RuntimeError("something else"))


def test_a_whole_training_in_parts_ends_where_the_other_does(still, some):
    known, _, told = trained(still, some)
    found, _, again = trained(still, some, Settings(**{**vars(QUICK), "tokens_at_once": 64}))
    assert again.history["train_loss"][1] == pytest.approx(told.history["train_loss"][1], abs=1e-4)
    known, found = weights(known), weights(found)
    assert not same(known, found)  # the sums are rounded otherwise
    assert max((known[name] - found[name]).abs().max() for name in known) < 1e-3


def test_training_with_frozen_layers_leaves_them_and_moves_the_rest(small, some):
    seen = []
    model, tokenizer = encoders.classifier(2, str(small))
    before = weights(model)
    settings = Settings(**{**vars(QUICK), "frozen_layers": 1})

    def note(_epoch):
        seen.append(evaluate(model, tokenizer, some[1], settings)["validation_loss"])

    fitted = fit(model, tokenizer, *some, settings, each_epoch=note)
    for name, tensor in weights(model).items():
        kept = "embeddings" in name or "layer.0." in name
        assert tensor.equal(before[name]) == kept or name.endswith("key.bias"), name
    assert seen == pytest.approx(list(fitted.history["validation_loss"]), abs=1e-5)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_model_has_only_so_many_layers_to_freeze(small, some):
    with pytest.raises(TrainingError, match="2"):
        trained(small, some, Settings(**{**vars(QUICK), "frozen_layers": 3}))


def test_bf16_trains_where_the_cpu_has_it_and_the_model_is_given_back_plain(still, some):
    from illusionkit.models.precision import cpu_has_bf16

    settings = Settings(**{**vars(QUICK), "precision": "bf16"})
    if not cpu_has_bf16():
        with pytest.raises(TrainingError, match="No bf16 on this machine"):
            trained(still, some, settings)
        return
    known, _, _ = trained(still, some)
    model, _, fitted = trained(still, some, settings)
    assert fitted.precision.startswith("bf16")
    assert "forward" not in vars(model) and "_original_forward" not in vars(model)
    assert all(parameter.dtype.is_floating_point for parameter in model.parameters())
    found, known = weights(model), weights(known)
    assert {str(tensor.dtype) for tensor in found.values()} <= {"torch.float32", "torch.int64"}
    assert not same(found, known)
    again, _, _ = trained(still, some)
    assert same(weights(again), known)  # the precision of one training does not stay for the next


def test_a_precision_that_is_none_is_refused(still, some):
    with pytest.raises(TrainingError, match="auto, fp32, bf16, fp16"):
        trained(still, some, Settings(**{**vars(QUICK), "precision": "fp8"}))


def test_checkpoints_make_no_difference_to_the_training(small, some, tmp_path):
    known, _, _ = trained(small, some)
    found, _, _ = trained(small, some, checkpoints=tmp_path, every=3)
    assert same(weights(known), weights(found))
    assert len(list(tmp_path.glob("step-*.pt"))) == 2


def test_a_training_that_was_done_is_not_done_again(small, some, tmp_path):
    known, _, told = trained(small, some, checkpoints=tmp_path)
    seen = []
    found, _, again = trained(small, some, checkpoints=tmp_path, each_epoch=seen.append)
    assert not seen
    assert same(weights(known), weights(found))
    pd.testing.assert_frame_equal(told.history, again.history)
    assert again.best_epoch == told.best_epoch


@pytest.mark.parametrize("change", ["data", "settings", "model"])
def test_checkpoints_of_another_training_are_refused(small, still, some, tmp_path, change):
    trained(small, some, checkpoints=tmp_path)
    kept = sorted(tmp_path.iterdir())
    splits = some if change != "data" else (some[1], some[0])
    settings = QUICK if change != "settings" else Settings(**{**vars(QUICK), "clip": 2.0})
    model, tokenizer = encoders.classifier(2, str(small), seed=int(change == "model"))
    with pytest.raises(TrainingError, match="another training"):
        fit(model, tokenizer, *splits, settings, checkpoints=tmp_path)
    assert sorted(tmp_path.iterdir()) == kept


@pytest.mark.parametrize(("named", "every"), [(False, 5), (True, 0), (True, -1)])
def test_checkpoints_that_can_not_be_meant_are_refused(untouched, some, tmp_path, named, every):
    folder = tmp_path if named else None
    with pytest.raises(TrainingError, match="names the folder"):
        fit(*untouched, *some, QUICK, checkpoints=folder, every=every)


def test_a_last_step_that_breaks_the_model_does_not_pass(still, some):
    """The loss of the one training step is finite; only validation shows what it did."""
    settings = Settings(epochs=1, batch_size=64, learning_rate=1e38, max_tokens=32)
    with pytest.raises(TrainingError, match="in epoch 1: try a lower learning rate"):
        trained(still, some, settings)


def test_what_was_trained_is_saved_under_the_names_of_its_classes(some, small, tmp_path):
    model, tokenizer = encoders.classifier(["poor", "good"], str(small))
    fitted = fit(model, tokenizer, *some, QUICK)
    out = tmp_path / "new" / "folder"
    (out / "saving-killed.part").mkdir(parents=True)
    fitted.save(out, model, tokenizer)
    asked = pipeline("text-classification", model=str(out), device="cpu")
    said = asked(list(some[1].texts), truncation=True, max_length=QUICK.max_tokens)
    chances = probabilities(model, tokenizer, some[1].texts, QUICK)
    assert [each["label"] for each in said] == [["poor", "good"][k] for k in chances.argmax(1)]
    assert [each["score"] for each in said] == pytest.approx(chances.max(1), abs=1e-5)
    pd.testing.assert_frame_equal(pd.read_csv(out / "history.csv"), fitted.history)
    assert not list(out.glob("*.part"))


def test_a_disk_that_is_full_keeps_no_half_of_a_model(some, small, small_disk):
    model, tokenizer = encoders.classifier(2, str(small))
    fitted = Fitted(TABLE, 1, "cpu", "fp32")
    with pytest.raises(DataError, match=r"can't be written.*name another folder"):
        fitted.save(small_disk / "model", model, tokenizer)
    assert not list((small_disk / "model").iterdir())
