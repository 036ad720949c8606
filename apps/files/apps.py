"""Registers the app with Django."""

from django.apps import AppConfig


class FilesConfig(AppConfig):
    name = "apps.files"
    label = "files"

    def ready(self) -> None:
        from apps.common.events import on
        from apps.files.services import workspace_content_remove
        from apps.workspaces.events import WORKSPACE_DELETED

        on(WORKSPACE_DELETED, "files.content_remove", workspace_content_remove)
