"""Up to which number nothing can join the events any more.

Numbers are given when an event is written and seen when its transaction ends. On PostgreSQL several
write at the same time, so 8 may be seen while 7 is still on its way. Whoever goes along the numbers
and never looks back (the chain does) must not go past 7 before it was seen or is known to be gone.
SQLite has one writer at a time: what is seen is settled.
"""

from __future__ import annotations

import time

from django.db import connection

from accounts.models import Event

PATIENCE = 2.0  # seconds; almost every transaction of ours lasts milliseconds
PAUSE = 0.02

# A transaction that wrote events holds this lock on the table, from before it takes a number until
# after others see the event. The lock hinders nobody, and looking at it takes none.
_WRITERS = """
SELECT virtualtransaction FROM pg_locks
WHERE relation = %s::regclass AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def settled() -> int:
    """The highest number of an event below which all that will ever be there is there.

    On PostgreSQL this waits for the transactions that were writing when the number was read; 0 when
    one of them takes longer than ``PATIENCE``. To be called outside a transaction.
    """
    newest = Event.objects.order_by("-id").values_list("id", flat=True).first() or 0
    if connection.vendor != "postgresql":
        return newest
    writing, until = _writers(), time.monotonic() + PATIENCE
    while writing and time.monotonic() < until:
        time.sleep(PAUSE)
        writing &= _writers()
    return 0 if writing else newest


def _writers() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(_WRITERS, [Event._meta.db_table])  # noqa: SLF001 - Django documents it as public
        return {name for (name,) in cursor.fetchall()}
