"""Following an operation: events as they are written, from any place, by many, to the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from django.test import Client
from django.utils import timezone

from accounts.actors import SYSTEM
from accounts.events import record
from accounts.models import ApiToken, Event, Role, Team, User
from mollymawk.handler import THREADS
from tests.api.caller import Caller
from tests.api.house import House, under_way
from tests.asgi import serving
from tests.cast import TokenOf
from unikernels.models import Operation
from unikernels.operations.machine import State

MANY = THREADS + 14  # more than there are threads of any kind


class Reader:
    """One open stream."""

    def __init__(self, server: str, operation: int, token: str, after: int | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} | ({"Last-Event-ID": str(after)} if after else {})
        address = f"{server}/api/v1/operations/{operation}/events/"
        self.answer = requests.get(address, headers=headers, stream=True, timeout=20)
        self._lines = self.answer.iter_lines(1, decode_unicode=True)

    def next(self) -> tuple[str, Any]:
        """Name and data of the next event; an empty name when there is none."""
        name = ""
        for line in self._lines:
            key, _, value = line.partition(": ")
            if key == "event":
                name = value
            elif key == "data":
                return name, json.loads(value)
        return "", None


def note(operation: Operation, now: str) -> Event:
    return record(
        actor=SYSTEM, kind="operation.went", subject="x", team=operation.team, operation=operation.pk, now=now
    )


def finish(operation: Operation) -> None:
    Operation.objects.filter(pk=operation.pk).update(state=State.SUCCEEDED, finished_at=timezone.now())


@pytest.fixture
def server(transactional_db: None, redis_server: str) -> Iterator[str]:
    with serving() as address:
        yield address


def test_everything_is_told_as_it_is_written_to_everybody_to_the_end(
    server: str, house: House, dave: User, token_of: TokenOf
) -> None:
    token, operation = token_of(dave, Role.DEPLOYER), house.operation
    before = note(operation, "swap")
    readers = [Reader(server, operation.pk, token) for _ in range(MANY)]
    for reader in readers:
        assert reader.answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert reader.next()[1]["id"] == before.pk
        name, stands = reader.next()
        assert (name, stands["state"], stands["id"]) == ("operation", "preflight", operation.pk)
    later = note(operation, "observe")
    assert {reader.next()[1]["id"] for reader in readers} == {later.pk}
    finish(operation)
    for reader in readers:
        name, whole = reader.next()
        assert (name, whole["state"], len(whole["events"])) == ("end", "succeeded", 2)
        assert reader.next() == ("", None)  # and the connection is closed

    behind = Reader(server, operation.pk, token, after=before.pk)
    assert [behind.next()[0], behind.next()[0], behind.next()[0]] == ["event", "end", ""]
    assert Reader(server, operation.pk, token, after=later.pk).answer.status_code == 204


def test_who_may_not_read_any_more_is_not_told_the_rest(
    server: str, house: House, dave: User, token_of: TokenOf
) -> None:
    reader = Reader(server, house.operation.pk, token_of(dave, Role.VIEWER))
    assert reader.next()[0] == "operation"
    ApiToken.objects.update(revoked_at=timezone.now())
    note(house.operation, "swap")
    assert reader.next() == ("", None)


def test_a_place_that_is_none_is_the_beginning(house: House, deployer: Caller, robur: Team) -> None:
    ended = under_way(house.unikernel, state=State.SUCCEEDED, finished_at=timezone.now())
    first = note(ended, "swap")
    for place in ("x", "-1", "", "9" * 40):
        answer = deployer.saying(Last_Event_ID=place).get(f"operations/{ended.pk}/events/")
        assert f"id: {first.pk}\n" in b"".join(read(answer)).decode()


def read(answer: Any) -> Iterator[bytes]:
    """What a stream tells, all of it: Django's client knows no loop."""
    import asyncio

    async def whole() -> list[bytes]:
        return [piece async for piece in answer.streaming_content]

    yield from asyncio.run(whole())


def test_a_stranger_learns_nothing(house: House, client: Client) -> None:
    assert client.get(f"/api/v1/operations/{house.operation.pk}/events/").status_code == 401
