"""``/api/unikernel/console``: the stream of ``consoles.stream`` in the original's shape, beside Django.

A line is ``data:{"timestamp", "line"}``, with an ``id`` before it, which the original has not. Events
with a name (``gap``, ``notice``) and comments pass as they are.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.http import HttpRequest

from accounts import scopes
from mollymawk.errors import ApplicationError
from unikernels.consoles import stream
from unikernels.upstream.door import (
    BAD_METHOD,
    caller,
    instance_named,
    label,
    team_of,
    texts,
    unikernel_named,
)
from unikernels.upstream.envelope import Stop, reply, told

PATH = "/api/unikernel/console"

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request: refuse it in the envelope, or stream."""
    try:
        pk = await sync_to_async(_asked)(scope)
    except Stop as stop:
        await _refuse(send, stop)
        return
    path = f"/unikernels/{pk}/console/stream"
    place = {**scope, "path": path, "raw_path": path.encode(), "query_string": b""}
    await stream.application(place, receive, _Translator(send).send)


def _asked(scope: Scope) -> int:
    """The unikernel that is asked for. Raises ``Stop``. Called in a thread, and closes what it opened."""
    if scope["method"] != "GET":
        raise Stop(400, BAD_METHOD)
    try:
        return _unikernel(ASGIRequest(scope, BytesIO()))
    except ApplicationError as error:
        raise told(error) from error
    finally:
        connections.close_all()  # this thread belongs to nobody


def _unikernel(request: HttpRequest) -> int:
    actor = caller(request)
    team_of(actor, scopes.Scope.CONSOLE)
    wrong = "Say instance and unikernel, in the query"
    where, name = texts(request.GET.dict(), "instance", "unikernel", wrong=wrong)
    unknown = "Couldn't find albatross instance with name: "
    instance = instance_named(actor, where, bad="Albatross instance error: ", unknown=unknown)
    name = label(name, "Unikernel name error: ")
    unikernel = unikernel_named(actor, instance, name, scopes.Scope.CONSOLE)
    if unikernel is None:
        raise Stop(404, f"There is no unikernel {name} on {instance}.")
    return unikernel.pk


async def _refuse(send: Send, stop: Stop) -> None:
    response = reply(stop.status, str(stop), stop.title, **stop.more)
    headers = [(name.lower().encode(), value.encode()) for name, value in response.items()]
    await send({"type": "http.response.start", "status": stop.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})


class _Translator:
    """Takes what the stream sends, and sends it on in the original's words."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._refused = 0
        self._rest = ""

    async def send(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._refused = 0 if message["status"] == 200 else message["status"]
            if not self._refused:
                await self._send(message)
        elif self._refused:
            await _refuse(self._send, Stop(self._refused, message.get("body", b"").decode().strip()))
        else:
            await self._send({**message, "body": self._translate(message.get("body", b"").decode())})

    def _translate(self, text: str) -> bytes:
        *whole, self._rest = (self._rest + text).split("\n\n")
        return "".join(f"{_translated(event)}\n\n" for event in whole).encode()


def _translated(event: str) -> str:
    """One event: a line in the original's shape, anything else as it is."""
    fields = dict(line.split(": ", 1) for line in event.split("\n") if ": " in line)
    if "data" not in fields or "event" in fields:
        return event
    data = json.loads(fields["data"])
    at = datetime.fromtimestamp(data["ts"] / 1000, UTC)
    shape = {"timestamp": f"{at:%Y-%m-%dT%H:%M:%S}-00:00", "line": data["text"]}
    words = json.dumps(shape, ensure_ascii=False, separators=(",", ":"))
    place = f"id: {fields['id']}\n" if "id" in fields else ""
    return f"{place}data:{words}"
