"""The answers to the exercises on underpowered-win."""

from __future__ import annotations

from illusionkit.answers.answer import Answer


def _half_a_point() -> float:
    """Return the rows that show half a point where two models differ on 8 % of them."""
    from illusionkit.experiment.power import rows_needed

    return rows_needed(0.005, 0.08)


def _clear_winners() -> float:
    """Return by how many points clear winners on 100 rows, by 5 points or more, look too good."""
    from illusionkit.illusions import results

    rows = results("underpowered-win").table.query("arm == 'flawed' and dose == 100")
    return 100 * float(rows.loc[rows["apparent"] > 0.0499, "optimism"].mean())


ANSWERS = {
    "underpowered-win-1": Answer(_half_a_point, within=60),
    "underpowered-win-2": Answer(_clear_winners, within=0.05),
}
