"""A training that is killed and started again ends as if it had never stopped, to the bit."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file
from small_models import save_small

import illusionkit

PROGRAM = Path(__file__).parent / "programs" / "fits.py"
KIT = Path(illusionkit.__file__).parents[1]
WORDS = ("film", "plot", "scene", "actor", "story", "music", "ending", "voice")
TELLING = (("bad", "awful", "dull", "poor"), ("good", "great", "bright", "fine"))
BATCHES, EPOCHS, EVERY = 40, 4, 5
STEPS = BATCHES * EPOCHS
SETTINGS = {"epochs": EPOCHS, "batch_size": 4, "learning_rate": 1e-3, "max_tokens": 24}
KILLS = 30


def split(rows, rng, *, turned):
    """Return [texts, labels] of reviews; ``turned`` gives each the label it should not have."""
    labels = [row % 2 for row in range(rows)]
    texts = [
        " ".join(rng.choices(WORDS, k=rng.randint(0, 8)) + rng.choices(TELLING[k], k=4))
        for k in labels
    ]
    return [texts, [1 - k for k in labels] if turned else labels]


class Lives:
    """The lives of trainings, each a process that a server forks; see `programs/fits.py`."""

    def __init__(self, server, folder):
        self._server = server
        self._folder = folder
        self._count = 0

    def begin(self, checkpoints=None, kill=None):
        """Begin a life and wait for its end; return how it ended."""
        self._count += 1
        log, result = (self._folder / f"{name}-{self._count}" for name in ("log", "result"))
        job = {
            "splits": str(self._folder / "splits.json"),
            "settings": SETTINGS,
            "checkpoints": checkpoints and str(checkpoints),
            "every": checkpoints and EVERY,
            "log": str(log),
            "result": str(result),
            "kill": kill,
        }
        self._server.stdin.write(json.dumps(job) + "\n")
        self._server.stdin.flush()
        ended = json.loads(self._server.stdout.readline())
        ended["steps"] = log.stat().st_size if log.exists() else 0
        if ended["code"] == 0:
            ended |= json.loads((result / "told.json").read_text())
            ended["weights"] = load_file(result / "weights.safetensors")
        return ended


@pytest.fixture(scope="module")
def lives(tmp_path_factory, tokenizer):
    """A server that trains a small model with dropout; validation wants what training unlearns."""
    folder = tmp_path_factory.mktemp("lives")
    rng = random.Random(0)
    splits = [split(4 * BATCHES, rng, turned=False), split(40, rng, turned=True)]
    (folder / "splits.json").write_text(json.dumps(splits))
    model = save_small(folder / "model", tokenizer)
    environment = {**os.environ, "PYTHONPATH": str(KIT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(PROGRAM), str(model)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as server:
        yield Lives(server, folder)
        server.stdin.close()
    assert server.returncode == 0


@pytest.fixture(scope="module")
def uninterrupted(lives):
    """How a training ends that nobody disturbs, and that keeps no checkpoints."""
    ended = lives.begin()
    assert (ended["code"], ended["steps"]) == (0, STEPS)
    assert ended["best_epoch"] < EPOCHS, "the last weights are the best: restore_best is idle"
    return ended


def kept(folder):
    """Return the steps of the checkpoints, the newest first."""
    found = (int(path.name.split("-")[1]) for path in folder.glob("step-*.pt"))
    return sorted(found, reverse=True)


def half_written(folder):
    return {path.name for path in folder.glob(".part-step-*")}


def drawn_kill(rng, number, start, seconds_a_step):
    """Draw when to kill: while starting, after some steps, or while a checkpoint is written.

    The kills are spread over nine tenths of the training; a life begins after ``start`` steps.
    """
    kind = rng.choices(["starting", "training", "writing"], weights=[1, 3, 2])[0]
    if kind == "starting":
        return {"steps": 0, "writing": False, "delay": rng.uniform(0, 0.3)}
    steps = max(1, int(0.9 * STEPS * (number + rng.random()) / KILLS) - start)
    if kind == "training":
        delay = rng.uniform(0, 1.5 * EVERY * seconds_a_step)
        return {"steps": steps, "writing": False, "delay": delay}
    return {"steps": steps, "writing": True, "delay": rng.uniform(0, 0.02)}


def assert_same_end(ended, wanted):
    assert ended["code"] == 0
    assert ended["history"] == wanted["history"]
    assert ended["best_epoch"] == wanted["best_epoch"]
    assert ended["weights"].keys() == wanted["weights"].keys()
    for name, weights in wanted["weights"].items():
        assert ended["weights"][name].tobytes() == weights.tobytes(), name


def killed_again_and_again(lives, folder, rng, seconds_a_step, numbers):
    """Kill a training once for each of the numbers, then let it end.

    Return how it ended, the steps at which it was killed, and the files half-written then. Each
    life must go on from the newest checkpoint, and lose no more than the steps since. A training
    may end before the last kills.
    """
    steps, torn = [], []
    while True:
        start, left = max(kept(folder), default=0), half_written(folder)
        number = next(numbers, None)
        kill = None if number is None else drawn_kill(rng, number, start, seconds_a_step)
        ended = lives.begin(folder, kill)
        reached = start + ended["steps"]
        if ended["code"] == 0:
            assert reached == STEPS
            assert ended["warnings"] == []
            assert not list(folder.glob("*.damaged")), "a kill left a file half-written as if whole"
            return ended, steps, torn
        assert ended["code"] == -signal.SIGKILL
        assert 0 <= reached - max(kept(folder), default=0) <= EVERY
        assert len(half_written(folder)) <= 1, "what a life before left half-written is still there"
        steps.append(reached)
        torn += half_written(folder) - left


def test_many_kills_do_not_change_a_bit(lives, uninterrupted, tmp_path):
    """A training that ends before the last kills is followed by another one."""
    rng = random.Random(0)
    steps, torn = [], []
    while len(steps) < KILLS:
        folder = tmp_path / f"checkpoints-{len(steps)}"
        seconds, numbers = uninterrupted["seconds"] / STEPS, iter(range(len(steps), KILLS))
        ended, *more = killed_again_and_again(lives, folder, rng, seconds, numbers)
        assert_same_end(ended, uninterrupted)
        steps, torn = steps + more[0], torn + more[1]
    print(f"killed after steps {steps}; {len(torn)} times while a checkpoint was written")
    assert len(torn) >= KILLS // 10
    assert len({10 * step // STEPS for step in steps}) >= 6, (
        "they were not spread over the training"
    )
    again = lives.begin(folder)
    assert again["steps"] == 0, "a training that has ended goes on"
    assert_same_end(again, uninterrupted)


def test_a_damaged_checkpoint_costs_only_the_steps_since_the_one_before(
    lives, uninterrupted, tmp_path
):
    killed = lives.begin(tmp_path, {"steps": STEPS // 2 + 2, "writing": False, "delay": 0.0})
    assert killed["code"] == -signal.SIGKILL
    before = kept(tmp_path)[1]
    path = max(tmp_path.glob("step-*.pt"))
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    ended = lives.begin(tmp_path)
    (told,) = ended["warnings"]
    assert f"The checkpoint {path.name} in {tmp_path} is damaged" in told
    assert (tmp_path / f"{path.name}.damaged").read_bytes() == content
    assert ended["steps"] == STEPS - before
    assert_same_end(ended, uninterrupted)
