"""What a line of the training loop is for: the loop again, without it.

Each ablation is an edit of the real source of `training.finetune` or `training.batches`, which
is then run as a module of its own. Nothing is copied, so a loop that changes is a loop that is
tested as it is; an edit that finds no line to take out raises. Used in chapter 5.
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
    "zero_grad()": (("    run.optimizer.zero_grad()\n", ""),),
    "clip": (
        ("run.accelerator.clip_grad_norm_(run.model.parameters(), run.settings.clip)", "None"),
    ),
    "schedule.step()": (("                schedule.step()\n", ""),),
    "warm-up": (("rise = max(1, round(warmup * steps))", "rise = 1"),),
    "decay groups": (
        ('plain, "weight_decay": 0.0}', 'plain, "weight_decay": settings.weight_decay}'),
    ),
    "best epoch": (
        (
            '        if run.best["weights"] is not None:\n'
            '            model.load_state_dict(run.best["weights"])\n',
            "",
        ),
    ),
    "seed": (
        (
            "        set_seed(settings.seed, device_specific=run.accelerator.num_processes > 1)\n",
            "",
        ),
    ),
    "model.eval()": (
        ("    model.eval()\n    chances = ", "    chances = "),
        ("    model.eval()\n    write_log(", "    write_log("),
    ),
    "row numbers": (
        (
            "    chances = np.zeros((len(batches.labels), int(model.config.num_labels or 0)))\n",
            "    chances = []\n",
        ),
        (
            "chances[rows] = model(**inputs).logits.float().softmax(-1).cpu().numpy()",
            "chances.append(model(**inputs).logits.float().softmax(-1).cpu().numpy())",
        ),
        ("    return chances\n", "    return np.concatenate(chances)\n"),
    ),
    "short batch": (
        ("run.total += loss * len(rows)", "run.total += loss"),
        ('"train_loss": run.total / len(train)', '"train_loss": run.total / len(batches)'),
    ),
}
"""What may be taken out of `training.finetune`."""

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
"""What may be taken out of `training.batches`."""


def loop(ablation: str | None = None) -> ModuleType:
    """Return `training.finetune` as a module of its own, without what ``ablation`` names.

    With None nothing is taken out. Raises `TrainingError` for an ablation that is not known, or
    whose lines are not in the source exactly once. Used in chapter 5.
    """
    known = (*TRAINING, *ORDER)
    if ablation is not None and ablation not in known:
        raise TrainingError(f"Nothing called '{ablation}' can be taken out: {', '.join(known)}.")
    made = _run(finetune, TRAINING.get(ablation or "", ()))
    if ablation in ORDER:
        vars(made)["Batches"] = _run(batches, ORDER[ablation]).Batches
    return made


def difference(ablation: str) -> str:
    """Return what ``ablation`` changes, line by line: "-" before what goes, "+" what comes.

    Errors as in `loop`.
    """
    loop(ablation)
    module, edits = (batches, ORDER) if ablation in ORDER else (finetune, TRAINING)
    before = inspect.getsource(module)
    after = _edited(before, edits[ablation])
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
