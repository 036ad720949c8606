"""Credentials of many kinds: their fields that are no secrets, in one place."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models


def fill(apps: Any, _schema: Any) -> None:
    """Before, an API key's header and prefix were columns."""
    for credential in apps.get_model("credentials", "Credential").objects.filter(kind="api_key").iterator():
        credential.public = {"header": credential.header, "prefix": credential.prefix}
        credential.save(update_fields=["public"])


class Migration(migrations.Migration):
    dependencies = [("credentials", "0001_initial")]

    operations = [
        migrations.AddField("credential", "public", models.JSONField(default=dict)),
        migrations.AlterField("credential", "kind", models.CharField(max_length=64)),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
