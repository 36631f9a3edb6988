"""The ways to train that are compared: the same reviews, batch rows, updates, clipping, schedule.

Each is a function of (model, tokenizer, reviews, settings) that trains the model in place for one
epoch, on the device that the kit chooses. `clocked` times the steps of any of them in the same
manner.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

Train = Callable[[Any, Any, Any, Any], None]


@dataclass(frozen=True)
class Way:
    """One way to train: how, in how many bits, and whether it changes what is computed."""

    train: Train
    bits: int = 32
    changes: bool = False
    optional: bool = False  # left out where it fails


@dataclass
class Clock:
    """When training called the model first, and when each optimiser step was done, in seconds."""

    began: list[float] = field(default_factory=list)
    stamps: list[float] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Return how long the steps took, all of them: from the first call to the last update."""
        return self.stamps[-1] - self.began[0]


@contextmanager
def clocked(model: Any, steps: int | None = None) -> Iterator[Clock]:
    """Time the steps of a training of ``model``, whoever runs it.

    What comes before the first call (loading, tokenising) and after the last update (scoring) does
    not count. A GPU works behind the program's back: the last of ``steps`` waits until it is done.
    """
    import torch
    from torch.optim.optimizer import register_optimizer_step_post_hook

    clock = Clock()

    def began(module: Any, inputs: Any) -> None:
        if not clock.began and module.training:
            clock.began.append(time.perf_counter())

    def stepped(*_: Any) -> None:
        if len(clock.stamps) + 1 == steps and torch.cuda.is_initialized():
            torch.cuda.synchronize()
        clock.stamps.append(time.perf_counter())

    hooks = (model.register_forward_pre_hook(began), register_optimizer_step_post_hook(stepped))
    try:
        yield clock
    finally:
        for hook in hooks:
            hook.remove()


def settings_of(rows: int, seed: int = 0) -> Any:
    """Return the settings that every way keeps: one epoch in batches of ``rows``."""
    from illusionkit.training.batches import Settings

    return Settings(epochs=1, batch_size=rows, seed=seed, restore_best=False, precision="fp32")


def trainer(
    model: Any, tokenizer: Any, train: Any, settings: Any, *, grouped: bool = False, bits: int = 32
) -> None:
    """Train with the Transformers `Trainer`, its defaults but for what is asked of every way."""
    from transformers import Trainer, TrainingArguments

    from illusionkit.models.precision import wants_cpu

    read = tokenizer(list(train.texts), truncation=True, max_length=settings.max_tokens)
    columns = [{**read, "labels": train.labels}[name] for name in (*read, "labels")]
    rows = [dict(zip((*read, "labels"), row, strict=True)) for row in zip(*columns, strict=True)]
    warm, _ = warm_up(settings, len(rows))
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, per_device_train_batch_size=settings.batch_size, num_train_epochs=1,
            learning_rate=settings.learning_rate, weight_decay=settings.weight_decay,
            max_grad_norm=settings.clip, lr_scheduler_type="linear", warmup_steps=warm,
            seed=settings.seed, **grouping(grouped=grouped), bf16=bits == 16, use_cpu=wants_cpu(),
            save_strategy="no", logging_strategy="no", report_to="none", disable_tqdm=True,
        )  # fmt: skip
        Trainer(model, arguments, train_dataset=rows, processing_class=tokenizer).train()


def grouping(*, grouped: bool) -> dict[str, Any]:
    """Return what switches the Trainer's length grouping on; its name changed in version 5."""
    from dataclasses import fields

    from transformers import TrainingArguments

    if not grouped:
        return {}
    if "train_sampling_strategy" in {one.name for one in fields(TrainingArguments)}:
        return {"train_sampling_strategy": "group_by_length"}
    return {"group_by_length": True}


