"""What the database itself holds for us, made after each migration: that events and the links of their
chain are append-only, and the table in which attempts are counted.

After each migration and not in one, because SQLite loses the triggers of a table that a migration
makes anew. Both databases take the same words for when; only the refusal is said differently.
Deleting is refused on PostgreSQL only: SQLite could not be emptied any more, not even by tests. What
was kept long enough goes there, too: events up to the anchor of the chain, and links before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management import call_command
from django.db import connections

from accounts.audit.models import Link
from accounts.models import Event

_META, _LINK_META = Event._meta, Link._meta  # noqa: SLF001  # Django documents it as public
_TABLE, _LINKS = _META.db_table, _LINK_META.db_table

# People, teams and instances may go; the events about them stay, without the reference.
_REFERENCES = ("actor_id", "team_id", "instance_id")
_FACTS = [f.column for f in _META.concrete_fields if f.column and f.column not in _REFERENCES]
_PRUNING = ("leaves", "pruned_at")
_LINK_FACTS = [f.column for f in _LINK_META.concrete_fields if f.column and f.column not in _PRUNING]

# Name of a trigger: its table, and when it refuses.
_RULES = {
    "unchanged": (_TABLE, f"BEFORE UPDATE OF {', '.join(_FACTS)} ON {_TABLE} FOR EACH ROW"),
    "unlinked": (
        _TABLE,
        f"BEFORE UPDATE OF {', '.join(_REFERENCES)} ON {_TABLE} FOR EACH ROW WHEN ("
        + " OR ".join(
            f"(NEW.{name} IS NOT NULL AND NEW.{name} <> COALESCE(OLD.{name}, -1))" for name in _REFERENCES
        )
        + ")",
    ),
    "link_unchanged": (_LINKS, f"BEFORE UPDATE OF {', '.join(_LINK_FACTS)} ON {_LINKS} FOR EACH ROW"),
    "link_pruned_once": (
        _LINKS,
        f"BEFORE UPDATE OF {', '.join(_PRUNING)} ON {_LINKS} FOR EACH ROW"
        " WHEN (OLD.pruned_at IS NOT NULL OR NEW.pruned_at IS NULL)",
    ),
}
_POSTGRESQL_RULES = _RULES | {
    "undeleted": (_TABLE, f"BEFORE DELETE ON {_TABLE} FOR EACH ROW"),
    "link_undeleted": (_LINKS, f"BEFORE DELETE ON {_LINKS} FOR EACH ROW WHEN (OLD.pruned_at IS NULL)"),
}
_SENTENCE = "events are append-only"

_REFUSE = f"""
CREATE OR REPLACE FUNCTION {_TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{_SENTENCE}'; END $$
"""
# Links are pruned from the first on, so the first that is pruned is the anchor, or there is none.
_KEEP = f"""
CREATE OR REPLACE FUNCTION {_TABLE}_keep() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
IF OLD.id <= (SELECT last FROM {_LINKS} WHERE pruned_at IS NOT NULL ORDER BY number LIMIT 1)
THEN RETURN OLD; END IF;
RAISE EXCEPTION '{_SENTENCE}';
END $$
"""  # noqa: S608 - names of our own tables


def install(*, using: str, **_: Any) -> None:
    """Make the triggers and the table of the cache in the database *using*. Again is harmless."""
    call_command("createcachetable", database=using, verbosity=0)
    connection = connections[using]
    statements = _postgresql() if connection.vendor == "postgresql" else _sqlite()
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _postgresql() -> Iterator[str]:
    yield _REFUSE
    yield _KEEP
    for name, (table, when) in _POSTGRESQL_RULES.items():
        function = "keep" if name == "undeleted" else "refuse"
        yield f"DROP TRIGGER IF EXISTS {_TABLE}_{name} ON {table}"
        yield f"CREATE TRIGGER {_TABLE}_{name} {when} EXECUTE FUNCTION {_TABLE}_{function}()"


def _sqlite() -> Iterator[str]:
    for name, (_, when) in _RULES.items():
        yield f"DROP TRIGGER IF EXISTS {_TABLE}_{name}"
        yield f"CREATE TRIGGER {_TABLE}_{name} {when} BEGIN SELECT RAISE(ABORT, '{_SENTENCE}'); END"
