"""Trainings that can be killed: each line read is a life to begin, each line written how it ended.

    python fits.py MODEL

A life is a process of its own, forked from this one once torch, transformers and the model in the
folder MODEL are loaded: to load them anew would take seconds each time. A job, one JSON object a
line, names

- ``splits``: a file, [texts, labels] of training and validation;
- ``settings``: those of `training.batches.Settings`; ``checkpoints``, ``every``: as in `fit`;
- ``log``: a file that grows by one byte a step;
- ``result``: the folder for weights.safetensors and told.json (history, best_epoch, warnings);
- ``kill``: None, or when to kill the life: ``delay`` seconds after ``steps`` steps and, if
  ``writing``, after a checkpoint is being written.
"""

import json
import os
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path

import pandas  # noqa: F401 (fit imports it at its end; here once for all lives)
import torch
from safetensors.torch import save_file
from torch.optim.optimizer import register_optimizer_step_post_hook

from illusionkit.models import encoders
from illusionkit.training.batches import Settings, Split
from illusionkit.training.finetune import fit

POLL = 0.0005  # seconds


def train(model, tokenizer, job):
    """Train as the job says, and write down what came of it."""
    log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    register_optimizer_step_post_hook(lambda *_: os.write(log, b"."))
    train, validation = (Split(*split) for split in json.loads(Path(job["splits"]).read_text()))
    kept = job["checkpoints"] and Path(job["checkpoints"])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        settings = Settings(**job["settings"])
        fitted = fit(
            model, tokenizer, train, validation, settings, checkpoints=kept, every=job["every"]
        )
    result = Path(job["result"])
    result.mkdir(parents=True)
    save_file(model.state_dict(), result / "weights.safetensors")
    history = fitted.history.drop(columns="seconds").to_dict("records")
    texts = [str(warning.message) for warning in told]
    found = {"history": history, "best_epoch": fitted.best_epoch, "warnings": texts}
    (result / "told.json").write_text(json.dumps(found))


def begin(loaded, job):
    """Fork a life; return its process number."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        train(*loaded, job)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def time_has_come(job):
    """Return whether the life has done what it may do before its last delay."""
    log = Path(job["log"])
    if job["kill"]["steps"] and (not log.exists() or log.stat().st_size < job["kill"]["steps"]):
        return False
    return not job["kill"]["writing"] or writing(job)


def writing(job):
    """Return whether there is a file of a checkpoint that is not finished."""
    return any(Path(job["checkpoints"]).glob(".part-step-*"))


def live(loaded, job):
    """Begin a life and end it as the job says; return how it ended."""
    began = time.perf_counter()
    process = begin(loaded, job)
    asked, due = job["kill"], None
    while True:
        ended, status = os.waitpid(process, os.WNOHANG if asked else 0)
        if ended:
            break
        now = time.perf_counter()
        if due is None and time_has_come(job):
            due = now + asked["delay"]
        if due is not None and now >= due:
            os.kill(process, signal.SIGKILL)
            _, status = os.waitpid(process, 0)
            break
        time.sleep(POLL)
    code = os.waitstatus_to_exitcode(status)
    return {"code": code, "seconds": time.perf_counter() - began}


if __name__ == "__main__":
    torch.set_num_threads(1)
    loaded = encoders.classifier(2, sys.argv[1])
    for line in sys.stdin:
        print(json.dumps(live(loaded, json.loads(line))), flush=True)
