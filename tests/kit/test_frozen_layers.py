"""Frozen layers: the same numbers as with the whole model, and a model that is whole afterwards."""

import pytest
from small_models import same, save_small, weights

from illusionkit.errors import TrainingError
from illusionkit.models import encoders
from illusionkit.training.batches import Batches, Settings, Split
from illusionkit.training.finetune import probabilities
from illusionkit.training.frozen_layers import FAMILIES, Reuse
from illusionkit.training.losses import cross_entropy

TEXTS = [
    "A great film.",
    "An awful, boring, stupid film, and far too long for what little it has to say.",
    "",
    "Fine",
    "The best that I have seen this year; I would see it again at once, with all my friends.",
    "Not for me.",
    "I left.",
]
SPLIT = Split(TEXTS, [1, 0, 0, 1, 1, 0, 0])
SETTINGS = Settings(batch_size=3, max_tokens=32, learning_rate=1e-3)
SHAPE = {"vocab_size": 30_522, "max_position_embeddings": 64, "initializer_range": 0.3}
WIDE = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "type_vocab_size": 2,
    "pad_token_id": 0,
}
NARROW = {"dim": 32, "n_layers": 3, "n_heads": 2, "hidden_dim": 64}
NO_DROPOUT = {"dropout": 0.0, "attention_dropout": 0.0, "seq_classif_dropout": 0.0}


def build(kind):
    """Return a small random classifier of one kind, of 3 layers, without dropout."""
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    more = {**NARROW, **NO_DROPOUT} if kind == "distilbert" else WIDE
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        config = AutoConfig.for_model(kind, num_labels=2, **SHAPE, **more)
        return AutoModelForSequenceClassification.from_config(config).eval()


def layers_of(model):
    """Return the list of layers that a model holds now."""
    return getattr(model.base_model, FAMILIES[model.config.model_type]).layer


def gradients(model, inputs, labels):
    """Return the gradient of each parameter that is trained, by its identity, and the loss."""
    model.zero_grad()
    loss = cross_entropy(model(**inputs).logits, labels)
    loss.backward()
    return {id(p): p.grad.clone() for p in model.parameters() if p.grad is not None}, loss.item()


def kept(model):
    """Return what must be as before, once the model is whole again."""
    modules = [(name, id(module)) for name, module in model.named_modules()]
    parameters = [(name, id(p), p.requires_grad) for name, p in model.named_parameters()]
    return modules, parameters, list(model.state_dict())


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_logits_and_gradients_are_those_of_the_whole_model(tokenizer, kind, layers):
    model, batches = build(kind), Batches(tokenizer, SPLIT, SETTINGS)
    below = [*model.base_model.embeddings.parameters(), *layers_of(model)[:layers].parameters()]
    rows = batches.order(1)
    wanted = []
    for parameter in below:
        parameter.requires_grad_(False)
    for part in rows:
        inputs, labels = batches.batch(part, "cpu")
        wanted.append((model(**inputs).logits.detach(), *gradients(model, inputs, labels)))
    for parameter in below:
        parameter.requires_grad_(True)
    with Reuse(model, layers) as reuse:
        assert reuse.attach(batches) is batches
        assert len(layers_of(model)) == 3 - layers
        assert not {id(p) for p in below} & {id(p) for p in model.parameters()}
        for part, (logits, by_parameter, loss) in zip(rows, wanted, strict=True):
            inputs, labels = batches.batch(part, "cpu")
            assert set(inputs) == {"inputs_embeds", "attention_mask"}
            assert (model(**inputs).logits - logits).abs().max() < 1e-5
            found, again = gradients(model, inputs, labels)
            assert again == pytest.approx(loss, abs=1e-5)
            assert found.keys() == by_parameter.keys()
            for key, gradient in found.items():
                assert (gradient - by_parameter[key]).abs().max() < 1e-5 * max(1, gradient.max())
            assert max(gradient.abs().max() for gradient in found.values()) > 1e-3


