"""Without dropout, `fit` loses what the Transformers `Trainer` loses, step by step."""

import numpy as np
import pytest
import torch
from small_models import weights, without_dropout

from illusionkit.training import finetune
from illusionkit.training.batches import Batches, Settings
from illusionkit.training.book_model import split_of, tables
from illusionkit.training.finetune import fit

STEPS = 8
SETTINGS = Settings(epochs=1, batch_size=16, learning_rate=1e-4, max_tokens=64, restore_best=False)
ROUNDING = 2e-5  # of losses near 1.6, after eight steps in fp32


@pytest.fixture(scope="module")
def reviews():
    """Real reviews for eight steps, the last of them short, and a few to watch."""
    drawn = tables()["train"].sample(STEPS * 16 - 5 + 20, random_state=0)
    return split_of(drawn[:-20]), split_of(drawn[-20:])


def by_trainer(reviews, folder):
    """Return the losses of the Trainer's steps and its model; the batches are those of `fit`."""
    from transformers import Trainer, TrainingArguments

    model, tokenizer = without_dropout(5)
    batches = Batches(tokenizer, reviews[0], SETTINGS)
    prepared, losses = [], []
    for inputs, labels in batches.shuffled(1, "cpu"):
        prepared.append({**inputs, "labels": labels})

    class Listening(Trainer):
        def get_train_dataloader(self):
            return torch.utils.data.DataLoader(prepared, batch_size=None, shuffle=False)

        def compute_loss(self, model, inputs, *arguments, **named):
            loss = super().compute_loss(model, inputs, *arguments, **named)
            losses.append(loss.item())
            return loss

    arguments = TrainingArguments(
        output_dir=str(folder), num_train_epochs=1, max_grad_norm=SETTINGS.clip, use_cpu=True,
        report_to="none", save_strategy="no", logging_strategy="no", disable_tqdm=True,
    )  # fmt: skip
    optimizer = torch.optim.AdamW(
        finetune._groups(model, SETTINGS), lr=SETTINGS.learning_rate, fused=True
    )
    slope = torch.optim.lr_scheduler.LambdaLR(
        optimizer, finetune.slope(SETTINGS.warmup, len(batches))
    )
    Listening(model, arguments, train_dataset=prepared, optimizers=(optimizer, slope)).train()
    return np.array(losses), model


def by_fit(reviews, monkeypatch):
    """Return the losses of the steps of `fit`, and its model."""
    losses = []
    backward = finetune.backward

    def listening(*arguments):
        losses.append(backward(*arguments))
        return losses[-1]

    monkeypatch.setattr(finetune, "backward", listening)
    model, tokenizer = without_dropout(5)
    fit(model, tokenizer, *reviews, SETTINGS)
    return np.array(losses), model


def test_each_step_loses_what_the_trainers_step_loses(reviews, tmp_path, monkeypatch):
    theirs, known = by_trainer(reviews, tmp_path)
    ours, found = by_fit(reviews, monkeypatch)
    assert len(ours) == len(theirs) == STEPS
    assert np.ptp(theirs) > 0.05
    assert np.abs(ours - theirs).max() < ROUNDING
    known, found = weights(known), weights(found)
    for name, tensor in known.items():
        if not name.endswith("key.bias"):  # it changes nothing: its gradient is 0 but for rounding
            assert (tensor - found[name]).abs().mean() < 1e-6, name
