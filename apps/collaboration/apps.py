"""Registers the app with Django and live documents with new flows."""

from django.apps import AppConfig


class CollaborationConfig(AppConfig):
    name = "apps.collaboration"
    label = "collaboration"

    def ready(self) -> None:
        from apps.collaboration.services import document_create
        from apps.flows.events import on_created

        on_created(document_create)
