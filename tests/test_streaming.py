"""Long answers are sent piece by piece, whoever serves them."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Generator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponseBase
from django.test import Client
from django.urls import path

from mollymawk.handler import Handler
from mollymawk.streaming import AT_ONCE, _some, download

pytestmark = pytest.mark.django_db  # threads look after their connections

PIECES = 50
taken: list[int] = []
closed: list[bool] = []


def content() -> Generator[bytes, None, None]:
    """Pieces of which is noted how many were asked for, and that they were let go of."""
    try:
        for number in range(PIECES):
            taken.append(number)
            yield b"x" * AT_ONCE
    finally:
        closed.append(True)


def file(request: HttpRequest) -> HttpResponseBase:
    return download(content(), size=AT_ONCE * PIECES, name="zwölf zones.img")


urlpatterns = [path("file", file)]


@pytest.fixture(autouse=True)
def nothing_taken(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    settings.ALLOWED_HOSTS = ["testserver"]
    taken.clear()
    closed.clear()


async def served(sent: list[dict[str, Any]], ahead: list[int], *, leave_after: int = 10**9) -> None:
    """What an ASGI server gets; it goes away after so many messages."""
    gone = asyncio.Event()
    body = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        for message in body:
            return message
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        ahead.append(len(taken) - len(sent))
        if len(sent) > leave_after:
            gone.set()
            await asyncio.sleep(0.01)

    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/file", "query_string": b""}
    await Handler()({**scope, "headers": [(b"host", b"testserver")]}, receive, send)


def test_under_asgi_a_piece_is_read_when_the_one_before_is_sent() -> None:
    sent: list[dict[str, Any]] = []
    ahead: list[int] = []
    asyncio.run(served(sent, ahead))

    assert b"".join(message.get("body", b"") for message in sent) == b"x" * AT_ONCE * PIECES
    assert max(ahead) <= 1
    gc.collect()
    assert closed == [True]


def test_who_goes_away_leaves_nothing_open() -> None:
    sent: list[dict[str, Any]] = []
    asyncio.run(served(sent, [], leave_after=5))

    gc.collect()
    assert len(taken) < PIECES
    assert closed == [True]


def test_under_wsgi_it_is_the_same_with_its_name_and_length() -> None:
    response: Any = Client().get("/file")

    assert b"".join(response.streaming_content) == b"x" * AT_ONCE * PIECES
    assert response.headers["Content-Length"] == str(AT_ONCE * PIECES)
    assert response.headers["Content-Disposition"] == "attachment; filename*=UTF-8''zw%C3%B6lf%20zones.img"


def test_small_pieces_are_read_together() -> None:
    pieces = iter([b"x" * 4096] * 100)
    assert len(_some(pieces)) == AT_ONCE
    assert len(_some(pieces)) == 36 * 4096
    assert _some(pieces) == b""
