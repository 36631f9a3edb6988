"""How the use of data makes a model look better than it is, and what the honest number is.

The helper package of the book *Data Illusions in Large Models*. Import the part you need:

- ``illusionkit.corpora``: real data sets as tidy tables, fetched from pinned package archives;
- ``illusionkit.experiment``: apparent score, honest score, optimism, and the checks between them;
- ``illusionkit.illusions``: the registered experiments, one module a step of the pipeline;
- ``illusionkit.explore``, ``figures``, ``exercises``, ``play``: what a page shows and asks.
"""

__version__ = "0.1.0"
