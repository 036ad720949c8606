"""Rules pin versions and say why."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0001_plugins")]

    operations = [
        migrations.AlterField(
            model_name="pluginrule",
            name="is_allowed",
            field=models.BooleanField(default=True),
        ),
        migrations.AlterField(
            model_name="pluginrule",
            name="plugin_id",
            field=models.CharField(
                max_length=64,
                primary_key=True,
                serialize=False,
                validators=[django.core.validators.RegexValidator("^(\\*|[a-z][a-z0-9_]{1,63})$")],
            ),
        ),
        migrations.AddField(
            model_name="pluginrule",
            name="pinned",
            field=models.CharField(blank=True, default="", max_length=71),
        ),
        migrations.AddField(
            model_name="pluginrule",
            name="note",
            field=models.CharField(blank=True, default="", max_length=300),
        ),
    ]
