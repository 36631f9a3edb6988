"""The loop without one of its lines: what goes is what the name says, and nothing else changes."""

import numpy as np
import pytest
import torch

from illusionkit.errors import TrainingError
from illusionkit.models import encoders
from illusionkit.training import ablations, batches, finetune
from illusionkit.training.batches import Settings, Split

TEXTS = [f"{'good' if n % 2 else 'bad'} film{' number' * (n % 5)} {n}" for n in range(54)]
TRAIN = Split(TEXTS[:42], [n % 2 for n in range(42)])
WATCHED = Split(TEXTS[42:], [n % 2 for n in range(12)])
QUICK = Settings(epochs=2, batch_size=16, learning_rate=1e-3, warmup=0.5, max_tokens=16)
ALL = (*ablations.TRAINING, *ablations.ORDER)


@pytest.fixture
def trained(small):
    """Return a function that trains a small model by a loop; gives the model and its history."""

    def train(ablation=None, state=0, code=None):
        torch.manual_seed(state)
        model, tokenizer = encoders.classifier(2, str(small), seed=0)
        code = code or ablations.loop(ablation)
        fitted = code.fit(model, tokenizer, TRAIN, WATCHED, QUICK)
        said = code.probabilities(model, tokenizer, WATCHED.texts, QUICK)
        return model, fitted.history.drop(columns="seconds"), said

    return train


@pytest.mark.parametrize("name", ALL)
def test_each_ablation_finds_its_lines_and_takes_them_out(name):
    lines = ablations.difference(name).splitlines()
    assert any(line.startswith("-") for line in lines)
    assert all(line[0] in "-+" for line in lines)


def test_with_nothing_removed_it_is_the_loop_of_the_kit(trained):
    _, ours, said = trained()
    _, theirs, known = trained(code=finetune)
    assert ours.equals(theirs)
    assert np.array_equal(said, known)


def test_the_kit_itself_stays_whole():
    before = dict(vars(finetune)), batches.Batches
    ablations.loop("row numbers")
    ablations.loop("shuffling")
    assert (dict(vars(finetune)), batches.Batches) == before


def test_an_unknown_ablation_names_the_known_ones():
    with pytest.raises(TrainingError, match=r"Nothing called 'the roof' .*zero_grad"):
        ablations.loop("the roof")


@pytest.mark.parametrize("old", ["no such line", "rows"])
def test_a_loop_that_has_changed_is_refused(monkeypatch, old):
    monkeypatch.setitem(ablations.TRAINING, "clip", ((old, ""),))
    with pytest.raises(TrainingError, match=r"stands in it \d+ times, not once"):
        ablations.loop("clip")


def test_without_the_row_numbers_the_model_is_the_same_and_its_answers_change_places(trained):
    model, _, said = trained("row numbers")
    whole, _, known = trained()
    assert not np.array_equal(said, known)
    assert np.allclose(np.sort(said[:, 0]), np.sort(known[:, 0]))
    same = zip(model.parameters(), whole.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in same)


def test_without_eval_the_delivered_model_still_draws_dropout(trained):
    model, _, _ = trained("model.eval()")
    whole, _, _ = trained()
    assert model.training and not whole.training


@pytest.mark.parametrize(("ablation", "mode"), [(None, True), ("model.train()", False)])
def test_without_train_there_is_no_dropout_from_the_start(small, ablation, mode):
    model, tokenizer = encoders.classifier(2, str(small), seed=0)
    modes = []

    def note(module, _):
        if torch.is_grad_enabled():
            modes.append(module.training)

    model.register_forward_pre_hook(note)
    ablations.loop(ablation).fit(model, tokenizer, TRAIN, WATCHED, QUICK)
    assert modes == [mode] * 6


def test_the_short_batch_changes_the_printed_training_loss_alone(trained):
    _, history, said = trained("short batch")
    _, known, answers = trained()
    assert np.array_equal(said, answers)
    assert not np.allclose(history["train_loss"], known["train_loss"], rtol=0, atol=1e-9)
    assert history.drop(columns="train_loss").equals(known.drop(columns="train_loss"))


def test_without_the_seed_what_ran_before_decides(trained):
    _, one, _ = trained("seed", state=1)
    _, other, _ = trained("seed", state=2)
    assert not one.equals(other)
    assert trained(state=1)[1].equals(trained(state=2)[1])


@pytest.mark.parametrize("name", ["zero_grad()", "clip", "schedule.step()", "warm-up"])
def test_the_training_goes_another_way(trained, name):
    assert not trained(name)[1].equals(trained()[1])


def orders(name):
    """Return the lengths of the batches, and the texts in the order of an epoch."""
    tokenizer = _Words()
    code = ablations.loop(name)
    found = code.Batches(tokenizer, TRAIN, QUICK)
    return [inputs["input_ids"].shape[1] for inputs, _ in found.shuffled(1, "cpu")]


class _Words:
    """Count words in place of a tokenizer."""

    def __call__(self, texts, **_):
        return {"input_ids": [[1] * len(text.split()) for text in texts]}

    def pad(self, rows, **_):
        rows = [row["input_ids"] for row in rows]
        longest = max(map(len, rows))
        filled = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])
        return _Filled(input_ids=filled)


class _Filled(dict):
    def to(self, _device):
        return self


def test_without_shuffling_the_batches_come_from_short_to_long():
    assert orders("shuffling") == sorted(orders("shuffling"))


def test_without_length_groups_more_is_filled_up():
    assert sum(orders("length groups")) > sum(orders(None))


def test_every_row_comes_once_whatever_the_order():
    for name in (None, *ablations.ORDER):
        found = ablations.loop(name).Batches(_Words(), TRAIN, QUICK)
        rows = sorted(label for _, labels in found.shuffled(1, "cpu") for label in labels.tolist())
        assert rows == sorted(TRAIN.labels)
