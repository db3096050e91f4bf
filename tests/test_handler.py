"""The ASGI side of Django: one hop for each request, and bodies that are too long are cut off."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path

from mollymawk import bodies
from mollymawk.bodies import FORM_OVERHEAD, GRACE, ORDINARY, PAUSE, SLOWEST, Measured
from mollymawk.handler import Handler

PATH = "/api/v1/schema/"
IMAGES = "/api/v1/images/"


def ask(
    handler: Handler,
    *,
    method: str = "GET",
    address: str = PATH,
    chunks: Iterable[bytes] | None = (),
    headers: dict[str, str] | None = None,
    authorization: str | None = "Bearer x",
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of what a server would get for a request."""
    named = {
        "host": "testserver",
        **({"authorization": authorization} if authorization else {}),
        **(headers or {}),
    }
    scope = {
        "type": "http",
        "method": method,
        "path": address,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        "server": ("testserver", 80),
    }
    sent: list[dict[str, Any]] = []
    asyncio.run(_run(handler, scope, None if chunks is None else iter(chunks), sent))
    told = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], told, b"".join(message.get("body", b"") for message in sent[1:])


async def _run(
    handler: Handler, scope: dict[str, Any], chunks: Iterator[bytes] | None, sent: list[dict[str, Any]]
) -> None:
    whole = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if chunks is None or whole.is_set():
            await asyncio.Event().wait()  # for ever: the client waits for us
        if (chunk := next(chunks or iter(()), None)) is None:
            whole.set()
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await handler(scope, receive, send)  # type: ignore[arg-type]  # a dict is what servers get


@pytest.fixture
def handler(settings: Any) -> Handler:
    settings.MAX_IMAGE_BYTES = 1000
    settings.MAX_BLOCK_BYTES = 2000
    settings.ALLOWED_HOSTS = ["testserver"]
    return Handler()


def test_a_request_is_answered(handler: Handler) -> None:
    status, headers, body = ask(handler)
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert json.loads(body)["info"]["title"] == "Mollymawk"


def test_a_body_announced_as_too_large_is_not_even_read(handler: Handler) -> None:
    length = {"content-length": str(1000 + FORM_OVERHEAD + 1)}
    chunks = iter([b"never read"])
    address = IMAGES
    status, headers, body = ask(handler, method="POST", address=address, chunks=chunks, headers=length)
    assert status == 413
    assert next(chunks) == b"never read"
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert json.loads(body)["status"] == 413


def test_a_body_that_turns_out_too_large_is_cut_off(handler: Handler) -> None:
    chunks = iter([b"x" * FORM_OVERHEAD, b"x" * 1000, b"x", b"never read"])
    status, _, _ = ask(handler, method="POST", address=IMAGES, chunks=chunks)
    assert status == 413
    assert next(chunks) == b"never read"


def test_a_body_of_the_right_length_is_read_by_whoever_answers(handler: Handler) -> None:
    status, _, _ = ask(handler, method="POST", chunks=[b"x" * (ORDINARY - 1), b"x"])
    assert status == 405
    assert ask(handler, method="POST", chunks=[b"x" * (ORDINARY - 1), b"xx"])[0] == 413


@pytest.mark.parametrize("address", [IMAGES, "/images/upload/", "/api/unikernel/create"])
def test_long_bodies_are_taken_from_those_who_show_a_credential(address: str, settings: Any) -> None:
    settings.MAX_IMAGE_BYTES, settings.ALLOWED_HOSTS = 4 * ORDINARY, ["testserver"]
    handler, length = Handler(), {"content-length": str(2 * ORDINARY)}
    for credential in ({}, {"authorization": "", "cookie": "sessionid=x"}):
        named = length | credential
        assert ask(handler, method="POST", address=address, headers=named)[0] not in {408, 413}
    bare = length | {"cookie": "theme=dark"}
    assert ask(handler, method="POST", address=address, headers=bare, authorization=None)[0] == 413


class Clock:
    """A client that sends a byte each *pause* seconds, and the clock that it waits by."""

    def __init__(self, pause: float) -> None:
        self.now, self.pause = 0.0, pause

    async def receive(self) -> dict[str, Any]:
        self.now += self.pause
        return {"type": "http.request", "body": b"x", "more_body": True}


def test_a_client_that_drips_is_given_up() -> None:
    async def read(pause: float) -> tuple[Measured, float]:
        clock = Clock(pause)
        body = Measured(clock.receive, ORDINARY, clock=lambda: clock.now)
        while (await body.receive())["type"] == "http.request":
            pass
        return body, clock.now

    body, waited = asyncio.run(read(1.0))
    assert body.failure is not None
    assert body.failure.status == 408
    assert GRACE <= waited <= GRACE + 2 + waited / SLOWEST
    assert PAUSE < GRACE


def test_a_client_that_sends_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch, handler: Handler) -> None:
    monkeypatch.setattr(bodies, "PAUSE", 0.01)
    assert ask(handler, method="POST", chunks=None)[0] == 408


def test_whoever_waits_for_an_answer_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PAUSE", 0.0)

    async def leave_late() -> Any:
        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Any:
            if messages:
                return messages.pop()
            await asyncio.sleep(0.01)
            return {"type": "http.disconnect"}

        body = Measured(receive, ORDINARY)
        monkeypatch.setattr(bodies, "PAUSE", 1.0)
        await body.receive()
        monkeypatch.setattr(bodies, "PAUSE", 0.0)
        assert (await body.receive())["type"] == "http.disconnect"
        return body.failure

    assert asyncio.run(leave_late()) is None


@pytest.mark.parametrize("address", ["/blocks/1/upload/", "/api/v1/blocks/1/upload/"])
def test_the_content_of_a_block_device_may_be_longer_where_one_is_uploaded(
    handler: Handler, address: str
) -> None:
    longer = {"content-length": str(1000 + FORM_OVERHEAD + 1)}
    too_long = {"content-length": str(2000 + FORM_OVERHEAD + 1)}
    chunks = [b"x" * FORM_OVERHEAD, b"x" * 1001]

    assert ask(handler, method="POST", address=address, chunks=chunks, headers=longer)[0] != 413
    assert ask(handler, method="POST", address=address, chunks=chunks, headers=too_long)[0] == 413


def test_anything_but_http_is_refused(handler: Handler) -> None:
    with pytest.raises(ValueError, match="websocket"):
        asyncio.run(handler({"type": "websocket"}, None, None))  # type: ignore[arg-type]  # never used


def where(_: HttpRequest) -> HttpResponse:
    return HttpResponse(threading.current_thread().name)


urlpatterns = [path("where", where)]


@override_settings(ROOT_URLCONF=__name__)
def test_middleware_and_view_run_in_a_thread_of_the_pool(handler: Handler) -> None:
    first, second = (ask(handler, address="/where")[2].decode() for _ in range(2))
    assert first.startswith("request")
    assert second.startswith("request")


def test_what_was_loaded_at_the_start_is_not_looked_through_for_garbage() -> None:
    import mollymawk.asgi  # noqa: F401  # loads everything

    assert gc.get_freeze_count() > 50_000
