"""The BERT objective: masking, sentence pairs and losses, against the reference and by hand."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import chi2

from illusionkit.data import corpora
from illusionkit.errors import DataError, ModelError, TrainingError
from illusionkit.models import objective
from illusionkit.models.objective import (
    IGNORED,
    mask_tokens,
    masked_language_loss,
    next_sentence_loss,
    sentence_pairs,
)

RARE = 1e-4
"""The share of right maskers that the tests below would refuse; fixed before the first draw."""


def drawn(seed):
    return torch.Generator().manual_seed(seed)


def refused(statistic, free):
    return chi2.sf(statistic, free) < RARE


def statistic(counts, shares):
    wanted = np.sum(counts) * np.asarray(shares)
    return float((((counts - wanted) ** 2) / wanted).sum())


@pytest.fixture(scope="module")
def many(tokenizer):
    """Some 400,000 words, none of them special, and what the masker made of them."""
    ids = torch.randint(1999, 29_000, (4000, 100), generator=drawn(1))
    assert not torch.isin(ids, torch.tensor(tokenizer.all_special_ids)).any()
    return ids, *mask_tokens(ids, tokenizer, drawn(2))


def kinds(ids, seen, labels, tokenizer):
    """Return how many words were left alone, shown as [MASK], as another word, and as they are."""
    chosen = labels != IGNORED
    as_mask = chosen & (seen == tokenizer.mask_token_id)
    as_it_is = chosen & (seen == ids)
    counts = [~chosen, as_mask, chosen & ~as_mask & ~as_it_is, as_it_is]
    return np.array([int(kind.sum()) for kind in counts])


def test_the_four_kinds_have_their_shares(many, tokenizer):
    counts = kinds(*many, tokenizer)
    assert not refused(statistic(counts, [0.85, 0.12, 0.015, 0.015]), 3)


@pytest.mark.parametrize("shares", [(0.84, 0.128, 0.016, 0.016), (0.85, 0.12, 0.018, 0.012)])
def test_other_shares_would_be_refused(many, tokenizer, shares):
    assert refused(statistic(kinds(*many, tokenizer), shares), 3)


def test_every_place_is_as_likely_as_another(many):
    chosen = (many[2] != IGNORED).sum(dim=0).numpy()
    assert not refused(statistic(chosen, np.full(100, 0.01)), 99)


def test_places_are_chosen_each_by_itself(many):
    """The number chosen in a row varies as a binomial's does, no less and no more."""
    per_row = (many[2] != IGNORED).sum(dim=1).double()
    assert per_row.var().item() == pytest.approx(100 * 0.15 * 0.85, rel=0.1)


def test_random_words_come_from_the_whole_vocabulary(many, tokenizer):
    ids, seen, labels = many
    other = (labels != IGNORED) & (seen != ids) & (seen != tokenizer.mask_token_id)
    edges = np.linspace(0, len(tokenizer), 41)
    counts = np.histogram(seen[other].numpy(), edges)[0]
    assert not refused(statistic(counts, np.full(40, 1 / 40)), 39)


def test_a_label_is_the_word_and_the_rest_is_left_alone(many):
    ids, seen, labels = many
    chosen = labels != IGNORED
    assert labels[chosen].equal(ids[chosen])
    assert seen[~chosen].equal(ids[~chosen])


def test_masking_draws_anew_and_repeats_with_its_seed(many, tokenizer):
    ids, seen, labels = many
    again, other = mask_tokens(ids, tokenizer, drawn(2)), mask_tokens(ids, tokenizer, drawn(3))
    assert seen.equal(again[0]) and labels.equal(again[1])
    assert not labels.equal(other[1])


def test_the_callers_tensor_stays_as_it_is(tokenizer):
    ids = torch.full((50, 50), 2000)
    mask_tokens(ids, tokenizer)
    assert (ids == 2000).all()


def test_special_tokens_are_never_masked(tokenizer):
    special = torch.tensor(tokenizer.all_special_ids)
    assert len(special) == 5
    ids = special.repeat(2000, 20)
    seen, labels = mask_tokens(ids, tokenizer, drawn(0))
    assert (labels == IGNORED).all() and seen.equal(ids)


def test_in_real_text_special_tokens_and_padding_stay(tokenizer):
    texts = ["A short one.", "A longer sentence, with 😀 in it, and some more words to mask."] * 200
    ids = tokenizer(texts, padding=True, return_tensors="pt")["input_ids"]
    seen, labels = mask_tokens(ids, tokenizer, drawn(0))
    special = torch.isin(ids, torch.tensor(tokenizer.all_special_ids))
    assert (ids == tokenizer.unk_token_id).any()
    assert seen[special].equal(ids[special]) and (labels[special] == IGNORED).all()
    assert (labels != IGNORED).any()


def test_padding_only_gives_nothing_to_guess(tokenizer):
    ids = torch.full((3, 8), tokenizer.pad_token_id)
    seen, labels = mask_tokens(ids, tokenizer)
    assert seen.equal(ids) and (labels == IGNORED).all()
    assert masked_language_loss(torch.zeros(3, 8, 10), labels) == 0


