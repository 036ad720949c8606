"""Prepares a clone for work: Python environment, Node, front end, browser.

Runs on the system's own Python (3.11 or newer) with nothing but the standard library, from the root
of the repository: ``python3 -m infra.setup run``. Every step is skipped when its inputs have not
changed since it last succeeded, so a second run takes a moment.
"""
