"""The answers to the exercises on a model that is surer than right."""

from __future__ import annotations

from illusionkit.answers.answer import claimed

ANSWERS = {
    "overconfidence-1": claimed("temperature at which claim and truth agree", 1.2673, within=0.15),
    "overconfidence-2": claimed("half of the films neutral", 0.260, within=0.05),
}
