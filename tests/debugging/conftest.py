"""A worker in this process, as for other tests of runs."""

from __future__ import annotations

from tests.executions.conftest import worker

__all__ = ["worker"]
