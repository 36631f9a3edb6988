"""Chatter in the traffic of a help desk: ``customer-service``.

A router sends each question that comes in to one of six desks, and small talk to none. The source
document warns of dialogues that are irrelevant. So many lines are paid to be labelled; a share of
them is small talk, *in place of* questions. That is easy to tell: the score on all traffic rises
with its share, and those who ask are served worse.

Seen before, in a pilot of other sizes: accuracy on all traffic .77 without chatter, .88 at three
quarters; on questions .77 and .56. Said before anything was measured here, in misrouted of a
thousand: (1) of all traffic fewer are at every higher dose; (2) of the questions more, at least 100
more at three quarters; (3) the chatter itself does little: ``control``, which learns from as few
questions and no chatter, misroutes at most 30 fewer at every dose; (4) at three quarters a mere
gate, which sends all questions to the commonest desk, scores better on all traffic than the whole
router does without chatter; (5) ``cured``, with all the questions and the chatter on top, comes
within 20 of dose 0; (6) control and cure are equivalent to 0.

Changed before any result was looked at: the first spec read frozen features of the encoder, as the
pilot did, at twenty seeds, and took too long. Now it reads words and pairs of words,
in lower case and without marks, so that neither capitals nor a question mark tell, at ten. Used in
chapter 6.
"""

from __future__ import annotations

import numpy as np

from illusionkit.arrays import Array
from illusionkit.data.questions import CHATTER
from illusionkit.experiment.draws import first
from illusionkit.experiment.reading import Reading, Rows
from illusionkit.experiment.spec import Dose, Experiment, Knob
from illusionkit.experiment.task import Task
from illusionkit.illusions.material.help_desk import MISROUTED, counted

LABELLED, TESTED = 1200, 800
"""Lines of the traffic that are paid to be labelled to train on, and to test on."""
HOLDOUT = 0.3
"""The share of the questions that judges honestly."""


def collected(arm: str, share: float, asked: Array, talk: Array) -> tuple[Array, Array]:
    """Return the rows that an arm trains on and tests on, from shuffled questions and small talk.

    The first `TESTED` questions, and the last lines of small talk, are those to test on.
    """
    chatter, idle = round(share * LABELLED), round(share * TESTED)
    ours, bought = asked[:TESTED], LABELLED if arm == "cured" else LABELLED - chatter
    train = first(asked[TESTED:], bought, "questions to train on")
    if arm != "control":
        train = np.concatenate([train, first(talk, chatter, "lines of small talk to train on")])
    if arm == "flawed":
        late = first(talk[chatter:][::-1], idle, "lines of small talk to test on")
        ours = np.concatenate([ours[: TESTED - idle], late])
    return train, ours


def run(dose: Dose, seed: int, arm: str, part: str) -> Reading:
    """Read ``customer-service``: of the lines that are labelled, a share is small talk.

    Honest: misrouted of a thousand unused questions. Flawed: misrouted of a thousand lines of the
    traffic. Control: learns from as few questions and no chatter. Cured: from as many questions as
    at dose 0, with the chatter on top. Both are tested on questions alone.
    """
    task = Task(*counted(part))
    rng, is_talk = np.random.default_rng([seed, 61]), task.label == CHATTER
    holdout, work = task.cut(rng, HOLDOUT, rows=np.flatnonzero(~is_talk))
    asked, talk = rng.permutation(work), rng.permutation(np.flatnonzero(is_talk & task.book))
    train, ours = collected(arm, dose["chatter"], asked, talk)
    told, honest = task.judge(train, ours, holdout)
    return task.reading(MISROUTED, told, honest, **rivals(task.label[train], told, honest))


def rivals(learned: Array, told: Rows, honest: Rows) -> dict[str, float]:
    """Return what may explain a score, in misrouted of a thousand; ``learned`` are labels.

    The test's questions and its small talk; questions taken for chatter; all to the commonest desk;
    and the same router as a mere gate: what it takes for no chatter goes to that desk.
    """
    commonest = int(np.bincount(learned[learned != CHATTER]).argmax())
    gate = np.where(told.prediction == CHATTER, CHATTER, commonest)
    wrong, idle = told.truth != told.prediction, told.truth == CHATTER
    return {
        "questions_of_the_test": 1000 * float(wrong[~idle].mean()),
        "chatter_of_the_test": 1000 * float(wrong[idle].mean()) if idle.any() else 0.0,
        "taken_for_chatter": 1000 * float((honest.prediction == CHATTER).mean()),
        "commonest_desk": 1000 * float((honest.truth != commonest).mean()),
        "gate": 1000 * float((gate != told.truth).mean()),
    }


EXPERIMENTS = (
    Experiment(
        id="customer-service", step="applications", page="customer-service", kind="text",
        title="Small talk in the traffic of a help desk",
        symptom="The router's accuracy rises while more people are sent on to another desk.",
        caught_by="Score the questions alone, and print how many rows each class of the test has.",
        design="fresh-sample", metric=MISROUTED, margin=30, sign=1, seeds=tuple(range(10)),
        knobs=(
            Knob.share("chatter", "small talk among labelled lines", (0.0, 0.25, 0.5, 0.75, 0.9)),
        ),
        null_dose=0.0, data=("question_lines", "small_talk"), cost=0.2,
        tolerance=10, run=run,
    ),
)  # fmt: skip
