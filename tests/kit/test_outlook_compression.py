"""Weights are rounded, pruned and left out as they should be, and answers are counted."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from illusionkit.errors import DataError
from illusionkit.illusions import experiment
from illusionkit.illusions.material import compressed
from illusionkit.illusions.material.compressed import RIGHT_LOST, linear, pruned, rounded, smaller
from illusionkit.illusions.outlook.compression import margins, sides, who
from illusionkit.illusions.outlook.compression_chosen import furthest

UNKNOWN, UNSEEN = 3, np.array([10, 20, 30])


@pytest.fixture
def tiny(monkeypatch):
    """A small model with random weights in place of the book's, and three pieces never seen."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
        config = BertConfig(**shape, intermediate_size=64, vocab_size=40, num_labels=5)
        model = BertForSequenceClassification(config).eval()
    tokenizer = SimpleNamespace(unk_token_id=UNKNOWN)
    monkeypatch.setattr(
        compressed, "finetuned", lambda: SimpleNamespace(model=model, tokenizer=tokenizer)
    )
    monkeypatch.setattr(compressed, "unseen", lambda: UNSEEN)
    return model


def states(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_two_bits_leave_three_levels_of_each_row():
    rows = torch.tensor([[1.0, 0.6, -0.4], [20.0, -11.0, 9.0]])
    assert rounded(rows, 2).tolist() == [[1.0, 1.0, 0.0], [20.0, -20.0, 0.0]]


def test_rounding_is_off_by_at_most_half_a_step_and_keeps_the_largest():
    rows = torch.randn(6, 64, generator=torch.Generator().manual_seed(1))
    for bits in (3, 4, 8):
        step = rows.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
        assert ((rounded(rows, bits) - rows).abs() <= step / 2 * 1.0001).all()
        assert rounded(rows, bits).abs().amax(1).allclose(rows.abs().amax(1))


def test_a_block_has_a_scale_of_its_own_and_a_row_of_zeros_stays():
    rows = torch.tensor([[8.0, -8.0, 1.0, 0.4], [0.0, 0.0, 0.0, 0.0]])
    assert rounded(rows, 2).tolist()[0] == [8.0, -8.0, 0.0, 0.0]
    assert rounded(rows, 2, 2).tolist()[0] == [8.0, -8.0, 1.0, 0.0]
    assert rounded(rows, 4)[1].tolist() == [0.0] * 4


@pytest.mark.parametrize("bits", [1, 33])
def test_bits_that_are_none_are_refused(bits):
    with pytest.raises(DataError, match=f"2 to 32 bits, not {bits}"):
        rounded(torch.ones(2, 2), bits)


def test_the_weights_nearest_to_zero_are_pruned():
    rows = torch.tensor([[0.1, -3.0], [-0.2, 2.0]])
    assert pruned(rows, 0.5).tolist() == [[0.0, -3.0], [0.0, 2.0]]
    assert pruned(rows, 0.0) is rows
    with pytest.raises(DataError, match="below 1, can be pruned, not 1"):
        pruned(rows, 1.0)


@pytest.mark.parametrize("way", ["rounded", "blocks", "inputs", "trimmed", "pruned"])
def test_a_way_makes_a_copy_and_leaves_the_model_as_it_is(tiny, way):
    before = states(tiny)
    after = states(smaller(way, 0.5 if way == "pruned" else 4))
    assert all(before[name].equal(value) for name, value in states(tiny).items())
    changed = {name for name, value in after.items() if not value.equal(before[name])}
    words = "bert.embeddings.word_embeddings.weight"
    assert changed == {words} if way == "trimmed" else changed and words not in changed


def test_noise_is_as_large_as_the_rounding_and_another_turn_is_another_noise(tiny):
    for layer, noisy, other in zip(
        linear(tiny),
        linear(smaller("noise", 4, turn=0)),
        linear(smaller("noise", 4, turn=1)),
        strict=True,
    ):
        weight = layer.weight.data
        wanted = (rounded(weight, 4) - weight).square().mean().sqrt()
        got = (noisy.weight - weight).square().mean().sqrt()
        assert got.item() == pytest.approx(wanted.item(), rel=0.25)
        assert not noisy.weight.equal(other.weight)


def test_inputs_are_rounded_too_before_a_layer_sees_them(tiny):
    model = smaller("inputs", 2)
    layer = next(linear(model))
    given = torch.randn(1, 3, 32, generator=torch.Generator().manual_seed(2))
    plain = torch.nn.functional.linear(rounded(given[0], 2)[None], layer.weight, layer.bias)
    assert layer(given).allclose(plain)


def test_no_more_pieces_are_left_out_than_bytes_are_to_be_saved_and_the_rarest_go_first(tiny):
    count, width = sum(layer.weight.numel() for layer in linear(tiny)), 32
    bits = 32 - 2 * 32 * width / count  # as much as two pieces take
    words = smaller("trimmed", bits).get_input_embeddings().weight
    old = tiny.get_input_embeddings().weight
    assert words[[20, 30]].equal(old[[UNKNOWN, UNKNOWN]]) and words[10].equal(old[10])
    everything = smaller("trimmed", 0).get_input_embeddings().weight
    assert everything[UNSEEN].equal(old[[UNKNOWN] * 3]) and everything[11].equal(old[11])


def test_what_two_accuracies_tell_hides_the_right_answers_that_were_won():
    label, before = np.array([0, 1, 2, 3, 4]), np.array([0, 1, 2, 0, 0])
    after = np.array([0, 3, 0, 3, 1])  # one stays right, two are lost, one is won, one stays wrong
    told, truly = sides(label, before, after, np.arange(5))
    assert RIGHT_LOST.score(told) == pytest.approx(1 / 5)
    assert RIGHT_LOST.score(truly) == pytest.approx(2 / 5)
    assert experiment("compression").metric.sign == -1


def test_groups_are_counted_apart_and_an_empty_one_is_left_out():
    rows = pd.DataFrame({"text": ["a b c", "a", "a b", "a b c d"], "label": [0, 0, 1, 1]})
    said = who(rows, np.array([0.1, 0.9, 0.2, 0.8]), np.array([True, False, True, True]))
    assert said["class_0"] == 0.5 and said["class_1"] == 1.0
    assert said["long"] == 1.0 and said["short"] == 0.5
    assert said["unsure"] == 1.0 and said["sure"] == 0.5
    alike = who(rows.assign(text="a"), np.zeros(4), np.ones(4, bool))
    assert "long" not in alike and "sure" not in alike


def test_the_lead_is_that_of_the_likeliest_class_over_the_next():
    assert margins(np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])) == pytest.approx([0.2, 0.7])


def test_the_furthest_allowed_is_taken_though_a_nearer_one_was_not_allowed():
    assert furthest(np.array([0.0, 0.02, 0.01, 0.3]), 0.01) == 2
    assert furthest(np.array([0.0, 0.02, 0.3]), 0.01) == 0
