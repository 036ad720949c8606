"""Registers the app with Django."""

from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    name = "apps.catalogue"
    label = "catalogue"

    def ready(self) -> None:
        from apps.catalogue.selectors import credential_kinds
        from apps.credentials.services import kind_source_add

        kind_source_add(credential_kinds)
