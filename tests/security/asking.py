"""What the tests of this folder do alike: an address for each route, and what an answer means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from tests.security.planted import Planted
from tests.security.stated import HIDDEN, IN, LOGIN, METHOD, QUERIES, REFUSED
from tests.security.walk import Found, routes

FOUND = {each.route: each for each in routes()}

# Reading leaves traces there, and nowhere else: who was last here, which question waits for a builder,
# how often somebody tried, that a content was read; allauth takes the address of a person over.
TRACES = (
    "account_emailaddress",
    "accounts_apitoken",
    "accounts_event",
    "cache",
    "django_session",
    "unikernels_lookup",
    "usersessions_usersession",
)
_WRITES = re.compile(r'\s*(?:INSERT (?:OR \w+ )?INTO|UPDATE|DELETE FROM) "(\w+)"', re.IGNORECASE)
_TOKEN = re.compile(r'(csrfmiddlewaretoken" value="|X-CSRFToken": ")\w+')
_OF_THE_MOMENT = ("X-Request-ID", "Set-Cookie", "ETag", "Content-Length", "Expires")


def values_for(found: Found, planted: Planted) -> dict[str, Any]:
    """What to put into the address of *found*: something of the team ``planted``."""
    stated, values = planted.values(), {}
    parts = found.route.split("/")
    for name in found.parameters:
        before = [part for part in parts[: parts.index(f"<{name}>")] if not part.startswith("<")]
        values[name] = stated.get(f"{before[-1]}/{name}") or stated[name]
    return values


def address_of(route: str, planted: Planted) -> str:
    """Where *route* leads to something of the team ``planted``."""
    return FOUND[route].address(values_for(FOUND[route], planted)) + QUERIES.get(route, "")


def absent_of(route: str, planted: Planted) -> str:
    """The same address of things that are not there."""
    values = {name: _absent(value) for name, value in values_for(FOUND[route], planted).items()}
    return FOUND[route].address(values) + QUERIES.get(route, "")


def _absent(value: Any) -> Any:
    if isinstance(value, int):
        return 987654
    if value == "http":
        return value  # a kind of check: what there is of them is no secret
    return "e" * len(value) if re.fullmatch(r"[0-9a-f]{64}", value) else "absent"


def verdict(answer: Any) -> str:
    """How somebody was met."""
    to = answer.headers.get("Location", "")
    if answer.status_code == 302 and to.startswith(("/accounts/login/", "/admin/login/")):
        return LOGIN
    return {401: LOGIN, 403: REFUSED, 404: HIDDEN, 405: METHOD}.get(answer.status_code, IN)


def body(answer: Any) -> str:
    """What an answer says, whichever way it is sent."""
    content: bytes = answer.getvalue() if answer.streaming else answer.content
    return content.decode(errors="replace")


def without(text: str, address: str) -> str:
    """*text* without what it repeats of *address*, and without tokens that are new each time."""
    text = _TOKEN.sub(r"\1", text)
    for part in sorted({part for part in re.split(r"[/?&=]", address) if part}, key=len, reverse=True):
        text = re.sub(rf"(?<![\w-]){re.escape(part)}(?![\w-])", "…", text)
    return text


def told(answer: Any, address: str) -> tuple[Any, ...]:
    """All that an answer tells, without what was asked."""
    headers = {name: without(value, address) for name, value in answer.headers.items()}
    kept = {name: value for name, value in headers.items() if name not in _OF_THE_MOMENT}
    return answer.status_code, without(body(answer), address), kept


@contextmanager
def nothing_written() -> Iterator[None]:
    """Fail when something is written that is no trace."""
    written: list[str] = []

    def look(execute: Any, sql: str, *args: Any) -> Any:
        found = _WRITES.match(sql)
        if found and found[1] not in TRACES:
            written.append(sql)
        return execute(sql, *args)

    with connection.execute_wrapper(look):
        yield
    assert not written, f"A question wrote: {written}"
