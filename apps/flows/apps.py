"""Registers the app with Django and the ready flows with new workspaces."""

from django.apps import AppConfig


class FlowsConfig(AppConfig):
    name = "apps.flows"
    label = "flows"

    def ready(self) -> None:
        from apps.flows.services import starters_create
        from apps.workspaces.events import on_created

        on_created(starters_create)
