"""`predict`: what it refuses, its plain form without scripts, and inert text."""

import json
import re

import pytest

from illusionkit.interactive import widget
from illusionkit.interactive.exercises import predict

HOSTILE = "</script><!-- <script>alert(1)</script> \"'> \u202e\u2028 {n} <img src=x onerror=y>"


def shown(**changes):
    """Return the HTML of a question."""
    asked = {
        "question": "What share of new reviews?", "low": 50, "high": 100, "step": 0.5,
        "answer": 83.68, "reveal": ["Half are copies.", "The rest are new."], "unit": "%",
        "decimals": 1,
    } | changes  # fmt: skip
    return predict(asked.pop("question"), **asked).data


def data_of(page):
    """Return the JSON that the page's script reads."""
    return json.loads(re.search(r'json">(.*?)</script>', page, flags=re.S)[1])


def test_without_a_script_it_is_a_folded_answer():
    page = shown()
    details = re.search(r"<details>.*</details>", page, flags=re.S)[0]
    assert "Show the answer" in details
    assert "Measured: 83.7\u00a0%." in details
    assert "<p><bdi>Half are copies.</bdi></p><p><bdi>The rest are new.</bdi></p>" in details
    assert 'data-needs-script="" hidden' in page


def test_only_the_answer_is_measured():
    def constant(page):
        return re.sub(r"<!--measured-->.*?<!--/measured-->", "", page, flags=re.S)

    assert shown() != shown(answer=71.2)
    assert constant(shown()) == constant(shown(answer=71.2))
    assert "83.7" not in constant(shown())


def test_the_script_is_the_one_of_every_widget():
    assert shown().count(widget.script()) == 1
    assert shown() == shown()


def test_numbers_carry_their_unit_and_a_true_minus():
    page = shown(low=-1, high=1, step=0.05, answer=-0.25, decimals=None, unit="points")
    assert "\u22120.25\u00a0points" in page
    assert data_of(page)["form"] == "{n}\u00a0points"
    assert data_of(page)["points"] is False


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"low": 100}, "low (100) must be below high (100)"),
        ({"step": 0}, "step (0) must be above 0"),
        ({"step": 51}, "step (51) must be above 0 and at most high - low (50)"),
        ({"answer": 49.9}, "can't be guessed between 50 and 100: widen the range"),
        ({"answer": float("nan")}, "answer must be a finite number, not nan"),
        ({"high": float("inf")}, "high must be a finite number"),
        ({"decimals": 2}, "in steps of 0.5 can meet an answer of 2 decimals: 1 at most"),
        ({"step": "small"}, "step must be a finite number, not 'small'"),
    ],
)
def test_a_wrong_question_is_refused(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        shown(**changes)


def test_hostile_text_is_only_text():
    page = shown(question=HOSTILE, reveal=HOSTILE, unit=HOSTILE)
    assert page.count("</script>") == 2 and page.count("<script") == 2
    assert "<img" not in page and page.count("<!--") == 2
    assert not set("<>&\u2028") & set(re.search(r'json">(.*?)</script>', page, flags=re.S)[1])
