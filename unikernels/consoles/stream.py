"""Following a console: server-sent events at ``/unikernels/<id>/console/stream``, as an ASGI callable.

It stands beside Django, which would keep a thread for every open stream. Permission is asked of
Django at the start and once a minute; everything else is Redis. Events:

===========  ======================================================================================
(no name)    ``{"ts", "text"}``: a line; ``ts`` in ms since 1970 by the instance's clock
``notice``   ``{"ts", "text"}``: words of ours about the console
``gap``      ``{}``, or ``{"ts", "text"}``: lines between the last one and the next have been lost
===========  ======================================================================================

Each line has an ``id``. With it as ``Last-Event-ID`` (a browser does that by itself) or as the
parameter ``after`` a stream goes on behind that line; without one it begins with the last 200.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from asgiref.sync import sync_to_async

from unikernels.consoles.channel import BEFORE_ALL, Channel, Place, event, joined, leave, place_of
from unikernels.consoles.readers import check_reader
from unikernels.redis import RedisError

log = logging.getLogger(__name__)

CHECK_AGAIN = 60.0  # seconds after which a lost permission ends a stream
MAX_READERS = 1000  # of one process; each costs some 10 KiB
MAX_OF_ONE = 100  # of one session or token: nobody takes the places of all others

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

_PATH = re.compile(r"/unikernels/([0-9]{1,18})/console/stream")
_ID = re.compile(r"[0-9]{1,19}-[0-9]{1,19}", re.ASCII)

_readers = 0
_held: Counter[bytes] = Counter()  # streams by the credential that opened them


class LostPermission(Exception):
    """The reader may not see this console any more."""


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request: refuse it, or stream until the reader leaves or may not read any more."""
    global _readers  # noqa: PLW0603 - of this process
    path = _PATH.fullmatch(scope["path"])
    if path is None:
        return await _refuse(send, HTTPStatus.NOT_FOUND, "There is nothing here.")
    if scope["method"] != "GET":
        return await _refuse(send, HTTPStatus.METHOD_NOT_ALLOWED, "Only GET.")
    if _readers >= MAX_READERS:
        return await _refuse(send, HTTPStatus.SERVICE_UNAVAILABLE, "Too many consoles are open.")
    unikernel = int(path[1])
    status, words = await _check(scope, unikernel)
    if status != HTTPStatus.OK:
        return await _refuse(send, status, words)
    who = _credential(scope)
    if _held[who] >= MAX_OF_ONE:
        return await _refuse(send, HTTPStatus.TOO_MANY_REQUESTS, "You have too many consoles open.")
    _readers += 1
    _held[who] += 1
    try:
        await _serve(_Reader(scope, send, unikernel), receive)
    finally:
        _readers -= 1
        _held[who] -= 1
        if not _held[who]:
            del _held[who]


async def _serve(reader: _Reader, receive: Receive) -> None:
    """Stream until one of both ends it; nothing of it is left behind, however it ends."""
    tasks = [asyncio.create_task(reader.run()), asyncio.create_task(_until_left(receive))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        reading, _ = await asyncio.gather(*tasks, return_exceptions=True)
    if isinstance(reading, RedisError | TimeoutError):
        log.warning("console %d: the broker does not answer: %s", reader.unikernel, reading)
    elif isinstance(reading, Exception) and not isinstance(reading, LostPermission):
        raise reading
    await reader.end()


class _Reader:
    """One open stream."""

    def __init__(self, scope: Scope, send: Send, unikernel: int) -> None:
        self._scope = scope
        self._send = send
        self._begun = False
        self._checked_at = time.monotonic()
        self.unikernel = unikernel

    async def run(self) -> None:
        """Send lines as they come. Raises ``RedisError``, ``TimeoutError`` and ``LostPermission``."""
        channel = joined(self.unikernel)
        try:
            await channel.want()
            place = await self._begin(channel)
            while True:
                told = await channel.after(place)
                await self._check_again()
                await channel.want()
                await self._write(b"".join(words for _, words in told) or b": still here\n\n")
                place = told[-1][0] if told else place
        finally:
            await leave(channel)

    async def end(self) -> None:
        """The last of the answer; harmless when the reader has left."""
        if not self._begun:
            await _refuse(self._send, HTTPStatus.SERVICE_UNAVAILABLE, "Consoles cannot be read now.")
        else:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _begin(self, channel: Channel) -> Place:
        """Say hello, with what the reader lacks if it begins; the place to go on from."""
        await self._send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        self._begun = True
        await self._write(b"retry: 3000\n\n")
        after = _after(self._scope)
        if after is not None and await channel.keeps(after):
            return after
        newest = await channel.newest()
        if after is not None:
            await self._write(event("gap", {}))
            if newest and after < newest[-1][0]:
                return after
        await self._write(b"".join(words for _, words in newest))
        return newest[-1][0] if newest else BEFORE_ALL

    async def _write(self, words: bytes) -> None:
        if words:
            await self._send({"type": "http.response.body", "body": words, "more_body": True})

    async def _check_again(self) -> None:
        if (now := time.monotonic()) - self._checked_at > CHECK_AGAIN:
            status, _ = await _check(self._scope, self.unikernel)
            if status != HTTPStatus.OK:
                raise LostPermission
            self._checked_at = now


# --- ASGI --------------------------------------------------------------------------------------------

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


def _credential(scope: Scope) -> bytes:
    """What the sender showed, in short; it was found good before."""
    shown = [value for name, value in scope["headers"] if name in {b"authorization", b"cookie"}]
    return hashlib.sha256(b"\0".join(shown)).digest()


async def _check(scope: Scope, unikernel: int) -> tuple[int, str]:
    return await sync_to_async(check_reader)(scope, unikernel)


async def _until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(send: Send, status: int, words: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": f"{words}\n".encode()})


def _after(scope: Scope) -> Place | None:
    """The line behind which the reader wants to go on, if it has one."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    given = headers.get(b"last-event-id", b"").decode("latin-1")
    given = given or parse_qs(scope["query_string"].decode("latin-1")).get("after", [""])[0]
    return place_of(given) if _ID.fullmatch(given) else None
