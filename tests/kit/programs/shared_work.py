"""Gradients, losses and a training of a small model without dropout, by one process or by several.

    python shared_work.py MODEL OUT
    accelerate launch … shared_work.py MODEL OUT

MODEL is a folder; the main process writes OUT with `torch.save`.
"""

import sys

import torch

from illusionkit.models import encoders
from illusionkit.training.batches import Batches, Settings, Split
from illusionkit.training.finetune import backward, fit
from illusionkit.training.session import accelerator_of

WORDS = ("good", "bad", "film", "plot", "actor", "scene", "never", "always", "quite", "dull")
TEXTS = [" ".join(WORDS[(7 * n + k * n) % 10] for k in range(3 + n % 11)) for n in range(52)]
TRAIN = Split(TEXTS[:35], [n % 2 for n in range(35)])
WATCHED = Split(TEXTS[35:], [n % 2 for n in range(17)])
SETTINGS = Settings(epochs=2, batch_size=17, learning_rate=1e-3, max_tokens=32)
"""35 rows in batches of 17: the last has one row, so that one of two processes has none."""


def gradients(folder: str, dtype: torch.dtype, most: int | None) -> list:
    """Return the loss and the gradients of each batch of an epoch."""
    accelerator = accelerator_of("fp32")
    model, tokenizer = encoders.classifier(2, folder)
    shared = accelerator.prepare(model.to(dtype).train())
    settings = Settings(**{**vars(SETTINGS), "tokens_at_once": most})
    batches, found = Batches(tokenizer, TRAIN, settings), []
    for rows in batches.order(1):
        shared.zero_grad()
        loss = backward(shared, batches, rows, accelerator)
        found.append((loss, {name: p.grad.clone() for name, p in model.named_parameters()}))
    return found


def training(folder: str) -> dict:
    """Return the history and the weights of a short training."""
    model, tokenizer = encoders.classifier(2, folder)
    fitted = fit(model, tokenizer, TRAIN, WATCHED, SETTINGS)
    history = fitted.history.drop(columns="seconds").to_dict("list")
    return {"history": history, "weights": model.state_dict()}


def main(folder: str, out: str) -> None:
    """Do all of it and write what was found."""
    torch.set_num_threads(1)
    found = {
        "processes": accelerator_of("fp32").num_processes,
        "fp64": gradients(folder, torch.float64, None),
        "fp64 in parts": gradients(folder, torch.float64, 30),
        "fp32": gradients(folder, torch.float32, None),
        "training": training(folder),
    }
    if accelerator_of("fp32").is_main_process:
        torch.save(found, out)
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
