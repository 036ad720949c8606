"""Prints the one-time code the first owner signs up with."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from apps.accounts.services import owner_code


class Command(BaseCommand):
    """``manage.py owner_code``."""

    help = "Print the one-time code the first owner signs up with."

    def handle(self, *args: Any, **options: Any) -> None:
        code = owner_code()
        self.stdout.write(
            code or "No code is needed: the instance has its owner, or is reached from this machine only."
        )
