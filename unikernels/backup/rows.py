"""The rows of a backup: every table but what is made again or must not live on, as JSON lines.

They are told without words of one database, so what SQLite wrote PostgreSQL takes, and the other
way round.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any

from django.apps import apps
from django.core import serializers
from django.core.management.color import no_style
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model, QuerySet

# Django makes the first anew. Sessions, set-up tokens and links in mails end; letters and deliveries
# that were waiting would be sent a second time, and answers tell of changes that this database may not know. The log of the admin is ours: accounts.Event.
LEFT_OUT = {
    "contenttypes.contenttype",
    "auth.permission",
    "auth.group",
    "admin.logentry",
    "sessions.session",
    "account.emailconfirmation",
    "socialaccount.socialapp",
    "socialaccount.socialtoken",
    "accounts.setuptoken",
    "accounts.invitation",
    "accounts.letter",
    "unikernels.attempt",
    "unikernels.delivery",
    "mollymawk.keyedrequest",
}
BATCH = 500  # rows that are held at a time


def tables() -> list[type[Model]]:
    """The models whose rows are kept."""
    return [model for model in apps.get_models() if label(model) not in LEFT_OUT]


def label(model: type[Model]) -> str:
    """The name of a table here: ``unikernels.version``."""
    return model._meta.label_lower  # noqa: SLF001 - Django documents it as public


def _all(model: type[Model]) -> QuerySet[Any]:
    return model._base_manager.order_by("pk")  # noqa: SLF001 - Django documents it as public


def write(model: type[Model], file: IO[str]) -> int:
    """Write every row of *model*, one line each; how many."""
    count = 0
    for count, row in enumerate(_all(model).iterator(chunk_size=BATCH), start=1):  # noqa: B007 - it is returned
        serializers.serialize("jsonl", [row], stream=file)
    return count


def read(lines: Iterable[str]) -> int:
    """Insert the rows that *lines* tell, exactly as they were; how many. Raises ``DeserializationError``."""
    count = 0
    for count, row in enumerate(serializers.deserialize("jsonl", lines), start=1):  # noqa: B007 - returned
        thing: Any = row.object
        thing.save_base(raw=True, force_insert=True)  # raw: no time of creation is set anew
    return count


def clear() -> None:
    """Remove what migrations made, in tables whose rows are kept."""
    for model in tables():
        _all(model).delete()


def settle() -> None:
    """Have the database count on from the highest numbers, and believe every reference."""
    connection.check_constraints()
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), tables()):
            cursor.execute(statement)


def migrations() -> list[str]:
    """The migrations that made this database."""
    return sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())
