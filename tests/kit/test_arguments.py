"""Tests of `illusionkit.training.arguments`: the settings of a `Trainer`, as `fit` has them."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainingArguments

from illusionkit.errors import TrainingError
from illusionkit.training.arguments import FIXED, NAMES, settings_from
from illusionkit.training.batches import Settings


def arguments(folder: Path, **asked: Any) -> TrainingArguments:
    return TrainingArguments(output_dir=str(folder), report_to="none", use_cpu=True, **asked)


def test_every_field_of_the_settings_is_named_and_every_name_is_one() -> None:
    assert list(NAMES) == [each.name for each in fields(Settings)]
    there = {each.name for each in fields(TrainingArguments)}
    plain = {name for name in NAMES.values() if name.isidentifier()}
    assert len(plain) >= 6 and plain <= there
    assert set(FIXED) <= there


def test_what_a_trainer_was_told_is_what_fit_is_told(tmp_path: Path) -> None:
    asked = arguments(
        tmp_path, num_train_epochs=3, per_device_train_batch_size=4, gradient_accumulation_steps=2,
        learning_rate=3e-5, weight_decay=0.1, max_grad_norm=0.5, seed=7, bf16=True,
    )  # fmt: skip
    assert settings_from(asked, max_tokens=64) == Settings(
        epochs=3, batch_size=8, learning_rate=3e-5, weight_decay=0.1, warmup=0.0, clip=0.5,
        max_tokens=64, seed=7, restore_best=False, precision="bf16",
    )  # fmt: skip


def test_a_share_of_warm_up_is_the_same_share(tmp_path: Path) -> None:
    old = any(each.name == "warmup_ratio" for each in fields(TrainingArguments))
    asked = arguments(tmp_path, **({"warmup_ratio": 0.06} if old else {"warmup_steps": 0.06}))
    assert settings_from(asked).warmup == 0.06


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"lr_scheduler_type": "cosine"},
            "= 'linear' and no other, not 'cosine'",
        ),
        ({"label_smoothing_factor": 0.1}, "label_smoothing_factor = 0.0"),
        ({"max_steps": 100}, "max_steps = -1"),
        ({"optim": "sgd"}, "AdamW .* not 'sgd'"),
        ({"num_train_epochs": 2.5}, "whole here, not 2.5"),
        ({"warmup_steps": 100}, "share of all steps here, not 100"),
    ],
)
def test_what_fit_has_not_is_refused(tmp_path: Path, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        settings_from(arguments(tmp_path, **asked))
