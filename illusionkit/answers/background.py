"""The answers to the exercises of chapter 1."""

from __future__ import annotations

from illusionkit.answers.answer import Answer, claimed


def _whole_texts() -> float:
    """Return the mean accuracy of a split by whole texts."""
    from illusionkit.illusions import results

    return float(results("duplicates-as-shipped").cell("cured", 1.0)["apparent"])


ANSWERS = {
    "half-split": claimed("test lines with a copy, half and half", 0.533, within=0.01),
    "whole-texts": Answer(_whole_texts, within=0.02),
    "other-corpus": claimed("movie sentences with a copy in training", 0.0016, within=0.0005),
}
