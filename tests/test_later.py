"""Answers that are waited for: by the request alone, never by a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.test import override_settings
from django.urls import path

from mollymawk import handler
from mollymawk.handler import THREADS, Handler
from mollymawk.later import Later

waiting = 0


def everybody_waits(request: HttpRequest) -> HttpResponseBase:
    """Known only when more requests wait than there are threads."""
    global waiting  # noqa: PLW0603 - of this module's view
    waiting += 1
    return Later(lambda: _found() if waiting > THREADS else None, HttpResponse, seconds=60)


def nobody_answers(request: HttpRequest) -> HttpResponseBase:
    return Later(lambda: None, lambda: JsonResponse({"known": False}, status=504), seconds=0)


def _found() -> HttpResponseBase:
    return JsonResponse({"known": True}, headers={"X-Frame-Options": "SAMEORIGIN"})


urlpatterns = [path("waits", everybody_waits), path("never", nobody_answers)]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(handler, "LOOK_EVERY", 0.01)
    with override_settings(ROOT_URLCONF=__name__):
        yield


async def _ask(answerer: Handler, address: str) -> tuple[int, dict[str, str], bytes]:
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": address,
        "query_string": b"",
        "headers": [(b"host", b"testserver")],
        "server": ("testserver", 80),
    }
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()  # for ever: the client waits for us
        asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await answerer(scope, receive, send)
    told = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], told, b"".join(message.get("body", b"") for message in sent[1:])


async def _many(address: str, count: int) -> list[tuple[int, dict[str, str], bytes]]:
    answerer = Handler()
    async with asyncio.timeout(30):
        return await asyncio.gather(*(_ask(answerer, address) for _ in range(count)))


def test_more_requests_wait_than_there_are_threads() -> None:
    answers = asyncio.run(_many("/waits", THREADS + 1))
    assert {(status, body) for status, _, body in answers} == {(200, b'{"known": true}')}


def test_the_answer_has_the_headers_of_every_answer_and_keeps_its_own() -> None:
    _, headers, _ = asyncio.run(_many("/waits", THREADS + 1))[0]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["content-length"] == str(len(b'{"known": true}'))


def test_after_its_time_there_is_the_other_answer() -> None:
    ((status, _, body),) = asyncio.run(_many("/never", 1))
    assert (status, body) == (504, b'{"known": false}')
