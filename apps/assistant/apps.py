"""Registers the app with Django and listens for failed runs."""

from django.apps import AppConfig


class AssistantConfig(AppConfig):
    name = "apps.assistant"
    label = "assistant"

    def ready(self) -> None:
        from apps.assistant.services import run_diagnose_event
        from apps.common import events

        events.on("run.failed", "assistant.diagnose", run_diagnose_event)
