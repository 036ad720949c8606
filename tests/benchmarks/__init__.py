"""Measurements of the product, each with a calibration beside it: ``make bench``.

A figure without the machine's own speed beside it says little, so every measurement is taken together
with a loop of known work (``harness.calibrate``). Results are printed as a table with the target beside
each and written as JSON to ``.cache/bench``.
"""
