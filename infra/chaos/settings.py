"""Django settings of the product's processes under chaos: as shipped, with the rig's nodes, and with the
times of ``SAGE_CHAOS_TIMES`` (``RUN_LEASE_S=6,…``) when a short run needs short leases."""

from __future__ import annotations

import os

from infra.chaos import nodes
from studio_project.settings import *  # noqa: F403 - a settings module is its names

for _pair in filter(None, os.environ.get("SAGE_CHAOS_TIMES", "").split(",")):
    _name, _, _value = _pair.partition("=")
    vars()[_name] = float(_value)
nodes.register()
