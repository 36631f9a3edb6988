"""The folder of one training on a reader's own table: its plan, checkpoints, model, report.

The plan is written first and the report last, each in one move, so that a training that was killed
at any moment is known for what it is: its own, another's, finished or not.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from illusionkit import cache
from illusionkit.audit.trained import Trained
from illusionkit.data.own_files import put, written
from illusionkit.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from illusionkit.training.history import Fitted

PLAN, REPORT, KEPT, WEIGHTS = "training.json", "report.json", "checkpoints", "model.safetensors"
MARK = {"made by": "illusionkit train"}
"""What a plan holds, so that another program's file is not taken for one."""
SPACE = "What was trained is kept; free some space, or name another folder."


def finished(out: Path, plan: dict[str, Any]) -> Trained | None:
    """Return the report in ``out`` if it is that of this training and the model is whole there."""
    try:
        told = json.loads((out / REPORT).read_text(encoding="utf-8"))
        whole = told["plan"] == plan and told["weights"] == _weights(out)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Trained(told) if whole else None


def _weights(folder: Path) -> str:
    return cache.digest((folder / WEIGHTS).read_bytes(), (folder / "config.json").read_bytes())


def claim(out: Path, plan: dict[str, Any]) -> bool:
    """Make the folder this training's own, and return whether it has checkpoints of it.

    Raises
    ------
    DataError
        The folder holds another training, or something else, or can't be written.
    """
    with written(out, SPACE):
        out.mkdir(parents=True, exist_ok=True)
        there = [path for path in out.iterdir() if path.suffix != ".part"]
        before = _before(out)
        if there and before is None:
            raise DataError(
                f"{out} holds {len(there)} files or folders that are no training of this command: "
                "name a new folder, or an empty one."
            )
        begun = any(out.glob(f"{KEPT}/step-*"))
        other = [name for name in plan if before is not None and before.get(name) != plan[name]]
        if other and (begun or (out / REPORT).exists()):
            raise DataError(
                f"{out} holds another training: not the same {', '.join(other)}. Name another "
                "folder, or remove this one; to go on with it, call it as before."
            )
        put(out / PLAN, json.dumps({**MARK, **plan}, indent=2), SPACE)
    return begun


def _before(out: Path) -> dict[str, Any] | None:
    """Return the plan that lies in a folder; None where there is none that can be read."""
    try:
        found = json.loads((out / PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.items() >= MARK.items() else None


def keep(
    out: Path, model: Any, tokenizer: PreTrainedTokenizerBase, fitted: Fitted, report: Trained
) -> None:
    """Put model, tokenizer and history into the folder, and the report last; drop checkpoints.

    Raises
    ------
    DataError
        The folder can't be written.
    """
    with written(out, SPACE):
        fitted.save(out, model, tokenizer, SPACE)
        sealed = Trained({**report.plain, "weights": _weights(out)})
        put(out / REPORT, sealed.json(), SPACE)
        clear(out)


def clear(out: Path) -> None:
    """Remove the checkpoints of a training that is finished."""
    shutil.rmtree(out / KEPT, ignore_errors=True)
