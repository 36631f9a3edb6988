"""The spam filter: whole senders on one side; hard mail replaces easy; rates of wanted mail."""

import numpy as np
import pytest

from illusionkit.errors import DataError
from illusionkit.illusions import experiment
from illusionkit.illusions.collect.duplicate_leakage import mail_triage
from illusionkit.illusions.collect.mail_triage import HELD, KINDS, TRAIN, Mails

DOSES = experiment("mail-triage").knob.doses


@pytest.fixture
def fits(monkeypatch):
    """Note what is fitted and judged, and fit nothing."""
    noted = []

    def called(self, train, judged):
        noted.append((self, train, judged))
        return np.arange(len(judged)) % 2

    monkeypatch.setattr(Mails, "called", called)
    return noted


@pytest.mark.parametrize("seed", [0, 5, 29])
@pytest.mark.parametrize("name", ["mail-triage", "mail-triage-easy"])
def test_no_sender_is_on_two_sides(name, seed, fits):
    trial = experiment(name)
    for arm in trial.arms:
        reading = trial.read(0.9, seed, arm)
        mails, train, _ = fits[-1]
        judged = (reading.apparent_rows, reading.honest_rows)
        sides = [set(mails.unit[train]), *(set(rows.unit) for rows in judged)]
        assert not sides[0] & sides[1]
        assert not sides[0] & sides[2]
        assert not sides[1] & sides[2]


@pytest.mark.parametrize("dose", DOSES)
def test_hard_mail_replaces_easy_mail(dose, fits):
    for seed in range(3):
        experiment("mail-triage").read(dose, seed)
    for mails, train, judged in fits:
        kinds = mails.kind[train]
        assert len(set(train)) == len(train) == 2 * TRAIN
        assert [(kinds == kind).sum() for kind in KINDS] == [
            round(dose * TRAIN), TRAIN - round(dose * TRAIN), TRAIN
        ]  # fmt: skip
        assert (mails.kind[judged[:HELD]] == "easy").sum() == round(dose * HELD)


def test_every_judged_mail_is_wanted_and_of_the_kind_that_is_said(fits):
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


def test_all_arms_are_judged_by_the_same_mails(fits):
    trial = experiment("mail-triage")
    judged = [trial.read(d, 3, a).honest_rows.unit for a in trial.arms for d in DOSES]
    assert all(np.array_equal(judged[0], found) for found in judged)


def test_the_rate_counts_wanted_mail_that_is_called_spam():
    rows = mail_triage.Rows(np.zeros(4, int), np.array([1, 0, 0, 0]), np.arange(4))
    assert mail_triage.FALSE_ALARMS.score(rows) == 0.25
    assert mail_triage.FALSE_ALARMS.rate
    assert not mail_triage.FALSE_ALARMS.greater_is_better


@pytest.mark.parametrize(("share", "kind"), [(1.0, "9 easy"), (0.0, "9 hard")])
def test_too_few_mails_of_a_kind_are_named(share, kind):
    with pytest.raises(DataError, match=f"{kind} mails are needed and 5 are there"):
        mail_triage.mixed(np.arange(5), np.arange(5), share, 9)


def test_no_sender_weighs_more_than_ten_mails():
    mails = mail_triage.words_and_marks()
    for seed in range(3):
        for pool in mail_triage.pools(mails, "book", np.random.default_rng(seed)):
            for rows in (pool.train, pool.held, pool.judged):
                assert np.unique(mails.unit[rows], return_counts=True)[1].max() <= 10
                assert len(set(rows)) == len(rows)


def test_an_empty_kind_is_named():
    with pytest.raises(DataError, match="2 hard mails are needed and 0 are there"):
        mail_triage.mixed(np.arange(50), np.arange(0), 0.9, 20)


def test_the_confirm_part_is_not_read_for_the_book():
    assert not mail_triage.words_and_marks().confirm.any()


def test_confirming_judges_only_what_nobody_read():
    mails = Mails(
        None, np.array([]), np.zeros(400, int), np.arange(400) // 2,
        np.tile(np.array(KINDS)[[0, 0, 1, 2]], 100), np.arange(400) >= 300,
    )  # fmt: skip
    for pool in mail_triage.pools(mails, "confirm", np.random.default_rng(0)):
        assert mails.confirm[pool.judged].all()
        assert not mails.confirm[np.concatenate([pool.train, pool.held])].any()


def test_a_filter_that_reads_tags_flags_the_wanted_mail_that_has_them(monkeypatch):
    """A world whose truth is known: spam and hard mail have a tag, easy mail has none."""
    from scipy.sparse import csr_matrix

    rng = np.random.default_rng(0)
    kind = np.repeat(np.array(KINDS), [2400, 400, 2400])
    tag = (kind != "easy") ^ (rng.random(len(kind)) < 0.02)
    own = (kind == "hard") & (rng.random(len(kind)) < 0.95)
    counts = csr_matrix(np.stack([tag, own], axis=1).astype(float))
    tokens = np.array(["tag:font", "field:list-unsubscribe"])
    known = Mails(
        counts, tokens, (kind == "spam").astype(int), np.arange(len(kind)), kind,
        np.zeros(len(kind), bool),
    )  # fmt: skip
    monkeypatch.setattr(mail_triage, "words_and_marks", lambda part: known)
    trial = experiment("mail-triage")
    assert trial.optimism(trial.read(1.0, 0)) > 0.9
    assert trial.optimism(trial.read(0.9, 0)) < 0.5
    assert abs(trial.optimism(trial.read(1.0, 0, "cured"))) < 0.1
    easy = experiment("mail-triage-easy")
    assert abs(easy.optimism(easy.read(1.0, 0, "control"))) < 0.05