@pytest.mark.parametrize("most", [None, 1, 40])
def test_each_text_has_its_states_without_padding(tokenizer, still, most):
    """They are those of each text alone, through the whole model, which gives all its layers."""
    import torch

    model, _ = encoders.classifier(2, str(still))
    settings = Settings(batch_size=3, max_tokens=20, tokens_at_once=most)
    batches = Reuse(model, 1).attach(Batches(tokenizer, SPLIT, settings))
    assert len(batches.states) == len(TEXTS)
    for text, state in zip(TEXTS, batches.states, strict=True):
        inputs = tokenizer(text, return_tensors="pt", truncation=True, max_length=20)
        with torch.no_grad():
            hidden = model.base_model(**inputs, output_hidden_states=True).hidden_states[1][0]
        assert state.shape == hidden.shape
        assert (state - hidden).abs().max() < 1e-5
        assert state.dtype == torch.float32
        assert state.device.type == "cpu"
        assert not state.requires_grad
        assert not state.is_inference()
        assert state.untyped_storage().nbytes() == 4 * state.numel()


def test_what_is_frozen_has_no_dropout(tokenizer, small):
    import torch

    model, _ = encoders.classifier(2, str(small))
    model.train()
    assert any(isinstance(part, torch.nn.Dropout) and part.p > 0 for part in model.modules())
    with Reuse(model, 1) as reuse:
        one, other = (reuse.attach(Batches(tokenizer, SPLIT, SETTINGS)).states for _ in range(2))
        assert all(a.equal(b) for a, b in zip(one, other, strict=True))
        assert all(part.training for part in model.modules())
        inputs, _ = reuse.attach(Batches(tokenizer, SPLIT, SETTINGS)).batch([0, 1], "cpu")
        assert not model(**inputs).logits.equal(model(**inputs).logits), "above there is dropout"


@pytest.mark.parametrize("inside", [True, False])
def test_modes_are_as_they_were(tokenizer, small, inside):
    model, _ = encoders.classifier(2, str(small))
    model.bert.encoder.layer[1].attention.train()
    before = [(name, part.training) for name, part in model.named_modules()]
    assert len({training for _, training in before}) == 2
    reuse = Reuse(model, 1)
    if inside:
        with reuse:
            reuse.attach(Batches(tokenizer, SPLIT, SETTINGS))
    else:
        reuse.attach(Batches(tokenizer, SPLIT, SETTINGS))
    assert [(name, part.training) for name, part in model.named_modules()] == before


def test_the_frozen_part_takes_over_the_mode_of_the_rest(small):
    model, _ = encoders.classifier(2, str(small))
    with Reuse(model, 1) as reuse:
        model.train()
        with reuse.whole():
            assert all(part.training for part in model.modules())
        model.eval()
        with reuse.whole():
            assert not any(part.training for part in model.modules())
        model.train()
    assert all(part.training for part in model.modules())


def test_the_frozen_part_goes_where_the_rest_went(small):
    """Moved to another device meanwhile, the model is together there afterwards."""
    model, _ = encoders.classifier(2, str(small))
    with Reuse(model, 1):
        model.to("meta")
    assert {p.device.type for p in model.parameters()} == {"meta"}
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("kind", ["bert", "distilbert", "roberta"])
def test_afterwards_the_model_is_as_before(tokenizer, kind):
    model = build(kind)
    layers_of(model)[0].requires_grad_(False)
    before = kept(model)
    with Reuse(model, 2) as reuse:
        assert kept(model) != before
        reuse.attach(Batches(tokenizer, SPLIT, SETTINGS))
        with reuse.whole():
            assert kept(model)[0] == before[0]
            assert kept(model)[2] == before[2]
            below = [model.base_model.embeddings, *layers_of(model)[:2]]
            assert not any(p.requires_grad for part in below for p in part.parameters())
            assert all(p.requires_grad for p in layers_of(model)[2].parameters())
        assert kept(model) != before
    assert kept(model) == before


class StopError(Exception):
    """What a test raises in the middle of things."""


def test_an_exception_leaves_the_model_whole(tokenizer, still, monkeypatch):
    model, _ = encoders.classifier(2, str(still))
    before = kept(model)
    batches = Batches(tokenizer, SPLIT, SETTINGS)

    def stop(*_):
        raise StopError

    with pytest.raises(StopError), Reuse(model, 1):
        stop()
    assert kept(model) == before
    with pytest.raises(StopError), Reuse(model, 1) as reuse, reuse.whole():
        stop()
    assert kept(model) == before
    model.train()
    monkeypatch.setattr(batches, "batch", stop)
    with Reuse(model, 1) as reuse:
        inside = kept(model)
        with pytest.raises(StopError):
            reuse.attach(batches)
        assert kept(model) == inside
    assert kept(model) == before
    assert all(part.training for part in model.modules())
    assert batches.states is None


