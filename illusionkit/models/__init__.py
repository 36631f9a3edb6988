"""Models: what is known before any training of ours, and how it is computed.

`encoders` loads pre-trained ones, `encoding` makes frozen features of texts, `learners` holds the
plain classifiers, `calibration` a temperature, `objective` the BERT objective; `fast_layers`
compute the same in less time on a CPU, `graphs` on a GPU, and `precision` chooses device and number
format.
"""

from illusionkit.faces import face

__getattr__, __all__ = face(
    __name__,
    encoders="classifier encoder regressor",
    encoding="encode features",
    learners="CountedTexts linear_fit plain_learner",
    fast_layers="use_fast_layers",
)
