"""The answers to the exercises of the first and the last page of chapter 8."""

from __future__ import annotations

from illusionkit.answers.answer import Answer, claimed

ANSWERS = {
    "twenty-tests": Answer(lambda: 1 - 0.95**20, within=0.005),
    "refuted-in-words": claimed("refuted, of those told in words", 0.30769, within=0.005),
    "left-after-corrector": claimed("share left after the corrector", 0.222, within=0.08),
}
