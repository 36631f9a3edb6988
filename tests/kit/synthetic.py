"""A small experiment whose truth is known, in a module that worker processes can import."""

import os
import signal
from pathlib import Path

import numpy as np

from illusionkit.experiment.reading import ACCURACY, Reading, Rows
from illusionkit.experiment.spec import Experiment, Knob

UNITS = 200
RIGHT = 0.7


def draw(dose, seed, arm, part):
    """Right at 0.7; the flawed arm's apparent predictions at 0.7 + 0.2 x dose."""
    _note(arm, dose["share"], seed, part)
    rng = np.random.default_rng([seed, 7])
    truth, luck = rng.integers(0, 2, UNITS), rng.random(UNITS)
    better = RIGHT + (0.2 * dose["share"] if arm == "flawed" else 0)
    seen, clean = (np.where(luck < share, truth, 1 - truth) for share in (better, RIGHT))
    unit = np.arange(UNITS) + (1000 if part == "confirm" else 0)
    return Reading.scored(
        ACCURACY,
        Rows(truth, seen, unit),
        Rows(truth, clean, unit),
        extras={"seed_squared": float(seed**2)},
        train_sizes=(10, 10),
    )


def _note(arm, share, seed, part):
    """Write down that a reading was run, and die at the run that $SYNTHETIC_KILL names."""
    place = os.environ.get("SYNTHETIC_LOG")
    if not place:
        return
    with Path(place).open("a", encoding="utf-8") as log:
        log.write(f"{arm} {share} {seed} {part}\n")
    if len(runs(place)) == int(os.environ.get("SYNTHETIC_KILL", "-1")):
        os.kill(os.getpid(), signal.SIGKILL)


def runs(place):
    """Return one line for each reading that was run."""
    return Path(place).read_text(encoding="utf-8").splitlines() if Path(place).exists() else []


SHARE = Knob("share", "share of copies", "share", 0.0, 1.0, 1.0, (0.0, 0.5, 1.0))


def experiment(**changed):
    """Return the experiment, with the fields named changed."""
    spec = {
        "id": "synthetic",
        "title": "A trial",
        "step": "collect",
        "design": "paired-models",
        "metric": ACCURACY,
        "knobs": (SHARE,),
        "seeds": (0, 1, 2),
        "margin": 0.05,
        "sign": 1,
        "data": (),
        "page": "none",
        "cost": 0.01,
        "run": draw,
    }
    return Experiment(**{**spec, **changed})
