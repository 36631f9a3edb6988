"""What Transformers' `TrainingArguments` calls what `Settings` and `fit` call otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from illusionkit.errors import TrainingError
from illusionkit.training.batches import Settings

if TYPE_CHECKING:
    from transformers import TrainingArguments

NAMES = {
    "epochs": "num_train_epochs",
    "batch_size": "per_device_train_batch_size × gradient_accumulation_steps × devices",
    "learning_rate": "learning_rate",
    "weight_decay": "weight_decay",
    "warmup": "warmup_ratio, or warmup_steps",
    "clip": "max_grad_norm",
    "max_tokens": "the tokenizer's max_length",
    "seed": "seed",
    "restore_best": "load_best_model_at_end",
    "precision": "bf16, fp16",
    "frozen_layers": "requires_grad_(False) on the lower layers",
    "tokens_at_once": "gradient_accumulation_steps, found by trial",
    "class_weights": "a compute_loss of your own",
    "patience": "EarlyStoppingCallback(early_stopping_patience)",
}
"""Each field of `Settings`, and what does the same for a `Trainer`."""
FIXED = {
    "lr_scheduler_type": "linear", "label_smoothing_factor": 0.0, "max_steps": -1,
    "adam_beta1": 0.9, "adam_beta2": 0.999, "adam_epsilon": 1e-8, "neftune_noise_alpha": None,
}  # fmt: skip
"""What can be changed for a `Trainer`, and is always so in `fit`."""
OPTIMISERS = ("adamw_torch", "adamw_torch_fused")


def settings_from(arguments: TrainingArguments, *, max_tokens: int = 128) -> Settings:
    """Return the settings under which `fit` trains as a `Trainer` with these arguments would.

    The same, but for two things: `fit` sorts texts by length within pools of batches, and its first
    step has a learning rate above 0 (`finetune.slope`).

    Raises
    ------
    TrainingError
        An argument asks for what `fit` does not have: another schedule or optimiser, smoothed
        labels, a number of steps, half an epoch.
    """
    for name, only in FIXED.items():
        if (asked := getattr(arguments, name, only)) != only:
            raise TrainingError(f"`fit` has {name} = {only!r} and no other, not {_plain(asked)!r}.")
    if (optimiser := _plain(arguments.optim)) not in OPTIMISERS:
        raise TrainingError(f"`fit` trains by AdamW ({', '.join(OPTIMISERS)}), not {optimiser!r}.")
    if arguments.num_train_epochs != int(arguments.num_train_epochs):
        raise TrainingError(f"Epochs are whole here, not {arguments.num_train_epochs}.")
    return Settings(
        epochs=int(arguments.num_train_epochs),
        batch_size=arguments.train_batch_size * arguments.gradient_accumulation_steps,
        learning_rate=arguments.learning_rate,
        weight_decay=arguments.weight_decay,
        warmup=_warmup(arguments),
        clip=arguments.max_grad_norm,
        max_tokens=max_tokens,
        seed=arguments.seed,
        restore_best=bool(arguments.load_best_model_at_end),
        precision="bf16" if arguments.bf16 else "fp16" if arguments.fp16 else "fp32",
    )


def _warmup(arguments: TrainingArguments) -> float:
    """Return the warm-up as a share of all steps; newer versions have it in ``warmup_steps``."""
    share = getattr(arguments, "warmup_ratio", None) or 0.0
    steps = arguments.warmup_steps or 0
    if steps >= 1:
        raise TrainingError(f"The warm-up is a share of all steps here, not {steps} of them.")
    return float(share or steps)


def _plain(value: Any) -> Any:
    return getattr(value, "value", value)
