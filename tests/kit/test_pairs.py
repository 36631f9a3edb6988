"""Sentence pairs of real documents: the places share nothing, and batches hold what they say."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch

from illusionkit.data import corpora
from illusionkit.data.unit_copies import normalise
from illusionkit.errors import DataError, ModelError, TrainingError
from illusionkit.models.objective import IGNORED
from illusionkit.training import pairs
from illusionkit.training.pairs import SHARES, PairBatches, documents, read_pairs


@pytest.fixture(scope="module")
def real():
    return read_pairs()


def table(*rows):
    return pd.DataFrame(rows, columns=["first", "second", "label"])


def made_up(count, words=6):
    rng = np.random.default_rng(0)
    names = ["film", "plot", "good", "slow", "ends", "house", "green", "river"]

    def text():
        return " ".join(rng.choice(names, words))

    return table(*[(text(), text(), n % 2) for n in range(count)])


# --- the three places


def test_there_are_three_places_of_about_the_sizes_asked_for(real):
    assert list(real) == list(SHARES) == ["train", "development", "held_out"]
    sizes = np.array([len(rows) for rows in real.values()])
    assert np.allclose(sizes / sizes.sum(), list(SHARES.values()), atol=0.04)


def test_the_places_share_no_document_and_no_sentence(real):
    """Not even a sentence that stands in both corpora, and not as a stranger either."""
    for one, other in itertools.combinations(real.values(), 2):
        assert not set(one["unit"]) & set(other["unit"])
        said = [{normalise(t) for side in ("first", "second") for t in rows[side]}
                for rows in (one, other)]  # fmt: skip
        assert not said[0] & said[1]


def test_the_places_leave_the_confirm_part_alone(real):
    told = {text for rows in real.values() for text in [*rows["first"], *rows["second"]]}
    for name in pairs.WITH_DOCUMENTS:
        assert not told & set(corpora.CORPORA[name]("confirm")["text"])


def test_the_confirm_part_is_held_out_and_the_rest_stays(real):
    found = read_pairs(part="confirm")
    for place in ("train", "development"):
        assert set(found[place]["unit"]) == set(real[place]["unit"])
    confirm = set().union(*(corpora.CORPORA[n]("confirm")["text"] for n in pairs.WITH_DOCUMENTS))
    assert set(found["held_out"]["first"]) <= confirm
    assert set(found["held_out"]["second"]) <= confirm


def test_the_seed_draws_strangers_and_moves_no_document(real):
    again, other = read_pairs(), read_pairs(seed=1)
    for place, rows in real.items():
        assert rows.equals(again[place])
        assert set(rows["unit"]) == set(other[place]["unit"])
        assert not rows["label"].equals(other[place]["label"])


def test_a_row_never_moves():
    """A document falls into its place by its own sentences, whatever else is in the table."""
    whole = corpora.editorials()
    part = whole[whole["unit"] % 3 == 0]
    for place, rows in documents(part).items():
        assert set(rows.index) <= set(documents(whole)[place].index)


@pytest.mark.parametrize("name", ["movies", "", "Editorials"])
def test_a_corpus_that_does_not_exist_is_refused(name):
    with pytest.raises(DataError, match=f"No corpus is called '{name}': .*editorials"):
        read_pairs([name])


def test_a_corpus_without_documents_is_refused():
    with pytest.raises(DataError, match="no documents"):
        read_pairs(["chinese_reviews"])
    with pytest.raises(DataError, match="No two sentences are consecutive"):
        read_pairs(["movie_reviews"])


# --- batches


def test_an_epoch_holds_every_pair_once(tokenizer):
    batches = PairBatches(tokenizer, made_up(70, words=3), batch_size=16)
    assert len(batches) == 70
    drawn = batches.shuffled(0)
    epochs = [[next(drawn) for _ in range(5)] for _ in range(2)]
    rows = [np.concatenate([batch.rows for batch in epoch]) for epoch in epochs]
    assert all(sorted(order) == list(range(70)) for order in rows)
    assert not np.array_equal(*rows)


def test_batches_repeat_with_their_seed_and_are_masked_anew(tokenizer):
    batches = PairBatches(tokenizer, made_up(16), batch_size=16)
    one, again, other = (next(batches.shuffled(seed)) for seed in (3, 3, 4))
    assert one.inputs["input_ids"].equal(again.inputs["input_ids"])
    assert not np.array_equal(one.rows, other.rows)
    drawn = batches.shuffled(3)
    labels = [batch.labels[np.argsort(batch.rows)] for batch in (next(drawn), next(drawn))]
    assert not labels[0].equal(labels[1])


def test_a_batch_is_the_two_sentences_of_its_pairs(tokenizer):
    rows = table(("One good film.", "It ends well.", 0), ("A slow plot.", "Rivers are green.", 1))
    (batch,) = PairBatches(tokenizer, rows).fixed()
    assert sorted(batch.rows) == [0, 1]
    assert batch.strangers.tolist() == [rows["label"][row] for row in batch.rows]
    shown = batch.inputs["input_ids"].where(~batch.chosen, batch.labels)
    for row, ids, kinds in zip(batch.rows, shown, batch.inputs["token_type_ids"], strict=True):
        first = tokenizer(rows["first"][row])["input_ids"]
        second = tokenizer(rows["second"][row])["input_ids"][1:]
        padding = len(ids) - len(first) - len(second)
        assert ids.tolist() == first + second + [tokenizer.pad_token_id] * padding
        assert kinds.tolist() == [0] * len(first) + [1] * len(second) + [0] * padding


def test_a_pair_longer_than_the_model_loses_the_end_of_its_longer_sentence(tokenizer):
    long = " ".join(["river"] * 600)
    rows = table((long, "It ends well.", 0), ("It ends well.", long, 0), (long, long, 0))
    for batch in PairBatches(tokenizer, rows, max_tokens=20).fixed():
        ids = batch.inputs["input_ids"].where(~batch.chosen, batch.labels)
        for row, told in zip(batch.rows, ids.tolist(), strict=True):
            assert len(told) == 20
            cut = told.index(tokenizer.sep_token_id)
            sizes = cut - 1, len(told) - cut - 2
            short = len(tokenizer("It ends well.")["input_ids"]) - 2
            wanted = [{(17 - short, short)}, {(short, 17 - short)}, {(9, 8), (8, 9)}]
            assert sizes in wanted[row]


def test_the_shortest_batch_keeps_a_word_of_each_sentence(tokenizer):
    long = " ".join(["river"] * 30)
    (batch,) = PairBatches(tokenizer, table((long, long, 0)), max_tokens=pairs.SHORTEST).fixed()
    ids = batch.inputs["input_ids"].where(~batch.chosen, batch.labels)[0].tolist()
    river = tokenizer.convert_tokens_to_ids("river")
    assert ids == [tokenizer.cls_token_id, river, tokenizer.sep_token_id, river,
                   tokenizer.sep_token_id]  # fmt: skip


def test_fixed_batches_are_the_same_each_time(tokenizer):
    batches = PairBatches(tokenizer, made_up(40))
    one, again, other = batches.fixed(), batches.fixed(), batches.fixed(seed=2)
    assert all(a.labels.equal(b.labels) for a, b in zip(one, again, strict=True))
    assert sorted(np.concatenate([batch.rows for batch in one])) == list(range(40))
    assert not all(a.labels.equal(b.labels) for a, b in zip(one, other, strict=True)
                   if a.labels.shape == b.labels.shape)  # fmt: skip
    assert sum(len(batch.rows) for batch in batches.fixed(7)) == 7
    assert batches.fixed(0) == []


def test_word_counts_count_words_and_nothing_else(tokenizer):
    rows = table(("river river", "house", 0), ("river 😀", "green", 1))
    counts = PairBatches(tokenizer, rows).word_counts()
    assert counts.shape == (len(tokenizer),)
    named = {tokenizer.convert_ids_to_tokens(int(n)): counts[n] for n in np.flatnonzero(counts)}
    assert named == {"river": 3, "house": 1, "green": 1}


def test_where_something_is_to_be_guessed(tokenizer):
    (batch,) = PairBatches(tokenizer, made_up(8)).fixed()
    assert batch.chosen.equal(batch.labels != IGNORED)
    moved = batch.to("meta")
    assert moved.labels.device.type == moved.inputs["input_ids"].device.type == "meta"
    assert moved.rows is batch.rows


@pytest.mark.parametrize("settings", [{"max_tokens": 4}, {"batch_size": 0}, {"max_tokens": -1}])
def test_batches_without_room_are_refused(tokenizer, settings):
    with pytest.raises(TrainingError, match="Two sentences take 5 tokens"):
        PairBatches(tokenizer, made_up(4), **settings)


@pytest.mark.parametrize(
    "row", [(), ("one", None, 0), ("one", float("nan"), 0), (1, "two", 0)], ids=str
)
def test_pairs_that_are_no_texts_are_refused(tokenizer, row):
    rows = table(row) if row else table()
    with pytest.raises(DataError, match=r"no texts, the first one number 0|at least one text"):
        PairBatches(tokenizer, rows)


def test_a_vocabulary_without_mask_is_refused_when_a_batch_is_drawn(tokenizer):
    import copy

    bare = copy.deepcopy(tokenizer)
    bare.mask_token = None
    with pytest.raises(ModelError, match=r"no \[MASK\]"):
        PairBatches(bare, made_up(4)).fixed()


def test_the_callers_random_numbers_stay_as_they_are(tokenizer):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    batches = PairBatches(tokenizer, made_up(20))
    next(batches.shuffled(0))
    batches.fixed()
    assert before.equal(torch.get_rng_state())
