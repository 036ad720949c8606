"""Registers the app with Django."""

from django.apps import AppConfig


class ExecutionsConfig(AppConfig):
    name = "apps.executions"
    label = "executions"

    def ready(self) -> None:
        from apps.executions import events, tasks

        events.on_work(tasks.hint)
