"""Registers the app with Django."""

from django.apps import AppConfig


class ExecutionsConfig(AppConfig):
    name = "apps.executions"
    label = "executions"

    def ready(self) -> None:
        from apps.common.events import on
        from apps.executions import events, services, tasks, tidying

        events.on_work(tasks.hint)
        tidying.listen()
        on(events.RUN_FAILED, "executions.tell_starter", services.run_failure_tell)
