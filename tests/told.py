"""No request changes anything without an event: asked of every request that any test makes.

What a request writes is read off the statements that go to the database, whatever code sends them.
What it takes back (a dry run, a refusal halfway) does not count. Only requests within the transaction
of a test can be asked, which is nearly all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.handlers.base import BaseHandler
from django.db import connection
from django.http import HttpRequest, HttpResponseBase

EVENTS = "accounts_event"
# What nobody is told of: what was seen or is kept for a while, what waits to be sent, who is logged in where.
# An address counts once it is that of its user, of which there is an event. Of second factors there is one when
# a transaction ends, which those of tests never do: tests/accounts/test_second_factor.py.
UNTOLD = {
    "account_emailaddress",
    "accounts_letter",
    "albatross_incident",
    "albatross_observedpolicy",
    "cache",
    "django_session",
    "mfa_authenticator",
    "mollymawk_keyedrequest",
    "unikernels_build",
    "unikernels_checkresult",
    "unikernels_delivery",
    "unikernels_feed",
    "unikernels_lookup",
    "unikernels_standing",
    "unikernels_tick",
    "usersessions_usersession",
}
UNTOLD_COLUMNS = {
    "accounts_apitoken": {"last_used_at"},
    "accounts_publisher": {"last_used_at"},
    "accounts_user": {"last_login"},
    # All of the row is written at each login; a new one is an INSERT.
    "socialaccount_socialaccount": {"user_id", "provider", "uid", "last_login", "date_joined", "extra_data"},
}

_WRITES = re.compile(r'(?:INSERT INTO|UPDATE|DELETE FROM) "(\w+)"(?: SET (.*?) WHERE )?', re.DOTALL)
_COLUMN = re.compile(r'"(\w+)" = ')
_SAVEPOINT = re.compile(r'(ROLLBACK TO )?SAVEPOINT "(\w+)"')


class Written:
    """The tables that statements wrote to, without those that were taken back."""

    def __init__(self) -> None:
        self.tables: set[str] = set()
        self._before: dict[str, set[str]] = {}

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if found := _WRITES.match(sql):
            if sql.startswith("INSERT") or context["cursor"].rowcount:
                self._write(found[1], set(_COLUMN.findall(found[2] or "")))
        elif found := _SAVEPOINT.match(sql):
            self._save(found[2], back=bool(found[1]))
        return result

    def _write(self, table: str, columns: set[str]) -> None:
        if not columns or not columns <= UNTOLD_COLUMNS.get(table, set()):
            self.tables.add(table)

    def _save(self, name: str, *, back: bool) -> None:
        if back:
            self.tables = set(self._before.get(name, self.tables))
        else:
            self._before[name] = set(self.tables)


@pytest.fixture(autouse=True)
def every_change_is_told(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails the test whose request changed something and left no event."""
    answer, silent = BaseHandler.get_response, list[str]()

    def watched(handler: BaseHandler, request: HttpRequest) -> HttpResponseBase:
        if not connection.in_atomic_block:
            return answer(handler, request)
        written = Written()
        with connection.execute_wrapper(written):
            response = answer(handler, request)
        if EVENTS not in written.tables and (changed := written.tables - UNTOLD):
            silent.append(f"{request.method} {request.path} wrote to {', '.join(sorted(changed))}")
        return response

    monkeypatch.setattr(BaseHandler, "get_response", watched)
    yield
    assert not silent, "\n".join(["These changed something and left no event:", *silent])
