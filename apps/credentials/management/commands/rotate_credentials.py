"""Wraps all credentials under the first of SAGE_CREDENTIAL_KEYS.

To rotate: put the new key in front of the old one, restart, run this, remove the old key, restart.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.credentials.services import credentials_rotate


class Command(BaseCommand):
    help = "Wrap all credentials under the first of SAGE_CREDENTIAL_KEYS; can be stopped and run again."

    def handle(self, *_args: Any, **_options: Any) -> None:
        done, failed = credentials_rotate()
        self.stdout.write(f"{done} rewrapped, {failed} unreadable")
        if failed:
            raise CommandError("Keep the old keys: some credentials could not be opened (see the log).")
