"""Dates of mails: the last server's word, else the sender's; the same date for equal mails."""

from datetime import datetime, timezone

import numpy as np
import pytest

from illusionkit.data import mail, mail_dates
from illusionkit.errors import DataError
from illusionkit.experiment.task import read
from illusionkit.illusions import experiment
from illusionkit.illusions.evaluate import temporal_mail

SENT = b"Date: Thu, 22 Aug 2002 12:00:00 +0200\n"
SERVERS = (
    b"Received: from a by b; Fri, 23 Aug 2002 08:00:00 +0000\n"
    b"Received: from c by a;\n\tThu, 22 Aug 2002 10:00:05 +0000 (GMT)\n"
)


def at(day, hour):
    return datetime(2002, 8, day, hour, tzinfo=timezone.utc).timestamp()


def test_the_last_server_is_believed_before_the_sender():
    assert mail_dates.stamp(SENT + SERVERS + b"\ntext") == at(23, 8)
    assert mail_dates.stamp(SENT + b"\ntext") == at(22, 10)


@pytest.mark.parametrize("line", [b"", b"Date: soon\n", b"Date: Mon, 1 Jan 2035 00:00:00 +0000\n"])
def test_without_a_date_that_can_be_there_is_none(line):
    assert np.isnan(mail_dates.stamp(line + b"Subject: x\n\ntext"))


def test_a_server_that_says_nothing_is_passed_over():
    assert mail_dates.stamp(b"Received: by nobody\n" + SENT + b"\ntext") == at(22, 10)


def test_every_mail_of_the_book_has_a_date_whatever_the_order():
    table = mail.mails()
    dates = mail_dates.received(table)
    assert np.isfinite(dates).all()
    assert np.array_equal(mail_dates.received(table[::-1]), dates[::-1])
    years = np.array([datetime.fromtimestamp(second, timezone.utc).year for second in dates])
    assert (years == 2002).mean() > 0.9


def test_a_mails_folder_says_its_kind():
    table = mail.mails()
    kinds = [mail.FOLDERS[name] for name in mail_dates.batches(table)]
    assert (table["kind"] == kinds).mean() > 0.99


def test_a_mail_of_another_archive_is_named():
    with pytest.raises(DataError, match="2 mails are not of the archive"):
        mail_dates.received(mail.mails().head(2).assign(text="another"))


@pytest.mark.parametrize("arm", ["flawed", "control"])
def test_what_is_trained_on_lies_outside_the_judged_weeks(monkeypatch, arm):
    """Later mail replaces earlier mail; senders are apart in the control only."""
    trained = []
    judge = temporal_mail._judged
    monkeypatch.setattr(
        temporal_mail,
        "_judged",
        lambda mails, rows, test: trained.append(rows) or judge(mails, rows, test),
    )
    reading = experiment("temporal-mail").read(0.25, 0, arm)
    mails, when = temporal_mail.dated("book")
    for rows, later in zip(trained, (100, 0), strict=True):
        assert len(set(rows)) == 400 and mails.label[rows].sum() == 200
        assert (when[rows] >= temporal_mail.END).sum() == later
        assert (when[rows] < temporal_mail.START).sum() == 400 - later
        assert bool(np.isin(mails.unit[rows], reading.honest_rows.unit).any()) == (arm == "flawed")
    assert len(reading.honest_rows.truth) == 240 and reading.honest_rows.truth.mean() == 0.5
    assert not set(mails.kind[np.concatenate(trained)]) & {"hard"}


def test_rows_and_dates_are_in_one_order():
    mails, when = temporal_mail.dated("book")
    assert np.array_equal(read(mail.mails, "book")["unit"], mails.unit)
    assert len(when) == len(mails.label)
