"""What the command answers to the shell; scripts and CI rely on these."""

from __future__ import annotations

OK = 0
FAILED = 1
"""The run failed, or with ``--strict`` a check found warnings."""
USAGE = 2
"""The command line itself is wrong (argparse uses the same)."""
INVALID = 3
"""The flow has errors; nothing was run."""
UNREADABLE = 4
"""A file that was named cannot be read."""
CANCELLED = 130
"""Stopped with Ctrl-C, as shells count it."""
