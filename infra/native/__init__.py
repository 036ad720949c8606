"""The production layout without containers: PostgreSQL, Valkey, two web, two workers, a proxy.

``python -m infra.native`` brings it up on free ports of this machine and keeps it running until Ctrl-C;
tests and benchmarks use ``production_layout`` directly.
"""

from infra.native.layout import Layout, production_layout

__all__ = ["Layout", "production_layout"]
