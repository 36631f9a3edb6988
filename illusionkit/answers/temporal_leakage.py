"""The answers to the exercises on temporal-leakage."""

from __future__ import annotations

from illusionkit.answers.answer import claimed

ANSWERS = {
    "temporal-leakage-1": claimed("AUC of the flag of August", 0.81732, within=0.005),
    "temporal-leakage-2": claimed("AUC without August's payment", 0.9449, within=0.01),
}
