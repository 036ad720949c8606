"""Registers the app with Django."""

from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "apps.common"
    label = "common"

    def ready(self) -> None:
        from apps.common import events, tasks

        events.on_wake(tasks.hint)
