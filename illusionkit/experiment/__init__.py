"""Experiments: apparent score, honest score, and the rules under which they may be subtracted.

`reading` holds the two scores, `spec` what is fixed before any result, `task` and `draws` what most
experiments do with their data; `sweep` runs one and puts intervals round it, `derived` says more of
what was read; `provenance` says what a reading depends on; `results` and `renewal` keep tables,
`records` benchmarks; `published` compares with numbers of others, `ranking` says how well a score
ranks; `claims` ties a number in the text to the run that proves it.
"""

from illusionkit.faces import face

__getattr__, __all__ = face(
    __name__,
    reading="ACCURACY Metric Reading Rows check_design",
    spec="Experiment Knob",
    sweep="cells verdict",
    records="record",
    claims="claim",
    draws="thinned",
)
