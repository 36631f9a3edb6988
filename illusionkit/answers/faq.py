"""The answers to the exercises of chapter 9."""

from __future__ import annotations

from illusionkit.answers.answer import claimed

CONTROLS = "intervals of controls above 0 by luck"

ANSWERS = {
    "above-by-luck": claimed(CONTROLS, 1.325, within=0.03),
    "what-cleaning-bought": claimed("honest points gained by cleaning", 10.3, within=0.5),
    "the-best-stone": claimed("wholly right, always none", 1.2, within=0.05),
}
