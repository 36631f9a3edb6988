"""Mails: read however badly they are formed; nothing of them but names of fields and tags kept."""

import re

import numpy as np
import pytest

from illusionkit import cache
from illusionkit.data import mail, unit_copies

PLAIN = b"""From someone Mon Jan  1 00:00:00 2001
Subject: Hello =?iso-8859-1?q?caf=E9?=
From: "A Person" <A.Person@Example.org>
List-Unsubscribe: <mailto:x@example.org>

Good   day,
caf\xe9.
"""

BOTH = b"""Subject: two
From: b@example.org
Content-Type: multipart/alternative; boundary="cut"

--cut
Content-Type: text/plain; charset=utf-8

plain words
--cut
Content-Type: text/html
Content-Transfer-Encoding: quoted-printable

<html><style>p {color: red}</style><P class=3D"x">Marked <b>words</b> &amp; more
<script>hidden()</script><someone@example.org></P></html>
--cut
Content-Type: image/png
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--cut--
"""


def test_other_code_reads_the_mails_anew(monkeypatch):
    """A warm cache does not hide a changed reader."""
    keys = []
    kept = {"count": np.zeros(0)}
    monkeypatch.setattr(cache, "arrays", lambda kind, key, make: keys.append(key) or kept)
    for pattern in (mail.FIELD, mail.FIELD, re.compile("[a-z]+")):
        monkeypatch.setattr(mail, "FIELD", pattern)
        mail._parsed()
    assert keys[0] == keys[1] != keys[2]


def test_a_plain_mail_gives_its_words_and_the_names_of_its_fields():
    text, marks, sender = mail.parse(PLAIN, "name")
    assert text == "Hello café Good day, café."
    assert marks == "field:from field:list-unsubscribe field:subject"
    assert sender == "a.person@example.org"


def test_a_mail_in_parts_gives_visible_words_and_the_names_of_its_tags():
    text, marks, _ = mail.parse(BOTH, "name")
    assert text == "two plain words Marked words & more"
    assert marks.split()[-4:] == ["tag:b", "tag:html", "tag:p", "tag:script"] or (
        "tag:p" in marks and "tag:b" in marks
    )
    assert "someone" not in marks
    assert "person" not in marks


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe",
        b"Subject: =?unknown-9?q?=FF?=\n\nbody",
        b"Subject: =?utf-8?b?####?=\n\nbody",
        b"Content-Type: text/plain; charset=no-such\n\n\xe9t\xe9",
        b"Content-Type: text/html; charset=utf-8\n\n<p>\xff\xfe broken</p>",
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\nno end",
        b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!not base64!!",
        b"Content-Type: =?x?=; charset==?\n\nbody",
        b"From: <<<>>> ,,, @\nFrom:\n\nbody",
        b"no header at all",
    ],
)
def test_no_mail_is_formed_badly_enough_to_fail(raw):
    text, marks, sender = mail.parse(raw, "stand-in")
    assert "\0" not in text + marks + sender
    (text + marks + sender).encode()
    assert sender


def test_a_mail_without_a_sender_is_a_unit_of_its_own():
    assert mail.parse(b"Subject: x\n\nbody", "00012.abc.txt")[2] == "00012.abc.txt"


def test_a_very_long_mail_is_cut():
    text, _, _ = mail.parse(b"Subject: x\n\n" + b"a " * 50_000, "n")
    assert len(text) <= mail.LONGEST


def test_tags_come_from_a_closed_list():
    markup = b"Content-Type: text/html\n\n<john><FONT size=1><jane.doe@example.org>"
    assert mail.parse(markup, "n")[1] == "field:content-type tag:font"


@pytest.fixture(scope="module")
def both():
    return {part: mail.mails(part) for part in ("book", "confirm")}


def test_the_mails_are_as_many_as_were_counted(both):
    kinds = sum((rows["kind"].value_counts() for rows in both.values()), start=0)
    assert kinds.to_dict() == {"easy": 3900, "spam": 1896, "hard": 250}
    assert (both["book"]["label"] == (both["book"]["kind"] == "spam")).all()
    assert set(both["book"].columns) == {"text", "marks", "kind", "label", "unit"}


def test_a_tenth_of_the_units_is_kept_for_confirming_and_no_unit_is_in_both(both):
    units = {part: set(rows["unit"]) for part, rows in both.items()}
    assert not units["book"] & units["confirm"]
    share = len(units["confirm"]) / sum(map(len, units.values()))
    assert share == pytest.approx(0.1, abs=0.02)


def test_equal_texts_are_one_unit(both):
    rows = both["book"]
    same = rows.groupby(rows["text"].map(unit_copies.normalise))["unit"].nunique()
    assert (same == 1).all()


def test_most_mails_are_read(both):
    rows = both["book"]
    assert (rows["text"].str.len() > 20).mean() > 0.99
    assert rows["marks"].str.contains("field:subject").mean() > 0.99
    assert np.mean(rows["marks"].str.contains("tag:html")[rows["kind"] == "hard"]) > 0.5
