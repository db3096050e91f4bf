"""Who may log in keeps doing so when addresses are to be confirmed: a superuser let each of them in."""

from __future__ import annotations

from typing import Any

from django.db import migrations


def vouch(apps: Any, schema_editor: Any) -> None:
    addresses = apps.get_model("account", "EmailAddress").objects.using(schema_editor.connection.alias)
    people = apps.get_model("accounts", "User").objects.using(schema_editor.connection.alias)
    for pk, email in people.filter(is_active=True).values_list("pk", "email").iterator():
        addresses.update_or_create(user_id=pk, email=email, defaults={"verified": True, "primary": True})


class Migration(migrations.Migration):
    """Fills only; going back leaves the rows, which the version before does not look at."""

    dependencies = [
        ("accounts", "0004_registration"),
        ("account", "0009_emailaddress_unique_primary_email"),
    ]

    operations = [migrations.RunPython(vouch, migrations.RunPython.noop)]
