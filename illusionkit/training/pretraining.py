"""Pre-training: a BERT from scratch or from packaged weights, and what its loss is worth.

The honest yardstick of a masked-language loss is `unigram`: what somebody would lose who knows how
often each word occurs, and never looks at a sentence. Used in chapter 4.
"""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from illusionkit.arrays import Array
from illusionkit.errors import DataError, TrainingError
from illusionkit.models import encoders
from illusionkit.models.objective import masked_language_loss, nats, next_sentence_loss
from illusionkit.training.finetune import slope
from illusionkit.training.pairs import Masked, PairBatches

if TYPE_CHECKING:
    import pandas as pd
    import torch
    from transformers import BertForPreTraining, PreTrainedTokenizerBase

SMOOTHING = 0.3
"""Added to the count of every word, so that none is impossible; chosen on development documents:
cross-entropy 7.04, 6.99, 6.96, 6.97 nats at 0.03, 0.1, 0.3, 1."""


@dataclass(frozen=True)
class Plan:
    """How to pre-train: ``warmup`` is a share of the steps; ``looks`` are taken at equal distances.

    ``stop`` ends the training early, at that step, on the learning rates of the whole plan.

    The learning rate was chosen on 240 pairs of development documents, whose unigram cross-entropy
    is 7.08 nats: from packaged weights 6.43 at 3e-4 and 6.40 at 5e-4 after 100 steps (6.21 after
    120), 7.25 at 1e-3 after 120. From scratch 1e-3 did best: 7.12 after 400 steps, 7.28 at 3e-3.
    """

    steps: int = 100
    learning_rate: float = 5e-4
    weight_decay: float = 0.01
    warmup: float = 0.1
    clip: float = 1.0
    looks: int = 4
    seed: int = 0
    stop: int | None = None

    def __post_init__(self) -> None:
        if self.steps < 1 or not 1 <= self.looks <= self.steps or self.seed < 0:
            raise TrainingError("At least 1 step, 1 look and no more than steps, a seed from 0 on.")
        if not (self.learning_rate > 0 and self.clip > 0 and self.weight_decay >= 0):
            raise TrainingError("Learning rate and clip must be above 0, weight decay not below.")
        if self.stop is not None and not 1 <= self.stop <= self.steps:
            raise TrainingError(f"Stop at one of {self.steps} steps, not at {self.stop}.")
        if not 0 <= self.warmup <= 1:
            raise TrainingError(f"The warm-up is a share of all steps, not {self.warmup}.")


@dataclass(frozen=True)
class Judged:
    """What a model lost on fixed batches, place by place.

    ``nats``, ``word``, ``guess`` and ``pair`` (masked places,): its surprise, the number of the
    word that stood there and of the likeliest one, and the number of the pair in its table.
    ``rows`` (pairs,): the pairs' numbers; ``right`` and ``next_nats`` (pairs,): next sentence told
    or not, and the surprise at it.
    """

    nats: Array
    word: Array
    guess: Array
    pair: Array
    rows: Array
    right: Array
    next_nats: Array

    @property
    def loss(self) -> float:
        """Return the masked-language loss in nats: the mean over all masked places."""
        return float(self.nats.mean())


