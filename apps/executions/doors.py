"""The hot addresses of runs: starting one, and asking how it goes."""

from __future__ import annotations

import re

from apps.common.door import Door

_RUNS = r"/api/v1/workspaces/[^/]+/runs"
doors = [Door("POST", re.compile(_RUNS)), Door("GET", re.compile(rf"{_RUNS}/[^/]+"))]
