"""A second, slow engine that is easy to believe, and the comparison of the real one with it.

Read in this order: ``interpreter`` (levels, skips, failures), ``leaves`` and ``containers`` (what single
nodes do), ``flows`` (random flows), ``play`` (one flow on the real engine, with kills, pauses and cancels),
``compare`` (what must be equal). ``python -m tests.engine.model --steps 100000`` does it at length.
"""