def warm_up(settings: Any, rows: int) -> tuple[int, int]:
    """Return the steps of the warm-up and of the whole epoch."""
    steps = -(-rows // settings.batch_size)
    return max(1, round(settings.warmup * steps)), steps


def plain(model: Any, tokenizer: Any, train: Any, settings: Any) -> None:
    """Train in a plain loop over batches of like length: the model as it comes, fused AdamW."""
    import torch
    from accelerate.utils import set_seed
    from transformers import get_linear_schedule_with_warmup

    from illusionkit.training.batches import Batches

    set_seed(settings.seed)
    decayed = [weights for weights in model.parameters() if weights.ndim > 1]
    others = [weights for weights in model.parameters() if weights.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)
    schedule = get_linear_schedule_with_warmup(optimizer, *warm_up(settings, len(train)))
    model.train()
    for inputs, labels in Batches(tokenizer, train, settings).shuffled(1, "cpu"):
        loss = torch.nn.functional.cross_entropy(model(**inputs).logits, labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        loss.item()


def plain_with(part: str) -> Train:
    """Return the plain loop with one part of `use_fast_layers`: products, dropout or attention."""

    def train(model: Any, tokenizer: Any, reviews: Any, settings: Any) -> None:
        with only(part, model):
            plain(model, tokenizer, reviews, settings)

    return train


@contextmanager
def only(part: str, model: Any) -> Iterator[None]:
    """Give a model one part of its fast layers, for a time."""
    from torch import nn

    from illusionkit.models import fast_layers

    if part == "attention":
        with fast_layers._attention(model):
            yield
        return
    other = {"products": nn.Dropout, "dropout": nn.Linear}[part]
    with fast_layers._layers(model):
        for module in model.modules():
            if type(module) is other:
                vars(module).pop("forward", None)
        yield


def plain_keeping_memory(model: Any, tokenizer: Any, train: Any, settings: Any) -> None:
    """Train in the plain loop, with the C library keeping the memory of freed tensors."""
    from illusionkit.models import fast_layers

    fast_layers.keep_memory()
    plain(model, tokenizer, train, settings)


def fit(model: Any, tokenizer: Any, train: Any, settings: Any, *, precision: str = "fp32") -> None:
    """Train with the kit. Eight reviews are judged at the end, which no clock sees."""
    from illusionkit.training import finetune
    from illusionkit.training.batches import Split

    judged = Split(train.texts[:8], train.labels[:8])
    finetune.fit(model, tokenizer, train, judged, replace(settings, precision=precision))


def fit_by_tokens(model: Any, tokenizer: Any, train: Any, settings: Any) -> None:
    """Train with the kit, in batches of about the same number of tokens instead of rows.

    The most that a batch may hold is chosen so that there are as many updates.
    """
    from unittest.mock import patch

    import numpy as np

    from illusionkit.training import batches, finetune

    class ByTokens(batches.Batches):
        """Batches of texts of like length that differ in rows, not in tokens."""

        def order(self, epoch: int) -> list[Any]:
            """Return the row numbers of each batch of an epoch."""
            rng = np.random.default_rng([settings.seed, epoch])
            lengths = [self._length(row) for row in range(len(self.labels))]
            rows = sorted(rng.permutation(len(lengths)), key=lengths.__getitem__)
            most = settings.batch_size * float(np.mean(lengths))
            while len(cut := cut_by_tokens(rows, lengths, most)) > len(self):
                most *= 1.01
            return [cut[place] for place in rng.permutation(len(cut))]

    with patch.object(finetune, "Batches", ByTokens):
        fit(model, tokenizer, train, settings)


def cut_by_tokens(rows: Any, lengths: Any, most: float) -> list[Any]:
    """Cut rows, the shortest first, into batches of at most ``most`` tokens, padding counted."""
    import numpy as np

    cut: list[list[int]] = [[]]
    for row in rows:
        if cut[-1] and (len(cut[-1]) + 1) * lengths[row] > most:
            cut.append([])
        cut[-1].append(row)
    return [np.array(batch) for batch in cut]


def fit_words_frozen(model: Any, tokenizer: Any, train: Any, settings: Any) -> None:
    """Train with the kit, all but the word vectors."""
    model.get_input_embeddings().weight.requires_grad_(False)
    fit(model, tokenizer, train, settings)


def fit_compiled(model: Any, tokenizer: Any, train: Any, settings: Any) -> None:
    """Train with the kit, the encoder compiled (`torch.compile`) in place of its fast layers."""
    from contextlib import nullcontext
    from unittest.mock import patch

    from illusionkit.training import finetune

    model.base_model.compile(dynamic=True)  # for texts of any length
    with patch.object(finetune, "use_fast_layers", lambda *_: nullcontext()):
        fit(model, tokenizer, train, settings)


def able(**_: Any) -> dict[str, Any]:
    """Tell whether this CPU trains in bf16."""
    from illusionkit.errors import TrainingError
    from illusionkit.models.precision import choose

    try:
        return {"bf16": int(choose("bf16").mixed == "bf16")}
    except TrainingError:
        return {"bf16": 0}


TRAINER, GROUPED, GROUPED_BF16 = "Trainer", "Trainer, grouped", "Trainer, grouped, bf16"
FIT, FIT_BF16, FIT_FP16 = "fit", "fit, bf16", "fit, fp16"
WAYS = {
    TRAINER: Way(trainer),
    GROUPED: Way(partial(trainer, grouped=True)),
    "plain grouped loop": Way(plain),
    "plain, products by oneDNN": Way(plain_with("products")),
    "plain, quick dropout": Way(plain_with("dropout")),
    "plain, quick attention": Way(plain_with("attention")),
    "plain, memory kept": Way(plain_keeping_memory),
    FIT: Way(fit),
    GROUPED_BF16: Way(partial(trainer, grouped=True, bits=16), bits=16),
    FIT_BF16: Way(partial(fit, precision="bf16"), bits=16),
    "fit, token budget": Way(fit_by_tokens, changes=True),
    "fit, embeddings frozen": Way(fit_words_frozen, changes=True),
    "fit, compiled": Way(fit_compiled, changes=True, optional=True),
}
"""Every way on a CPU by the name of its row; the Trainer is what the others are compared with."""
EVERY = {**WAYS, FIT_FP16: Way(partial(fit, precision="fp16"), bits=16)}
"""Those, and the way that only a GPU has."""


def grouped_in(bits: int) -> str:
    """Return the name of the Trainer with length grouping that counts in as many bits."""
    return GROUPED if bits == 32 else GROUPED_BF16
