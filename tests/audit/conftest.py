"""A log to be tampered with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from accounts.actors import SYSTEM, Actor
from accounts.audit import chain, services
from accounts.events import record
from accounts.models import Event, Team, User

Sql = Callable[..., None]


@pytest.fixture
def sql(db: None) -> Sql:
    """Somebody who may do everything with the database, and first of all drops its guards."""

    def execute(statement: str, *values: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)

    if connection.vendor == "postgresql":
        connection.check_constraints()  # what is put off would hinder the next statement
        for table in ("accounts_event", "accounts_link"):
            execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        return execute
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP TRIGGER {name}")
    return execute


@pytest.fixture
def log(robur: Team, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of nine more events; all are in links of four."""
    monkeypatch.setattr(services, "LINK_EVENTS", 4)
    for number in range(9):
        actor = SYSTEM if number % 3 == 0 else Actor(alice, "session", "192.0.2.1")
        record(actor=actor, kind="x.y", subject=f"x:{number}", team=robur, data={"size": number, "of": 1.0})
    services.extend()
    assert chain.LINK_EVENTS > 4
    return list(Event.objects.filter(kind="x.y").order_by("id").values_list("id", flat=True))
