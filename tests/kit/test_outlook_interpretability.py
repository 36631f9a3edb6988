"""Maps add up, are the model's own, and are compared as is said."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from illusionkit.data import lexicon
from illusionkit.errors import DataError
from illusionkit.illusions.material import attributed, map_readers, map_tests
from illusionkit.illusions.material.attributed import METHODS, maps, spans
from illusionkit.illusions.material.map_readers import Case, Reader, side
from illusionkit.illusions.material.map_tests import (
    against,
    against_random,
    alike,
    by_deletion,
    rarity,
    top,
    without,
)
from illusionkit.illusions.outlook.interpretability import twin, won

TEXTS = ["A dull, lifeless film.", "I loved it!"]


@pytest.fixture
def tiny(tokenizer, monkeypatch):
    """A small classifier with random weights, beside a real tokenizer."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
        config = BertConfig(**shape, intermediate_size=64, num_labels=5, initializer_range=0.3)
        model = BertForSequenceClassification(config).eval()
    monkeypatch.setattr(attributed, "finetuned", lambda: SimpleNamespace(tokenizer=tokenizer))
    return model


def chance(model, tokenizer, text, which):
    """Return the probability of a side, asked of the model in the plain way."""
    with torch.no_grad():
        chances = model(**tokenizer(text, return_tensors="pt")).logits.softmax(-1)
    return side(chances.numpy(), np.array([which]))[0]


