"""An audit of the reader's own table: what is wrong with it, and what that is worth.

`reading` reads a file, `roles` says what its columns are, `case` holds what every check works on;
`copies`, `splits`, `columns`, `labels`, `size` and `predictions` hold the checks, `near` and
`sketches` look up near copies, `quick` is the learner that measures what a finding is worth;
`report` runs all and tells it, `planted` puts flaws in.
`own_training` trains on such a table, in an `own_folder`, and `trained` tells what came of it.
"""

from illusionkit.faces import face

__getattr__, __all__ = face(
    __name__,
    reading="read_table",
    report="audit",
    planted="inject",
    own_training="Asked train",
)
