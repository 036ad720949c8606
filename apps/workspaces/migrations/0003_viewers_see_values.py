from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("workspaces", "0002_viewers_may_comment"),
    ]

    operations = [
        migrations.AddField(
            model_name="workspace",
            name="viewers_see_values",
            field=models.BooleanField(db_default=True, default=True),
        ),
    ]