def test_a_map_has_a_number_for_each_word_and_adds_up_with_more_steps(tiny, tokenizer):
    few, many = (maps(tiny, TEXTS, [0, 1], steps=steps) for steps in (2, 60))
    assert [len(told.words) for told in many] == [4, 3]
    off = [abs(told.whole - told.change) for told in (*few, *many)]
    assert max(off[2:]) < 1e-3 < max(off[:2])
    blank = [tokenizer.pad_token_id] * (len(tokenizer(TEXTS[1])["input_ids"]) - 2)
    ids = [tokenizer.cls_token_id, *blank, tokenizer.sep_token_id]
    with torch.no_grad():
        empty = tiny(torch.tensor([ids])).logits.softmax(-1).numpy()
    change = chance(tiny, tokenizer, TEXTS[1], 1) - side(empty, np.array([1]))[0]
    assert many[1].change == pytest.approx(change, abs=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_a_text_has_its_own_map_whatever_stands_beside_it(tiny, method):
    together, alone = maps(tiny, TEXTS, [0, 1], method), maps(tiny, TEXTS[1:], [1], method)
    assert together[1].words == pytest.approx(alone[0].words, abs=1e-5)
    assert np.abs(alone[0].words).max() > 1e-4


def test_occlusion_is_what_the_side_loses_where_a_word_is_padding(tiny, tokenizer):
    told = maps(tiny, ["loved it"], [1], METHODS[2])[0]
    ids = tokenizer("loved it", return_tensors="pt")
    for word, place in enumerate((1, 2)):
        hidden = ids["input_ids"].clone()
        hidden[0, place] = tokenizer.pad_token_id
        with torch.no_grad():
            left = tiny(hidden, ids["attention_mask"]).logits.softmax(-1).numpy()
        fall = chance(tiny, tokenizer, "loved it", 1) - side(left, np.array([1]))[0]
        assert told.words[word] == pytest.approx(fall, abs=1e-5)


def test_a_map_leaves_the_model_as_it_is_and_two_sides_have_two_maps(tiny):
    before = {name: value.clone() for name, value in tiny.state_dict().items()}
    bad, good = (maps(tiny, TEXTS[:1], [which])[0].words for which in (0, 1))
    assert not np.allclose(bad, good)
    assert all(value.equal(before[name]) for name, value in tiny.state_dict().items())
    assert all(parameter.requires_grad for parameter in tiny.parameters())


def test_parts_are_kept_from_below_and_the_head_is_always_new(tiny, monkeypatch):
    monkeypatch.setattr(attributed.encoders, "classifier", lambda classes, seed: (tiny, None))
    known = tiny.state_dict()
    for kept, fresh in ((0, "word_embeddings"), (1, "layer.0.output.dense"), (3, "pooler")):
        state = torch.get_rng_state()
        own = attributed.untaught(kept, 5).state_dict()
        assert torch.equal(state, torch.get_rng_state())
        same = {n for n in own if n.endswith("weight") and own[n].equal(known[n])}
        assert not any(fresh in name or "classifier" in name for name in same)
        assert ("bert.embeddings.word_embeddings.weight" in same) == (kept > 0)
        assert ("bert.encoder.layer.1.output.dense.weight" in same) == (kept > 2)


def test_a_side_is_two_classes_of_five():
    chances = np.array([[0.1, 0.2, 0.3, 0.15, 0.25]] * 2)
    assert side(chances, np.array([0, 1])) == pytest.approx([0.3, 0.4])


def test_words_are_found_cut_out_and_ranked():
    text = "Dull, don't see it."
    assert [text[a:b] for a, b in spans(text)] == ["Dull", "don't", "see", "it"]
    assert without(text, np.array([1, 3])) == "Dull,  see ."
    assert top(np.array([0.1, 0.5, -2.0, 0.5]), 2).tolist() == [1, 3]


def test_rarer_words_come_first(monkeypatch):
    monkeypatch.setattr(map_tests, "_counts", lambda: {"the": 9, "film": 3} | {"gem": 0})
    assert top(rarity("The film gem"), 3).tolist() == [2, 1, 0]


def test_chance_is_counted_exactly_and_a_draw_is_half_a_win():
    known = np.array([True, False, False, False])  # two random words have the hit half the time
    assert against_random(known, np.array([0, 1])) == pytest.approx(0.5 + 0.25)
    assert against_random(known, np.array([1, 2])) == pytest.approx(0.25)
    every = [against_random(known, np.array(pair)) for pair in ((0, 1), (0, 2), (0, 3))]
    every += [against_random(known, np.array(pair)) for pair in ((1, 2), (1, 3), (2, 3))]
    assert np.mean(every) == pytest.approx(0.5)
    assert (against(2, 1), against(1, 1), against(0, 1)) == (1.0, 0.5, 0.0)
    assert by_deletion(np.array([[0.3, 0.1, 0.3, 0.4]])) == pytest.approx([0.5])


def test_maps_are_alike_by_rank():
    some = [np.array([1.0, 2, 3]), np.array([5.0, 1, 3])]
    assert alike(some, [10 * each for each in some]) == pytest.approx(1)
    assert alike(some, [-some[0], some[1]]) == pytest.approx(0)


@pytest.fixture
def case(monkeypatch):
    """A map of four words, a model that minds only the second, and a list that has the first."""
    monkeypatch.setattr(map_readers, "WORDS", 1)
    monkeypatch.setattr(map_tests, "_known", lambda: frozenset({"one"}))
    told = SimpleNamespace(words=np.array([0.1, 0.9, 0.0, 0.2]))
    monkeypatch.setattr(Reader, "maps", lambda self, texts, *rest: [told for _ in texts])
    monkeypatch.setattr(
        Reader, "chances", lambda self, texts, sides: np.array([0.9 * ("two" in t) for t in texts])
    )
    return Case(Reader(8, 0), ["one two three four"], [1])


def test_what_is_cut_out_is_the_maps_words_and_then_random_ones(case):
    falls = case.falls(0)
    assert falls.shape == (1, 1 + map_readers.DRAWS) and falls[0, 0] == pytest.approx(0.9)
    assert set(np.round(falls[0, 1:], 6)) <= {0.0, 0.9}
    assert won(case, "deletion", 0)[0] >= 0.5


def test_the_list_has_not_the_maps_word(case):
    assert won(case, "flawed", 0) == pytest.approx([0.375])
    assert case.by_list([np.array([1])], [np.array([0])]).tolist() == [0.0]
    assert map_readers.marked(case) == {"hits": 0.0, "listed": 0.25}


def test_a_twin_has_another_head_and_the_cured_arm_its_words(case, monkeypatch):
    maps = {8: [0.1, 0.9, 0.0, 0.2], 1008: [0.9, 0.1, 0.0, 0.2]}

    def told(self, texts, sides, method=METHODS[0]):
        numbers = np.array(maps[self.seed]) * (1 if method == METHODS[0] else -1)
        return [SimpleNamespace(words=numbers) for _ in texts]

    monkeypatch.setattr(Reader, "maps", told)
    for kept in (0, 8, map_readers.TAUGHT):
        own = Case(Reader(kept, 8), case.texts, case.sides)
        other = twin(own, 8)
        assert (other.reader, other.texts, other.sides) == (Reader(8, 1008), own.texts, own.sides)
        assert won(own, "cured", 8).tolist() == [0.0]  # the other's word is on the list
        told_too = map_readers.agreement(own, other)
        assert told_too == pytest.approx({"methods": -1, "as_other": 0.2})
    assert won(other, "cured", 8).tolist() == [0.5]


def test_words_of_the_list_are_letters_and_a_bad_line_is_named():
    table = lexicon.parse("$:\t-1.5\t0.8\t[1]\nGood\t2\ngood\t1.9\t0.3\t[2]\nat-ease\t1\n\n")
    pd.testing.assert_frame_equal(table, pd.DataFrame({"word": ["good"], "mean": [1.9]}))
    with pytest.raises(DataError, match=r"not 'word, mean': 'good'"):
        lexicon.parse("bad\t-2\ngood\n")
    with pytest.raises(DataError, match="no line has a word"):
        lexicon.parse(":)\t2.0\n")


def test_the_list_is_whole_in_both_parts():
    both = [lexicon.sentiment_words(part) for part in ("book", "confirm")]
    assert both[0].equals(both[1]) and len(both[0]) == 7209 and both[0]["word"].is_unique
    assert both[0].set_index("word")["mean"]["good"] > 0 > both[0].set_index("word")["mean"]["dull"]
