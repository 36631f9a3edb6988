"""Beside the experiments: whether a larger illusion goes with a larger gap, or a larger drop.

`overheard` listens to an experiment's trainings, `slipped` lets its model read misspelled texts,
`measured` makes the derived table, `arrows` asks it. No `run` is changed. Used in chapter 2.
"""