def from_scratch(
    tokenizer: PreTrainedTokenizerBase, *, width: int = 128, layers: int = 2, seed: int = 0
) -> BertForPreTraining:
    """Return a small BERT with both heads, its weights drawn from ``seed``. Used in chapter 4."""
    from transformers import BertConfig

    shape: dict[str, Any] = {"hidden_size": width, "num_hidden_layers": layers}
    shape["intermediate_size"] = 4 * width
    shape |= {"num_attention_heads": max(1, width // 32), "vocab_size": len(tokenizer)}
    return _with_heads(BertConfig(**shape), seed)


def from_packaged(counts: Array, *, seed: int = 0) -> BertForPreTraining:
    """Return the packaged encoder under new heads for words and for the next sentence.

    The heads that it was trained with are not in the package. The new word head compares what the
    encoder says of a place with its own word vectors (the two matrices are one, as in BERT), and
    its bias starts at the log of each word's share in ``counts``: it begins by knowing the
    frequencies of the training words, and has to learn the rest. Used in chapter 4.

    Raises
    ------
    DataError
        ``counts`` does not have one number a word.
    """
    import torch

    encoder, _ = encoders.encoder()
    model = _with_heads(copy.deepcopy(encoder.config), seed)
    model.bert.load_state_dict(encoder.state_dict())
    bias = model.cls.predictions.decoder.bias
    if np.shape(counts) != tuple(bias.shape):
        raise DataError(f"One count a word is needed, {len(bias)}, not {np.shape(counts)}.")
    with torch.no_grad():
        bias.copy_(torch.from_numpy(unigram(counts)))
    return model


def _with_heads(config: Any, seed: int) -> BertForPreTraining:
    import torch
    from transformers import BertForPreTraining

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BertForPreTraining(config)
    model.tie_weights()  # one matrix for the words that go in and those that come out
    return model.eval()


def unigram(counts: Array, smoothing: float = SMOOTHING) -> Array:
    """Return the log probability of each word by its frequency alone, shape (words,), in fp32."""
    shares = (np.asarray(counts, dtype=float) + smoothing) / (
        np.sum(counts) + smoothing * len(counts)
    )
    return np.log(shares).astype(np.float32)


def unigram_nats(counts: Array, batches: Sequence[Masked]) -> Array:
    """Return the surprise of `unigram` at the masked places of ``batches``, shape (places,).

    The places are those, in the same order, at which `judge` asks a model. Used in chapter 4.
    """
    known = unigram(counts)
    return -np.concatenate([known[batch.labels[batch.chosen].numpy()] for batch in batches])


def losses(model: BertForPreTraining, batch: Masked) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the masked-language loss and the next-sentence loss of a batch, in nats.

    The word head is asked at the masked places only: it is the dearest part, and the others do not
    count.
    """
    hidden = model.bert(**batch.inputs)
    words = model.cls.predictions(hidden.last_hidden_state[batch.chosen])
    following = model.cls.seq_relationship(hidden.pooler_output)
    return (
        masked_language_loss(words, batch.labels[batch.chosen]),
        next_sentence_loss(following, batch.strangers),
    )


def judge(model: BertForPreTraining, batches: Sequence[Masked]) -> Judged:
    """Return what a model loses on fixed batches: no dropout, no gradient. Used in chapter 4.

    Raises
    ------
    DataError
        Nothing is masked in the batches.
    """
    import torch

    model.eval()
    with torch.no_grad():
        parts = [_judged(model, batch.to(model.device)) for batch in batches]
    if not sum(len(part["nats"]) for part in parts):
        raise DataError("Nothing is masked in these batches, so there is nothing to judge by.")
    return Judged(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def _judged(model: BertForPreTraining, batch: Masked) -> dict[str, Array]:
    hidden = model.bert(**batch.inputs)
    words = model.cls.predictions(hidden.last_hidden_state[batch.chosen])
    following = model.cls.seq_relationship(hidden.pooler_output)
    right = following.argmax(-1) == batch.strangers
    wanted = batch.labels[batch.chosen]
    return {
        "nats": nats(words, wanted).cpu().numpy(),
        "word": wanted.cpu().numpy(),
        "guess": words.argmax(-1).cpu().numpy(),
        "pair": batch.rows[batch.chosen.nonzero()[:, 0].cpu().numpy()],
        "rows": batch.rows,
        "right": right.cpu().numpy(),
        "next_nats": nats(following, batch.strangers).cpu().numpy(),
    }


def pretrain(
    model: BertForPreTraining,
    batches: PairBatches,
    judged_on: Mapping[str, Sequence[Masked]],
    plan: Plan | None = None,
    each_look: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """Train ``model`` in place on both losses, and return what it lost along the way.

    The rows are step 0 and ``plan.looks`` steps at equal distances; the columns step, and for each
    name in ``judged_on`` its masked-language loss. ``each_look`` is called with the step of every
    look but that at step 0. The model ends in evaluation mode; the caller's random numbers stay as
    they are. Used in chapter 4.

    Raises
    ------
    TrainingError
        The model reads fewer tokens than the batches have; a loss is not finite.
    """
    import pandas as pd
    import torch

    plan = plan or Plan()
    _check_length(model, batches)
    rows = [_look(model, judged_on, 0)]
    at = {round(plan.steps * look / plan.looks) for look in range(1, plan.looks + 1)}
    optimizer, schedule = _optimizer(model, plan)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        steps = zip(_counted(plan.stop or plan.steps), batches.shuffled(plan.seed), strict=False)
        for step, batch in steps:
            model.train()
            words, following = losses(model, batch.to(model.device))
            loss = words + following
            _require_finite(loss.item(), step)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), plan.clip)
            optimizer.step()
            schedule.step()
            if step in at:
                rows.append(_look(model, judged_on, step))
                if each_look is not None:
                    each_look(step)
    return pd.DataFrame(rows)


def _require_finite(loss: float, step: int) -> None:
    if not math.isfinite(loss):
        raise TrainingError(f"The loss became {loss} at step {step}: take a lower learning rate.")


def _look(
    model: BertForPreTraining, judged_on: Mapping[str, Sequence[Masked]], step: int
) -> dict[str, float]:
    return {"step": step, **{name: judge(model, on).loss for name, on in judged_on.items()}}


def _counted(steps: int) -> Any:
    """Return the numbers of the steps, behind a progress bar outside strict runs."""
    from tqdm import tqdm

    quiet = os.environ.get("ILLUSIONKIT_STRICT") == "1"
    return tqdm(range(1, steps + 1), desc="pre-training", disable=quiet, leave=False)


def _optimizer(model: BertForPreTraining, plan: Plan) -> tuple[Any, Any]:
    """Return AdamW, and a learning rate that rises over the warm-up and then falls to 0."""
    import torch

    optimizer = torch.optim.AdamW(
        model.parameters(), plan.learning_rate, weight_decay=plan.weight_decay, fused=True
    )
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, slope(plan.warmup, plan.steps))


def _check_length(model: BertForPreTraining, batches: PairBatches) -> None:
    longest = model.config.max_position_embeddings
    if batches.max_tokens > longest:
        raise TrainingError(
            f"The model reads {longest} tokens, not {batches.max_tokens}: cut the pairs there."
        )
