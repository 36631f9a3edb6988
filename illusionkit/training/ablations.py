"""What a line of the training loop is for: the loop again, without it.

Each removal is an edit of the real source of `training.finetune` or `training.batches`, which
is then run as a module of its own. Nothing is copied, so a loop that changes is a loop that is
tested as it is; an edit that finds no line to remove raises. Used in chapter 5.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Sequence
from types import ModuleType

from illusionkit.errors import TrainingError
from illusionkit.training import batches, finetune

Edit = tuple[str, str]
"""What stands in the source, exactly once, and what comes in its place."""

TRAINING: dict[str, tuple[Edit, ...]] = {
    "model.train()": (("            model.train()\n", ""),),
    "zero_grad()": (("                optimizer.zero_grad()\n", ""),),
    "clip": (
        ("                accelerator.clip_grad_norm_(model.parameters(), settings.clip)\n", ""),
    ),
    "schedule.step()": (("                schedule.step()\n", ""),),
    "warm-up": (("rise = max(1, round(settings.warmup * steps))", "rise = 1"),),
    "decay groups": (
        ('plain, "weight_decay": 0.0}', 'plain, "weight_decay": settings.weight_decay}'),
    ),
    "best epoch": (
        (
            '        if run.best["weights"] is not None:\n'
            '            whole.load_state_dict(run.best["weights"])\n',
            "",
        ),
    ),
    "seed": (
        (
            "    set_seed(settings.seed, device_specific=accelerator.num_processes > 1)\n",
            "",
        ),
    ),
    "model.eval()": (
        ("    model.eval()\n    found = ", "    found = "),
        ("    whole.eval()\n    write_log(", "    write_log("),
    ),
    "row numbers": (
        (
            "    found = np.zeros((len(batches.labels), int(model.config.num_labels or 0)), "
            "dtype=np.float64)\n",
            "    found = []\n",
        ),
        (
            "found[rows] = model(**inputs).logits.float().softmax(-1).cpu().numpy()",
            "found.append(model(**inputs).logits.float().softmax(-1).cpu().numpy())",
        ),
        ("    return found\n", "    return np.concatenate(found)\n"),
    ),
    "short batch": (
        ("run.total += loss * len(rows)", "run.total += loss"),
        ('"train_loss": run.total / len(train)', '"train_loss": run.total / len(batches)'),
    ),
}
"""What may be removed from `training.finetune`."""

ORDER: dict[str, tuple[Edit, ...]] = {
    "shuffling": (
        ("rng.permutation(len(self._rows))", "np.arange(len(self._rows))"),
        ("in rng.permutation(cuts)]", "in cuts]"),
    ),
    "length groups": (
        (
            "order = self._grouped(rng.permutation(len(self._rows)))",
            "order = rng.permutation(len(self._rows))",
        ),
    ),
    "shuffling, sorted file": (
        (
            "order = self._grouped(rng.permutation(len(self._rows)))",
            "order = np.arange(len(self._rows))",
        ),
        ("in rng.permutation(cuts)]", "in cuts]"),
    ),
}
"""What may be removed from `training.batches`."""


def loop(removal: str | None = None) -> ModuleType:
    """Return `training.finetune` as a module of its own, without what ``removal`` names.

    With None nothing is removed. Raises `TrainingError` for a removal that is not known, or whose
    lines are not in the source exactly once. Used in chapter 5.
    """
    known = (*TRAINING, *ORDER)
    if removal is not None and removal not in known:
        raise TrainingError(f"Nothing called '{removal}' can be removed: {', '.join(known)}.")
    made = _run(finetune, TRAINING.get(removal or "", ()))
    if removal in ORDER:
        vars(made)["Batches"] = _run(batches, ORDER[removal]).Batches
    return made


def difference(removal: str) -> str:
    """Return what ``removal`` changes, line by line: "-" before what goes, "+" what comes.

    Errors as in `loop`.
    """
    loop(removal)
    module, edits = (batches, ORDER) if removal in ORDER else (finetune, TRAINING)
    before = inspect.getsource(module)
    after = _edited(before, edits[removal])
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def _run(module: ModuleType, edits: Sequence[Edit]) -> ModuleType:
    """Return a module made of another one's edited source; the other stays as it is."""
    source = _edited(inspect.getsource(module), edits)
    made = ModuleType(module.__name__)
    exec(compile(source, f"{module.__name__}, edited", "exec"), vars(made))
    return made


def _edited(source: str, edits: Sequence[Edit]) -> str:
    for old, new in edits:
        if source.count(old) != 1:
            raise TrainingError(
                f"The loop has changed: {old.strip()!r} stands in it {source.count(old)} times, "
                "not once. Bring the edit up to date with the source."
            )
        source = source.replace(old, new)
    return source
