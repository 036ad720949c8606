"""Registers the app with Django and takes part in sign-up."""

from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    name = "apps.workspaces"
    label = "workspaces"

    def ready(self) -> None:
        from apps.accounts import events
        from apps.workspaces import services

        events.use_invitations(services.Invitations())
        events.on_signed_up(services.personal_workspace_create)
