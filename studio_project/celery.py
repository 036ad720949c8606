"""The Celery application. Messages are hints: rows are the queue (ARCHITECTURE §4)."""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio_project.settings")
app = Celery("sage_studio")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# current_app is thread-local; without this, threads of the pool run under Celery's blank default app.
app.set_default()


@setup_logging.connect
def _keep_our_logging(**_: object) -> None:
    """With a receiver here Celery leaves logging as the settings configured it."""
