"""How the use of data makes a model look better than it is, and what the honest number is.

The helper package of the book *Data Illusions in Large Models*. A folder imports only folders that
stand above it here; each says in its ``__init__`` what is in it and offers what pages use.

- ``data``: real data sets as tidy tables, fetched from pinned package archives;
- ``models``: encoders, features, learners, the BERT objective;
- ``training``: fine-tuning and pre-training;
- ``experiment``: apparent score, honest score, optimism, and the tables and claims about them;
- ``illusions``: the registered experiments, a folder a step of the pipeline;
- ``answers``: the answers to the exercises;
- ``interactive``: what a page shows and asks.
"""

__version__ = "0.1.0"
