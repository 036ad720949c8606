"""Registers the app with Django."""

from django.apps import AppConfig


class TriggersConfig(AppConfig):
    name = "apps.triggers"
    label = "triggers"

    def ready(self) -> None:
        from apps.common.events import on
        from apps.executions.events import RUN_FINISHED
        from apps.files.events import FILE_UPLOADED
        from apps.triggers import clock
        from apps.triggers.services import happenings, registering

        on("version.published", "triggers.register", registering.flow_published)
        on(RUN_FINISHED, "triggers.flow_event", happenings.run_ended)
        on(FILE_UPLOADED, "triggers.new_file", happenings.file_uploaded)
        clock.listen()