def test_no_row_at_all_is_no_error(tokenizer):
    seen, labels = mask_tokens(torch.empty((0, 7), dtype=torch.long), tokenizer)
    assert seen.shape == labels.shape == (0, 7)


def test_a_vocabulary_without_mask_is_refused(tokenizer):
    bare = copy.deepcopy(tokenizer)
    bare.mask_token = None
    with pytest.raises(ModelError, match=r"has no \[MASK\].*masked language model"):
        mask_tokens(torch.tensor([[5, 6]]), bare)


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        (torch.ones(2, 3), "float32"),
        (torch.ones(2, 3, dtype=torch.bool), "bool"),
        (torch.ones(2, 3, dtype=torch.int32), "int32"),
        ([[1, 2]], "list"),
        (torch.tensor([[1, -100]]), "-100"),
        (torch.tensor([[1, 30_522]]), "30522"),
    ],
)
def test_word_numbers_of_the_wrong_kind_are_refused(ids, told, tokenizer):
    with pytest.raises(TrainingError, match=f"Word numbers|word numbers.*{told}|{told}"):
        mask_tokens(ids, tokenizer)


# --- the losses


@pytest.fixture(scope="module")
def reference():
    """A reference model with both heads, small, with weights that are far from 0."""
    from transformers import BertConfig, BertForPreTraining

    torch.manual_seed(3)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = BertConfig(**shape, intermediate_size=64, vocab_size=500, initializer_range=0.3)
    return BertForPreTraining(config).eval()


@pytest.mark.parametrize("seed", range(10))
def test_the_losses_are_those_of_the_reference(reference, seed):
    generator = drawn(seed)
    rows, width = (int(n) for n in torch.randint(2, 12, (2,), generator=generator))
    ids = torch.randint(5, 500, (rows, width), generator=generator)
    labels = ids.where(torch.rand(ids.shape, generator=generator) < 0.3, IGNORED)
    labels[0, 0] = ids[0, 0]
    strangers = torch.randint(2, (rows,), generator=generator)
    attention = (torch.arange(width) < torch.arange(1, rows + 1)[:, None]).long()
    theirs = reference(ids, attention_mask=attention, labels=labels, next_sentence_label=strangers)
    ours = masked_language_loss(theirs.prediction_logits, labels)
    ours = ours + next_sentence_loss(theirs.seq_relationship_logits, strangers)
    assert ours.item() == pytest.approx(theirs.loss.item(), abs=1e-5)


def test_so_are_their_gradients(reference):
    ids = torch.randint(5, 500, (4, 9), generator=drawn(0))
    labels = ids.where(torch.rand(ids.shape, generator=drawn(1)) < 0.3, IGNORED)
    strangers = torch.tensor([0, 1, 1, 0])
    theirs = reference(ids, labels=labels, next_sentence_label=strangers)
    ours = masked_language_loss(theirs.prediction_logits, labels)
    ours = ours + next_sentence_loss(theirs.seq_relationship_logits, strangers)
    weights = list(reference.parameters())
    pairs = zip(
        torch.autograd.grad(theirs.loss, weights, retain_graph=True),
        torch.autograd.grad(ours, weights),
        strict=True,
    )
    assert max((a - b).abs().max().item() for a, b in pairs) < 1e-5


def test_large_logits_stay_finite():
    logits = torch.tensor([[1e4, 0.0], [0.0, 1e4]])
    assert masked_language_loss(logits, torch.tensor([0, 1])) == 0
    assert masked_language_loss(logits, torch.tensor([1, 1])) == pytest.approx(5e3)


def test_knowing_nothing_costs_the_log_of_the_number_of_words():
    loss = masked_language_loss(torch.zeros(2, 3, 50), torch.full((2, 3), 7))
    assert loss.item() == pytest.approx(np.log(50), abs=1e-6)


def test_a_batch_without_a_mask_teaches_nothing():
    logits = torch.randn(2, 3, 50, generator=drawn(0), requires_grad=True)
    labels = torch.full((2, 3), IGNORED)
    loss = masked_language_loss(logits, labels)
    loss.backward()
    assert loss.item() == 0 and (logits.grad == 0).all()
    theirs = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
    assert theirs.isnan()


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (torch.zeros(2, 3), "float32"),
        (torch.zeros(2, 3, dtype=torch.bool), "bool"),
        (torch.zeros(2, 3, dtype=torch.int32), "int32"),
        ([[0, 0, 0], [0, 0, 0]], "list"),
        (torch.zeros(3, 2, dtype=torch.long), r"\(3, 2\)"),
        (torch.full((2, 3), 50), "0 to 49"),
        (torch.full((2, 3), -1), "0 to 49"),
    ],
)
def test_labels_of_the_wrong_kind_are_refused(labels, told):
    with pytest.raises(TrainingError, match=told):
        masked_language_loss(torch.zeros(2, 3, 50), labels)


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (torch.tensor([True, False]), "bool"),
        (torch.tensor([0.0, 1.0]), "float32"),
        (torch.tensor([0, 2]), "0 to 1"),
        (torch.tensor([0, IGNORED]), "0 to 1"),
        (torch.tensor([0, 1, 0]), r"\(3,\)"),
        ([0, 1], "list"),
    ],
)
def test_next_sentence_labels_of_the_wrong_kind_are_refused(labels, told):
    with pytest.raises(TrainingError, match=told):
        next_sentence_loss(torch.zeros(2, 2), labels)


