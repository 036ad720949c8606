from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("workspaces", "0003_viewers_see_values"),
    ]

    operations = [
        migrations.AddField(
            model_name="workspace",
            name="keep_runs_days",
            field=models.PositiveSmallIntegerField(db_default=90, default=90),
        ),
    ]
