"""The answers to the exercises of chapter 9."""

from __future__ import annotations

from illusionkit.answers.answer import Answer, claimed

CONTROLS = 62

ANSWERS = {
    "above-by-luck": Answer(lambda: CONTROLS * 0.05 / 2, within=0.03),
    "what-cleaning-bought": claimed("honest points gained by cleaning", 10.28, within=0.5),
    "whose-labels": claimed("share of C's labels turned, estimated", 0.1708, within=0.02),
    "copies-ceiling": Answer(lambda: 100 * 0.3 * (1 - 0.7), within=0.05),
    "the-best-stone": claimed("wholly right, always none", 1.2, within=0.05),
}
