"""Batches: every row once an epoch, an order of seed and epoch, little padding."""

from dataclasses import replace

import numpy as np
import pytest

from illusionkit.data import corpora
from illusionkit.errors import TrainingError
from illusionkit.training.batches import BUDGETS, Batches, Settings, Split

SETTINGS = Settings(batch_size=8, max_tokens=64)


@pytest.fixture(scope="module")
def reviews():
    """Real reviews, each labelled with its own row number, so that a row can be followed."""
    texts = list(corpora.movie_reviews()["text"].head(1001))
    return Split(texts, list(range(len(texts))))


@pytest.fixture(scope="module")
def batches(tokenizer, reviews):
    return Batches(tokenizer, reviews, SETTINGS)


def order(batches, epoch=1):
    return [labels.tolist() for _, labels in batches.shuffled(epoch, "cpu")]


def rows(found):
    return sorted(row for batch in found for row in batch)


@pytest.mark.parametrize("epoch", [1, 2])
def test_an_epoch_sees_every_row_once(batches, reviews, epoch):
    found = order(batches, epoch)
    assert rows(found) == list(range(len(reviews)))
    assert len(found) == len(batches) == 126
    assert sorted(len(batch) for batch in found) == [1, *[8] * 125]


def test_the_order_is_drawn_from_seed_and_epoch(tokenizer, reviews, batches):
    first = order(batches, 1)
    assert order(batches, 1) == first
    assert order(Batches(tokenizer, reviews, SETTINGS), 1) == first
    others = [order(batches, 2), order(Batches(tokenizer, reviews, replace(SETTINGS, seed=1)), 1)]
    assert all(rows(other) == rows(first) and other != first for other in others)
    assert others[0] != others[1]
    # Not the same batches in another order: the rows that share a batch change as well.
    assert len({frozenset(batch) for batch in first} & {frozenset(b) for b in others[0]}) < 5


def test_the_order_does_not_depend_on_the_global_random_numbers(batches):
    found = []
    for seed in (1, 2):
        np.random.seed(seed)
        found.append(order(batches))
    assert found[0] == found[1]


def test_long_and_short_batches_are_mixed(batches):
    """Sorted batches would show the model short texts first."""
    lengths = [inputs["input_ids"].shape[1] for inputs, _ in batches.shuffled(1, "cpu")]
    assert lengths != sorted(lengths)
    thirds = np.array_split(lengths, 3)
    assert max(np.mean(third) for third in thirds) < 1.3 * min(np.mean(third) for third in thirds)


def test_a_batch_holds_its_own_rows_and_no_more_padding_than_it_needs(batches, tokenizer, reviews):
    for inputs, labels in batches.shuffled(1, "cpu"):
        shape = inputs["input_ids"].shape
        assert set(inputs) >= {"input_ids", "attention_mask"}
        assert len(labels) == shape[0]
        lengths = inputs["attention_mask"].sum(dim=1)
        assert lengths.max() == shape[1] <= 64
        for ids, length, row in zip(inputs["input_ids"], lengths, labels.tolist(), strict=True):
            text = reviews.texts[row]
            wanted = tokenizer(text, truncation=True, max_length=64)["input_ids"]
            assert ids[:length].tolist() == wanted
            assert (ids[length:] == tokenizer.pad_token_id).all()


def test_padding_is_less_than_half_of_what_random_batches_spend(batches, tokenizer, reviews):
    shapes = [inputs["input_ids"].shape for inputs, _ in batches.shuffled(1, "cpu")]
    cells = sum(rows * longest for rows, longest in shapes)
    lengths = np.array([len(ids) for ids in batches._rows])
    drawn = np.random.default_rng(0).permutation(lengths)
    spent = sum(len(cut) * cut.max() for cut in np.split(drawn, range(8, len(drawn), 8)))
    assert (cells - lengths.sum()) < 0.2 * (spent - lengths.sum())
    assert cells < 0.75 * spent


def test_in_order_gives_every_row_with_its_number_the_longest_first(batches, reviews):
    places, longest = [], []
    for numbers, inputs, labels in batches.in_order("cpu"):
        assert numbers.tolist() == labels.tolist()
        places += numbers.tolist()
        longest.append(inputs["input_ids"].shape[1])
    assert sorted(places) == list(range(len(reviews)))
    assert longest == sorted(longest, reverse=True)


def test_fewer_rows_than_a_batch(tokenizer):
    batches = Batches(tokenizer, Split(["good", "bad", ""], [1, 0, 1]), SETTINGS)
    ((inputs, labels),) = batches.shuffled(1, "cpu")
    assert len(batches) == 1
    assert inputs["input_ids"].shape == (3, 3)
    assert sorted(labels.tolist()) == [0, 1, 1]


def test_labels_are_whole_numbers_for_the_loss(tokenizer):
    batches = Batches(tokenizer, Split(["good", "bad"], [1.0, 0.0]), SETTINGS)
    ((_, labels),) = batches.shuffled(1, "cpu")
    assert str(labels.dtype) == "torch.int64"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"epochs": 0}, "At least 1 epoch"),
        ({"batch_size": 0}, "1 row a batch"),
        ({"max_tokens": 2}, "3 tokens"),
        ({"seed": -1}, "a seed from 0 on"),
        ({"learning_rate": 0.0}, "Learning rate and clip must be above 0"),
        ({"learning_rate": float("nan")}, "Learning rate and clip must be above 0"),
        ({"clip": -1.0}, "Learning rate and clip must be above 0"),
        ({"weight_decay": -0.1}, "weight decay not below"),
        ({"warmup": 1.5}, "The warm-up is a share of all steps, not 1.5"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changed, message):
    with pytest.raises(TrainingError, match=message):
        Settings(**changed)


def test_the_budgets_are_named():
    assert set(BUDGETS) == {"small", "full"}
    assert BUDGETS["small"].max_tokens < BUDGETS["full"].max_tokens


def longest(batches, part):
    return max(len(batches._rows[row]) for row in part)


@pytest.mark.parametrize("most", [1, 60, 200, 500, 10_000])
def test_parts_hold_no_more_tokens_than_are_allowed(tokenizer, reviews, most):
    batches = Batches(tokenizer, reviews, replace(SETTINGS, tokens_at_once=most))
    counts = set()
    for rows_ in batches.order(1):
        parts = batches.parts(rows_)
        counts.add(len(parts))
        assert np.concatenate(parts).tolist() == rows_.tolist()
        for part in parts:
            assert len(part) == 1 or len(part) * longest(batches, part) <= most
    assert (max(counts) > 1) == (most < 500)
    assert counts == ({1, 8} if most == 1 else counts)  # the last batch has one row


def test_without_a_bound_a_batch_goes_at_once(batches):
    (part,) = batches.parts(batches.order(1)[0])
    assert len(part) == 8
    assert batches.parts(part[:0]) == []


def test_halving_ends_at_single_texts(tokenizer, reviews):
    batches = Batches(tokenizer, reviews, SETTINGS)
    rows_, found = batches.order(1)[0], []
    while batches.halve(rows_):
        found.append(max(map(len, batches.parts(rows_))))
    assert found == sorted(found, reverse=True)
    assert found[-1] == 1
    assert not batches.halve(rows_)


@pytest.mark.parametrize("bad", [{"frozen_layers": -1}, {"tokens_at_once": 0}])
def test_settings_that_bound_nothing_are_refused(bad):
    with pytest.raises(TrainingError, match="Frozen layers count from 0, and tokens at once"):
        Settings(**bad)