def test_a_next_sentence_loss_needs_a_pair():
    with pytest.raises(TrainingError, match="no pair"):
        next_sentence_loss(torch.zeros(0, 2), torch.zeros(0, dtype=torch.long))


# --- the pairs


def corpus(*documents, unit=None):
    """Return a corpus of documents, each a list of (position, text)."""
    rows = [
        {"text": text, "document": number, "position": position, "unit": number}
        for number, sentences in enumerate(documents)
        for position, text in sentences
    ]
    table = pd.DataFrame(rows)
    return table if unit is None else table.assign(unit=table["document"].map(unit))


A = [(1, "a1"), (2, "a2"), (3, "a3")]
B = [(1, "b1"), (2, "b2"), (4, "b4")]
ONE = [(1, "c1")]


def pairs_of(*documents, seed=0, **more):
    return sentence_pairs(corpus(*documents, **more), np.random.default_rng(seed))


def test_one_pair_for_each_two_consecutive_sentences():
    found = pairs_of(A, B, ONE)
    assert list(found["first"]) == ["a1", "a2", "b1"]
    assert list(found["unit"]) == [0, 0, 1]
    assert list(found.columns) == ["first", "second", "unit", "label"]


@pytest.mark.parametrize("seed", range(20))
def test_a_second_sentence_follows_or_is_a_stranger(seed):
    found = pairs_of(A, B, ONE, seed=seed)
    for row in found.itertuples():
        if row.label == 0:
            assert row.second == row.first[0] + str(int(row.first[1]) + 1)
        else:
            assert row.second[0] != row.first[0]


def test_every_sentence_of_another_unit_may_be_the_stranger():
    seen = {row.second for n in range(200) for row in pairs_of(A, B, ONE, seed=n).itertuples()
            if row.label and row.first == "a1"}  # fmt: skip
    assert seen == {"b1", "b2", "b4", "c1"}


def test_a_stranger_is_of_another_unit_not_only_of_another_document():
    joined = {0: 0, 1: 0, 2: 1}
    for seed in range(20):
        strange = pairs_of(A, B, ONE, seed=seed, unit=joined).query("label == 1")
        assert set(strange["second"]) <= {"c1"}


def test_the_order_of_the_rows_does_not_matter():
    table = corpus(A, B, ONE)
    shuffled = table.sample(frac=1, random_state=1)
    one, other = (sentence_pairs(t, np.random.default_rng(4)) for t in (table, shuffled))
    assert one.equals(other)


def test_a_document_of_one_sentence_begins_no_pair():
    assert "c1" not in set(pairs_of(A, ONE)["first"])


@pytest.mark.parametrize("name", ["editorials", "product_reviews"])
def test_real_pairs_are_consecutive_or_strangers(name):
    table = corpora.CORPORA[name]()
    found = sentence_pairs(table, np.random.default_rng(0))
    place = {}
    for row in table.itertuples():
        place.setdefault(row.text, []).append((row.document, row.position, row.unit))
    for row in found.itertuples():
        follows = {(d, p + 1) for d, p, _ in place[row.first]}
        second = {(d, p) for d, p, _ in place[row.second]}
        if row.label == 0:
            assert follows & second
        else:
            assert row.unit not in {unit for _, _, unit in place[row.second]}
    assert abs(found["label"].mean() - 0.5) < 4 * 0.5 / np.sqrt(len(found))


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (corpus(A, B).drop(columns="position"), "column 'position'"),
        (corpus(A, B).replace("a2", None), "no text"),
        (corpus(A, B).replace("a2", np.nan), "no text"),
        (pd.concat([corpus(A, B), corpus(A)]), "one position"),
        (corpus(A), "one unit at most"),
        (corpus(A, B, unit={0: 5, 1: 5}), "one unit at most"),
        (corpus(A)[:0], "one unit at most"),
        (corpus(ONE, ONE), "No two sentences are consecutive"),
        (corpus([(1, "a"), (3, "b")], ONE), "No two sentences are consecutive"),
    ],
)
def test_a_table_without_pairs_or_strangers_is_refused(table, told):
    with pytest.raises(DataError, match=told):
        sentence_pairs(table, np.random.default_rng(0))


def test_every_error_says_what_to_do_or_what_was_wanted():
    assert objective.COLUMNS == ("text", "document", "position", "unit")
