"""Experiments: apparent score, honest score, and the rules under which they may be subtracted.

`spec` fixes what is asked before any result; `task` and `draws` hold what most experiments do with
their data; `sweep` runs one and puts intervals round it, `derived` says more of what was read;
`provenance` says what a reading depends on; `results` keeps tables; `records` keeps benchmarks;
`claims` ties a number in the text to the run that proves it.
"""

from illusionkit.faces import face

__getattr__, __all__ = face(
    __name__,
    spec="ACCURACY Experiment Knob Metric Reading Rows check_design",
    sweep="cells verdict",
    records="record",
    claims="claim",
    draws="thinned",
)
