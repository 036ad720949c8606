"""Ray is 200 MB and has a target of its own (``make test-ray``); without it its tests are not collected."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = [] if find_spec("ray") else ["test_ray.py"]