def train(model, batches, epochs=2):
    """Train what the model holds, by steps of the plainest kind."""
    import torch

    model.train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.1)
    for epoch in range(epochs):
        for rows in batches.order(epoch):
            inputs, labels = batches.batch(rows, "cpu")
            optimizer.zero_grad()
            cross_entropy(model(**inputs).logits, labels).backward()
            optimizer.step()


@pytest.mark.parametrize("layers", [1, 2])
def test_training_changes_what_is_above_and_nothing_below(tokenizer, still, layers):
    """And it changes it as training the whole model with frozen parameters does."""
    model, _ = encoders.classifier(2, str(still))
    wanted, _ = encoders.classifier(2, str(still))
    before = weights(model)
    with Reuse(model, layers) as reuse:
        train(model, reuse.attach(Batches(tokenizer, SPLIT, SETTINGS)))
    below = ("bert.embeddings.", *(f"bert.encoder.layer.{layer}." for layer in range(layers)))
    for name, parameter in wanted.named_parameters():
        parameter.requires_grad_(not name.startswith(below))
    train(wanted, Batches(tokenizer, SPLIT, SETTINGS))
    for name, tensor in weights(model).items():
        if name.startswith(below):
            assert tensor.equal(before[name]), name
        elif not name.endswith("key.bias"):  # it changes no attention: its gradient is 0
            assert not tensor.equal(before[name]), name
        assert (tensor - wanted.state_dict()[name]).abs().max() < 1e-5, name


def test_inside_of_whole_the_model_answers_about_texts(tokenizer, still):
    model, _ = encoders.classifier(2, str(still))
    first = probabilities(model, tokenizer, TEXTS, SETTINGS)
    with Reuse(model, 2) as reuse:
        with pytest.raises(TrainingError, match="lowest layers are put aside"):
            probabilities(model, tokenizer, TEXTS, SETTINGS)
        with reuse.whole():
            assert (probabilities(model, tokenizer, TEXTS, SETTINGS) == first).all()
        train(model, reuse.attach(Batches(tokenizer, SPLIT, SETTINGS)))
        with reuse.whole():
            meanwhile = probabilities(model, tokenizer, TEXTS, SETTINGS)
    assert abs(meanwhile - first).max() > 1e-3
    assert (probabilities(model, tokenizer, TEXTS, SETTINGS) == meanwhile).all()


def test_states_are_computed_anew_from_the_model_of_now(tokenizer, still, tmp_path):
    """A second attaching reads the words again, not the states of the first."""
    one, _ = encoders.classifier(2, str(still))
    other, _ = encoders.classifier(2, str(save_small(tmp_path, tokenizer, num_hidden_layers=3)))
    batches = Reuse(one, 1).attach(Batches(tokenizer, SPLIT, SETTINGS))
    first = batches.states
    second = Reuse(other, 2).attach(batches).states
    fresh = Reuse(other, 2).attach(Batches(tokenizer, SPLIT, SETTINGS)).states
    assert all(a.equal(b) for a, b in zip(second, fresh, strict=True))
    assert not any(a.equal(b) for a, b in zip(first, second, strict=True))


def test_with_no_layers_nothing_is_done(tokenizer, small):
    model, _ = encoders.classifier(2, str(small))
    before, first = kept(model), weights(model)
    batches = Batches(tokenizer, SPLIT, SETTINGS)
    with Reuse(model, 0) as reuse:
        assert reuse.attach(batches) is batches
        assert batches.states is None
        assert kept(model) == before
        with reuse.whole():
            assert kept(model) == before
    assert kept(model) == before
    assert same(weights(model), first)


@pytest.mark.parametrize("layers", [-1, 3, 100])
def test_more_layers_than_there_are_can_not_be_frozen(small, layers):
    model, _ = encoders.classifier(2, str(small))
    before = kept(model)
    message = f"The model has 2 layers: 0 to 2 of them can be frozen, not {layers}"
    with pytest.raises(TrainingError, match=message):
        Reuse(model, layers)
    assert kept(model) == before


def test_a_model_of_another_kind_can_not_be_frozen():
    """ELECTRA holds its layers as BERT does, but has a step between embeddings and layers."""
    from transformers import ElectraConfig, ElectraForSequenceClassification

    shape = {**WIDE, "embedding_size": 16, "vocab_size": 100}
    model = ElectraForSequenceClassification(ElectraConfig(**shape))
    message = "frozen in bert, camembert, distilbert, roberta, xlm-roberta, not in electra"
    with pytest.raises(TrainingError, match=message):
        Reuse(model, 1)
    with Reuse(model, 0):
        pass
