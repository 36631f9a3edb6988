"""What a page shows and asks: figures, curves to explore, guesses, exercises, live panels.

`explorer` draws two scores over a dose; `exercises` asks for a guess and grades an answer; `live`
runs an experiment or a model where there is a kernel; `figures` has the one style of still figures.
"""

from illusionkit.faces import face

__getattr__, __all__ = face(
    __name__,
    explorer="explore",
    exercises="check predict",
    figures="SHAPES dots show style",
    live="play",
)
