"""Pre-training: models with tied heads, the yardstick, the judge and the loop."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import torch
from small_models import same, weights

from illusionkit.errors import DataError, TrainingError
from illusionkit.models import encoders
from illusionkit.models.objective import IGNORED
from illusionkit.training import pretraining
from illusionkit.training.pairs import Masked, PairBatches
from illusionkit.training.pretraining import (
    Plan,
    from_packaged,
    from_scratch,
    judge,
    losses,
    pretrain,
    unigram,
    unigram_nats,
)

WORDS = ["film", "plot", "good", "slow", "ends", "house", "green", "river"]


@pytest.fixture(scope="module")
def batches(tokenizer):
    rng = np.random.default_rng(0)
    rows = [[" ".join(rng.choice(WORDS, 8)) for _ in range(2)] + [n % 2] for n in range(64)]
    table = pd.DataFrame(rows, columns=["first", "second", "label"])
    return PairBatches(tokenizer, table, max_tokens=24)


@pytest.fixture(scope="module")
def fixed(batches):
    return batches.fixed(32)


@pytest.fixture
def model(tokenizer):
    return from_scratch(tokenizer, width=32, layers=1)


# --- models


def test_a_model_from_scratch_is_small_and_repeats_with_its_seed(tokenizer):
    one, again, other = (from_scratch(tokenizer, seed=seed) for seed in (0, 0, 1))
    assert same(weights(one), weights(again)) and not same(weights(one), weights(other))
    assert sum(weight.numel() for weight in one.parameters()) < 5e6
    assert not one.training


def test_the_words_that_go_in_and_come_out_are_one_matrix(model, batches):
    packaged = from_packaged(batches.word_counts())
    for found in (model, packaged):
        going_in = found.bert.embeddings.word_embeddings.weight
        assert found.cls.predictions.decoder.weight is going_in
    before = packaged.cls.predictions.decoder.weight[3000].clone()
    with torch.no_grad():
        packaged.bert.embeddings.word_embeddings.weight[3000] += 1
    assert packaged.cls.predictions.decoder.weight[3000].equal(before + 1)


def test_the_packaged_encoder_stands_under_the_new_heads(batches, packaged):
    found, (encoder, _) = from_packaged(batches.word_counts()), packaged
    assert same(weights(found.bert), weights(encoder))
    assert same(weights(found), weights(from_packaged(batches.word_counts())))
    with torch.no_grad():
        found.bert.embeddings.word_embeddings.weight.zero_()
    assert encoder.get_input_embeddings().weight.any()


def test_the_word_head_begins_at_the_frequencies(batches):
    counts = batches.word_counts()
    bias = from_packaged(counts).cls.predictions.decoder.bias.detach().numpy()
    assert np.array_equal(bias, unigram(counts))


@pytest.mark.parametrize("counts", [np.ones(7), np.ones((2, 30_522)), 3.0])
def test_counts_of_another_vocabulary_are_refused(counts):
    with pytest.raises(DataError, match="One count a word is needed, 30522"):
        from_packaged(counts)


def test_making_a_model_leaves_the_callers_random_numbers(tokenizer):
    before = torch.get_rng_state()
    from_scratch(tokenizer, width=32, layers=1, seed=4)
    assert before.equal(torch.get_rng_state())


# --- the yardstick


def test_the_unigram_by_hand():
    found = unigram(np.array([3.0, 1.0, 0.0]), smoothing=1)
    assert np.allclose(found, np.log([4 / 7, 2 / 7, 1 / 7]))
    assert np.exp(unigram(np.arange(1000.0))).sum() == pytest.approx(1, abs=1e-4)
    assert np.isfinite(unigram(np.zeros(10))).all()


def test_the_unigram_is_asked_where_the_model_is(batches, fixed, model):
    counts = batches.word_counts()
    found, told = unigram_nats(counts, fixed), judge(model, fixed)
    assert found.shape == told.nats.shape
    assert np.allclose(found, -unigram(counts)[told.word])


# --- losses and judge


def test_the_losses_are_those_of_the_reference(model, fixed):
    for batch in fixed:
        words, following = losses(model, batch)
        theirs = model(**batch.inputs, labels=batch.labels, next_sentence_label=batch.strangers)
        assert (words + following).item() == pytest.approx(theirs.loss.item(), abs=1e-5)


def test_on_real_batches_under_the_packaged_encoder_too(tokenizer):
    from illusionkit.training.pairs import read_pairs

    real = PairBatches(tokenizer, read_pairs()["development"])
    found = from_packaged(real.word_counts())
    for batch in real.fixed(32):
        with torch.no_grad():
            words, following = losses(found, batch)
            theirs = found(**batch.inputs, labels=batch.labels, next_sentence_label=batch.strangers)
        assert (words + following).item() == pytest.approx(theirs.loss.item(), abs=1e-5)


def test_the_judge_adds_up_to_the_mean_over_all_places(model, fixed):
    told, places = judge(model, fixed), sum(int(batch.chosen.sum()) for batch in fixed)
    assert len(told.nats) == len(told.pair) == len(told.guess) == places
    by_batch = [losses(model, batch)[0].item() for batch in fixed]
    sizes = [int(batch.chosen.sum()) for batch in fixed]
    assert told.loss == pytest.approx(np.average(by_batch, weights=sizes), abs=1e-5)
    assert sorted(told.rows) == sorted(np.concatenate([batch.rows for batch in fixed]))
    following = [losses(model, batch)[1].item() for batch in fixed]
    mean = np.average(following, weights=[len(batch.rows) for batch in fixed])
    assert told.next_nats.mean() == pytest.approx(mean, abs=1e-5)


def test_the_judge_says_which_word_in_which_pair(model, fixed, batches):
    told = judge(model, fixed)
    for word, pair in zip(told.word, told.pair, strict=True):
        assert word in batches.encoded["input_ids"][pair]
    assert told.right.dtype == bool and told.guess.max() < len(batches.tokenizer)


def test_judging_turns_dropout_off_and_changes_nothing(model, fixed):
    model.train()
    before = weights(model)
    one, again = judge(model, fixed), judge(model, fixed)
    assert np.array_equal(one.nats, again.nats)
    assert same(before, weights(model)) and not model.training


def unmasked(batch):
    return Masked(batch.inputs, torch.full_like(batch.labels, IGNORED), batch.strangers, batch.rows)


def test_nothing_masked_is_nothing_to_judge_by(model, fixed):
    for empty in ([], [unmasked(fixed[0])]):
        with pytest.raises(DataError, match="Nothing is masked"):
            judge(model, empty)


def test_a_batch_without_a_mask_trains_next_sentences_only(model, fixed):
    words, following = losses(model, unmasked(fixed[0]))
    (words + following).backward()
    assert words.item() == 0 and following.item() > 0
    assert all(w.grad is None or w.grad.isfinite().all() for w in model.parameters())


# --- the loop

QUICK = Plan(steps=12, learning_rate=3e-3, looks=3)


def test_the_losses_fall_and_are_noted_at_equal_distances(model, batches, fixed):
    seen = []
    history = pretrain(model, batches, {"seen": fixed}, QUICK, seen.append)
    assert list(history.columns) == ["step", "seen"]
    assert list(history["step"]) == [0, 4, 8, 12] and seen == [4, 8, 12]
    assert history["seen"].iloc[-1] < history["seen"].iloc[0] - 1
    assert history["seen"].iloc[-1] == judge(model, fixed).loss
    assert not model.training


def test_a_training_repeats_and_a_seed_changes_it(tokenizer, batches):
    found = []
    for seed in (0, 0, 1):
        model = from_scratch(tokenizer, width=32, layers=1)
        pretrain(model, batches, {}, Plan(steps=3, looks=1, seed=seed))
        found.append(weights(model))
    assert same(*found[:2]) and not same(*found[1:])


def test_looking_does_not_change_the_training(tokenizer, batches, fixed):
    found = []
    for looks in (1, 4):
        model = from_scratch(tokenizer, width=32, layers=1)
        pretrain(model, batches, {"seen": fixed[:1]}, Plan(steps=4, looks=looks))
        found.append(weights(model))
    assert same(*found)


def test_stopping_early_is_the_beginning_of_the_whole_training(tokenizer, batches, fixed):
    tables = []
    for stop in (None, 8):
        model = from_scratch(tokenizer, width=32, layers=1)
        plan = Plan(steps=12, learning_rate=3e-3, looks=3, stop=stop)
        tables.append(pretrain(model, batches, {"seen": fixed[:1]}, plan))
    assert list(tables[1]["step"]) == [0, 4, 8]
    assert tables[1].equals(tables[0][:3])


def test_training_leaves_the_callers_random_numbers(model, batches):
    before = torch.get_rng_state()
    pretrain(model, batches, {}, Plan(steps=2, looks=1))
    assert before.equal(torch.get_rng_state())


def test_the_learning_rate_rises_and_falls(model):
    plan = Plan(steps=20, learning_rate=1.0, warmup=0.25)
    optimizer, schedule = pretraining._optimizer(model, plan)
    rates = []
    for _ in range(plan.steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1])
    assert rates[5] == 1 and rates[-1] == pytest.approx(1 / 15)
    assert all(a >= b for a, b in itertools.pairwise(rates[5:]))


def test_a_model_too_short_for_the_batches_is_refused(small, tokenizer, batches):
    from transformers import BertConfig, BertForPreTraining

    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    short = BertForPreTraining(BertConfig(**shape, max_position_embeddings=16))
    with pytest.raises(TrainingError, match="reads 16 tokens, not 24: cut"):
        pretrain(short, batches, {}, QUICK)


def test_a_loss_that_explodes_is_told(model, batches):
    with torch.no_grad():
        model.cls.predictions.decoder.bias[5] = math.inf
    with pytest.raises(TrainingError, match="at step 1: take a lower learning rate"):
        pretrain(model, batches, {}, QUICK)


@pytest.mark.parametrize(
    "plan",
    [
        {"steps": 0}, {"steps": 2, "looks": 3}, {"looks": 0}, {"seed": -1}, {"learning_rate": 0},
        {"learning_rate": math.nan}, {"clip": 0}, {"weight_decay": -1}, {"warmup": 1.5},
        {"warmup": -0.1}, {"warmup": math.nan},
        {"stop": 0}, {"steps": 9, "stop": 10},
    ],
    ids=str,
)  # fmt: skip
def test_a_plan_out_of_range_is_refused(plan):
    with pytest.raises(TrainingError):
        Plan(**plan)


def test_a_warm_up_as_long_as_the_training_and_a_single_step_go_through(tokenizer, batches):
    for plan in (Plan(steps=3, looks=1, warmup=1), Plan(steps=1, looks=1, warmup=0)):
        pretrain(from_scratch(tokenizer, width=32, layers=1), batches, {}, plan)


def test_the_packaged_encoder_is_loaded_through_the_kit(monkeypatch):
    monkeypatch.setattr(encoders, "encoder", lambda: (_ for _ in ()).throw(RuntimeError("asked")))
    with pytest.raises(RuntimeError, match="asked"):
        from_packaged(np.ones(30_522))
