"""Other engines at the same work, on the same machine, in the same run: ``make bench-peers``.

Each peer is installed with pinned versions into a folder of its own under ``.cache/peers`` (never into the
project's environment) and measured by a small program in ``harness``, which prints one JSON object. Only
the ratios travel: the figures are those of one machine at one moment, with its calibration beside them.
"""
