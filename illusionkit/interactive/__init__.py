"""What a page shows and asks: figures, curves to explore, guesses, exercises, live panels.

`stage` shows real units as dots that move from frame to frame, `layouts` places them;
`explorer` draws two scores over a dose, `choices` narrows a list down, `overview` shows the whole
catalogue, `quiz` marks answers; `exercises` asks for a guess and grades an answer; `live` runs an
experiment or a model where there is a kernel; `figures` has the one style of still figures.
"""

from illusionkit.faces import face

__getattr__, __all__ = face(
    __name__,
    explorer="explore",
    exercises="check predict",
    layouts="boxes clusters line",
    overview="atlas",
    choices="Entry finder",
    stage="Frame Guess Threshold scene",
    figures="SHAPES dots show style",
    live="play",
)
