"""What the database itself holds for us, made after each migration: that events are append-only, and
the table in which attempts are counted.

After each migration and not in one, because SQLite loses the triggers of a table that a migration
makes anew. Both databases take the same words for when; only the refusal is said differently.
Deleting is refused on PostgreSQL only: SQLite could not be emptied any more, not even by tests.
"""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.db import connections

from accounts.models import Event

_META = Event._meta  # noqa: SLF001  # Django documents it as public
_TABLE = _META.db_table

# People, teams and instances may go; the events about them stay, without the link.
_LINKS = ("actor_id", "team_id", "instance_id")
_FACTS = [field.column for field in _META.concrete_fields if field.column and field.column not in _LINKS]

_RULES = {
    "unchanged": f"BEFORE UPDATE OF {', '.join(_FACTS)} ON {_TABLE} FOR EACH ROW",
    "unlinked": (
        f"BEFORE UPDATE OF {', '.join(_LINKS)} ON {_TABLE} FOR EACH ROW WHEN ("
        + " OR ".join(
            f"(NEW.{link} IS NOT NULL AND NEW.{link} <> COALESCE(OLD.{link}, -1))" for link in _LINKS
        )
        + ")"
    ),
}
_SENTENCE = "events are append-only"

_POSTGRESQL_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {_TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{_SENTENCE}'; END $$
"""


def install(*, using: str, **_: Any) -> None:
    """Make the triggers and the table of the cache in the database *using*. Again is harmless."""
    call_command("createcachetable", database=using, verbosity=0)
    connection = connections[using]
    statements = _postgresql() if connection.vendor == "postgresql" else _sqlite()
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _postgresql() -> list[str]:
    rules = _RULES | {"undeleted": f"BEFORE DELETE ON {_TABLE} FOR EACH ROW"}
    statements = [_POSTGRESQL_FUNCTION]
    for name, when in rules.items():
        statements.append(f"DROP TRIGGER IF EXISTS {_TABLE}_{name} ON {_TABLE}")
        statements.append(f"CREATE TRIGGER {_TABLE}_{name} {when} EXECUTE FUNCTION {_TABLE}_refuse()")
    return statements


def _sqlite() -> list[str]:
    statements = []
    for name, when in _RULES.items():
        statements.append(f"DROP TRIGGER IF EXISTS {_TABLE}_{name}")
        statements.append(
            f"CREATE TRIGGER {_TABLE}_{name} {when} BEGIN SELECT RAISE(ABORT, '{_SENTENCE}'); END"
        )
    return statements
