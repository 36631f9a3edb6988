"""The spam filter: whole senders on one side; hard mail replaces easy; rates of wanted mail."""

import numpy as np
import pandas as pd
import pytest

from illusionkit.errors import DataError
from illusionkit.experiment.reading import Rows
from illusionkit.experiment.task import Task
from illusionkit.illusions import experiment
from illusionkit.illusions.collect import mail_triage
from illusionkit.illusions.collect.mail_triage import KINDS, TRAIN, Mails

DOSES = experiment("mail-triage").knob.doses


@pytest.mark.parametrize("dose", DOSES)
def test_hard_mail_replaces_easy_mail(dose):
    kinds = {"easy": np.arange(TRAIN), "hard": TRAIN + np.arange(TRAIN)}
    rows = mail_triage.mixed(kinds, dose, TRAIN)
    assert len(set(rows)) == len(rows) == TRAIN
    assert (rows < TRAIN).sum() == round(dose * TRAIN)


def test_every_judged_mail_is_wanted_and_of_the_kind_that_is_said():
    for name, arm, kinds in (
        ("mail-triage", "flawed", ("easy", "hard")),
        ("mail-triage", "cured", ("hard", "hard")),
        ("mail-triage-easy", "control", ("easy", "easy")),
    ):
        reading = experiment(name).read(1.0, 0, arm)
        mails = mail_triage.words_and_marks()
        for rows, kind in zip((reading.apparent_rows, reading.honest_rows), kinds, strict=True):
            assert (rows.truth == 0).all()
            assert set(mails.kind[np.isin(mails.unit, rows.unit)]) >= {kind}
        assert not set(reading.apparent_rows.unit) & set(reading.honest_rows.unit)


def test_the_rate_counts_wanted_mail_that_is_called_spam():
    rows = Rows(np.zeros(4, int), np.array([1, 0, 0, 0]), np.arange(4))
    assert mail_triage.FALSE_ALARMS.score(rows) == 0.25
    assert mail_triage.FALSE_ALARMS.rate
    assert not mail_triage.FALSE_ALARMS.greater_is_better


def test_too_few_mails_of_a_kind_are_named():
    five = {"easy": np.arange(5), "hard": np.arange(5)}
    for share, kind in ((1.0, "9 easy"), (0.0, "9 hard")):
        with pytest.raises(DataError, match=f"{kind} mails are needed and 5 are there"):
            mail_triage.mixed(five, share, 9)


def test_no_sender_weighs_more_than_ten_mails_and_each_has_one_pool():
    task = Task(mail_triage.words_and_marks().table, None)
    for seed in range(3):
        units = []
        for pool in mail_triage.pools(task, "book", np.random.default_rng(seed)):
            for rows in pool.values():
                assert np.unique(task.unit[rows], return_counts=True)[1].max() <= 10
                assert len(set(rows)) == len(rows)
            units.append(set(task.unit[np.concatenate(list(pool.values()))]))
        assert not (units[0] & units[1] or units[0] & units[2] or units[1] & units[2])


def test_a_filter_that_reads_tags_flags_the_wanted_mail_that_has_them(monkeypatch):
    """A world whose truth is known: spam and hard mail have a tag, easy mail has none."""
    from scipy.sparse import csr_matrix

    rng = np.random.default_rng(0)
    kind = np.repeat(np.array(KINDS), [2400, 400, 2400])
    tag = (kind != "easy") ^ (rng.random(len(kind)) < 0.02)
    own = (kind == "hard") & (rng.random(len(kind)) < 0.95)
    counts = csr_matrix(np.stack([tag, own], axis=1).astype(float))
    tokens = np.array(["tag:font", "field:list-unsubscribe"])
    table = pd.DataFrame({"label": (kind == "spam").astype(int), "kind": kind, "part": "book"})
    table["unit"] = np.arange(len(kind))
    columns = (table[name].to_numpy() for name in ("label", "unit", "kind"))
    known = Mails(counts, tokens, table, *columns)
    monkeypatch.setattr(mail_triage, "words_and_marks", lambda part: known)
    trial = experiment("mail-triage")
    assert trial.optimism(trial.read(1.0, 0)) > 0.9
    assert trial.optimism(trial.read(0.9, 0)) < 0.5
    assert abs(trial.optimism(trial.read(1.0, 0, "cured"))) < 0.1
    easy = experiment("mail-triage-easy")
    assert abs(easy.optimism(easy.read(1.0, 0, "control"))) < 0.05
