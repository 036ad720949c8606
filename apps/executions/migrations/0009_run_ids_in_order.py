"""New runs have ids in the order of their making. Only what Django knows changes: left to itself it would
build the whole table anew on SQLite."""

from django.db import migrations, models

import apps.common.ids


class Migration(migrations.Migration):
    dependencies = [
        ("executions", "0008_run_plugins"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="run",
                    name="id",
                    field=models.UUIDField(
                        default=apps.common.ids.ordered_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
            ],
        ),
    ]
