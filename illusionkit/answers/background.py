"""The answers to the exercises of chapter 1."""

from __future__ import annotations

from illusionkit.answers.answer import claimed

ANSWERS = {
    "half-split": claimed("test lines with a copy, half and half", 0.533, within=0.01),
    "other-corpus": claimed("movie sentences with a copy in training", 0.00156, within=0.0005),
    "quarter-copies": claimed("quarters found at a bar of a fifth", 0.32, within=0.02),
}
