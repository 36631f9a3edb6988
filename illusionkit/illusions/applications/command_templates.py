"""Sentences made from templates, split by chance: ``command-templates``, also ``-chinese``.

A voice assistant is to tell eleven intents apart. Its sentences are drawn from templates, so many
of each; the authors wrote the templates in blocks, one block for each combination of what is named.
A router learns words and pairs of words (Chinese: characters and their pairs). Flawed: sentences
are dealt out by chance, and a tested one has siblings of its own template in training. "Template":
whole templates are tested, so siblings of the block stay. Cured: whole blocks are. Control: the
split by chance, but only the sentences of a fifth of the blocks are tested, all others of these are
taken out of training, and repeats of the rest put in their place. Honest: sentences of blocks that
nobody used, as many of each template.

Seen before: the plan's note of a small effect in English and a large one in Chinese, no figure.
Said before anything was measured, in misunderstood of a thousand: (1) with eight sentences of each
template the optimism is positive in both languages, and larger in Chinese; in English below 60; (2)
from one sentence to eight the apparent score falls at every step, and the honest one by at most
40: eight times the lines, and no new template; (3) the split by template leaves at least half of
the flawed optimism; (4) control and cure are equivalent to 0 or undecided, below 40 in size; (5) a
look-up that learns nothing, and gives the intent of the training sentence that shares most words,
comes within 40 of the router on the split by chance, and is worse by more than 40 on new blocks.
Used in chapter 6.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from illusionkit.arrays import Array
from illusionkit.data.commands import DRAWN
from illusionkit.experiment.draws import first
from illusionkit.experiment.reading import Reading
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task
from illusionkit.illusions.material.help_desk import MISROUTED
from illusionkit.illusions.material.spoken import chinese, english, look_up

TESTED, HOLDOUT = 0.2, 0.25
"""Shares of what is dealt out to test on, and of the blocks that judge honestly."""
LEAST = 20
"""Sentences to deal out to training and test, at least."""


def dealt(names: Array, rng: np.random.Generator) -> Array:
    """Return which rows are tested: those of a fifth of the names that they bear."""
    drawn = rng.permutation(np.unique(names))
    return np.isin(names, drawn[: round(TESTED * len(drawn))])


def run(dose: Dose, seed: int, arm: str, part: str, language: str) -> Reading:
    """Read ``command-templates``: so many sentences of each template, dealt out by chance."""
    task = Task(*(chinese(part) if language == "chinese" else english(part)))
    rng, table = np.random.default_rng([seed, 64]), task.table
    drawn = np.flatnonzero(table["turn"].to_numpy() < round(dose["sentences"]))
    holdout, work = task.cut(rng, HOLDOUT, rows=drawn)
    first(work, LEAST, "sentences to deal out")
    names = {"cured": task.unit, "template": table["template"].to_numpy()}
    tested = dealt(names.get(arm, np.arange(len(table)))[work], rng)
    train, test = work[~tested], work[tested]
    if arm == "control":
        apart = dealt(task.unit[work], rng)
        clean, test = work[~tested & ~apart], work[tested & apart]
        train = np.concatenate([clean, rng.choice(clean, len(train) - len(clean))])
    told, honest = task.judge(train, test, holdout)
    return task.reading(MISROUTED, told, honest, **rivals(task, train, test, holdout))


def rivals(task: Task, train: Array, test: Array, holdout: Array) -> dict[str, float]:
    """Return what may explain a score: siblings in training, and rivals that do not learn.

    Shares of the tested sentences with a sibling of their template and of their block; of a
    thousand, by the look-up on the test and on new blocks, and by the commonest intent on these.
    """
    label, template = task.label, task.table["template"].to_numpy()
    commonest = int(np.bincount(label[train]).argmax())
    told = {
        "with_template": float(np.isin(template[test], template[train]).mean()),
        "with_block": float(np.isin(task.unit[test], task.unit[train]).mean()),
        "commonest_new": 1000 * float((label[holdout] != commonest).mean()),
    }
    for name, rows in (("test", test), ("new", holdout)):
        found = look_up(task.learner.features, label, train, rows)
        told[f"look_up_{name}"] = 1000 * float((found != label[rows]).mean())
    return told


_experiment = partial(
    Experiment, step="applications", page="templates", kind="text", design="fresh-sample",
    metric=MISROUTED, margin=30, sign=1, seeds=tuple(range(10)),
    knobs=(
        Knob("sentences", "sentences drawn from each template", "sentences", low=1, high=DRAWN,
             default=DRAWN, doses=(1, 2, 4, 8)),
    ),
    arms=("flawed", "control", "cured", "template"), cost=0.3, tolerance=10,
)  # fmt: skip

EXPERIMENTS = (
    _experiment(
        id="command-templates", title="Commands made from templates, split by chance",
        symptom="More sentences from the same templates, and the test score rises.",
        caught_by="Split by what the sentences were made from, not by sentence.",
        data=("commands",), run=partial(run, language="english"),
    ),
    _experiment(
        id="command-templates-chinese", title="Chinese commands made from templates",
        symptom="A voice assistant that hardly errs in tests asks its users to repeat themselves.",
        data=("commands_chinese",), run=partial(run, language="chinese"),
    ),
)  # fmt: skip
