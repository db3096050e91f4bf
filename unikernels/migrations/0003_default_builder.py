"""A new database begins with the builder that DEFAULT_BUILDER names."""

from urllib.parse import urlsplit

from django.conf import settings
from django.db import migrations


def add(apps, schema_editor):
    Builder = apps.get_model("unikernels", "Builder")
    url = settings.DEFAULT_BUILDER.rstrip("/")
    if url and not Builder.objects.exists():
        Builder.objects.create(name=urlsplit(url).hostname, url=url)


class Migration(migrations.Migration):
    dependencies = [("unikernels", "0002_builds_checks_updates")]

    # Backwards nothing is to be done: the table goes with the migration before.
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
