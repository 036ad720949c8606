"""Upkeep of large documents, for a web process that must not stand still meanwhile.

Reads lines ``<flow id> <0 or 1>`` on standard input (1: the last editor has left) and answers each with
``done`` or ``failed``. Ends with its input.
"""

from __future__ import annotations

import os
import sys
import uuid
from typing import Any

import structlog
from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError, close_old_connections

from apps.collaboration.services import document_settle

logger = structlog.get_logger(__name__)
_NICENESS = 10


class Command(BaseCommand):
    help = "Settle the documents named on standard input; the server starts this by itself."
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        os.nice(_NICENESS)
        for line in sys.stdin:
            flow_id, idle = line.split()
            self.stdout.write(_settled(uuid.UUID(flow_id), idle=idle == "1"), ending="\n")
            self.stdout.flush()


def _settled(flow_id: uuid.UUID, *, idle: bool) -> str:
    try:
        document_settle(flow_id, idle=idle)
    except (DatabaseError, InterfaceError):
        close_old_connections()
        logger.exception("upkeep_failed", flow_id=str(flow_id))
        return "failed"
    return "done"
