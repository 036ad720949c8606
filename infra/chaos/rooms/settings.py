"""Django settings under the rig: as shipped, with the times of upkeep that ``SAGE_CHAOS_TIMES`` names
(``DOCUMENT_COMPACT_AGAIN_S=1,…``), so that what happens once a week happens between two kills."""

from __future__ import annotations

import os

from studio_project.settings import *  # noqa: F403 - a settings module is its names

for _pair in filter(None, os.environ.get("SAGE_CHAOS_TIMES", "").split(",")):
    _name, _, _value = _pair.partition("=")
    vars()[_name] = float(_value)
