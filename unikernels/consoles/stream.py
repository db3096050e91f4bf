"""Following a console: server-sent events at ``/unikernels/<id>/console/stream``, as an ASGI callable.

It stands beside Django, which would keep a thread for every open stream. Permission is asked of
Django at the start and once a minute; everything else is Redis. Events:

===========  ======================================================================================
(no name)    ``{"ts", "text"}``: a line; ``ts`` in ms since 1970 by the instance's clock
``notice``   ``{"ts", "text"}``: words of ours about the console
``gap``      ``{}``: lines between the last one and the next have been lost
===========  ======================================================================================

Each line has an ``id``. With it as ``Last-Event-ID`` (a browser does that by itself) or as the
parameter ``after`` a stream goes on behind that line; without one it begins with the last 200.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import parse_qs

from asgiref.sync import sync_to_async
from redis.asyncio import Redis

from unikernels.consoles.readers import check_reader
from unikernels.consoles.streams import WANT_SECONDS, Entry, read_entry, stream_key, want_key
from unikernels.redis import RedisError, async_connection

log = logging.getLogger(__name__)

BEGINNING = 200  # lines that somebody gets who has none
BATCH = 500  # lines sent at once; the next ones are read when the reader has taken these
PING = 15.0  # seconds without a line after which proxies and we see whether the reader is still there
WANT_AGAIN = 10.0  # seconds; well below the life of the key, also after a ping's wait
CHECK_AGAIN = 60.0  # seconds after which a lost permission ends a stream
ANSWER_TIME = 5.0  # seconds for Redis, beside the time that it was asked to wait
MAX_READERS = 1000  # of one process; each has a connection to Redis

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

_PATH = re.compile(r"/unikernels/([0-9]{1,18})/console/stream")
_ID = re.compile(r"[0-9]{1,19}-[0-9]{1,19}", re.ASCII)
_START = "0-0"

_readers = 0


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
    _readers += 1
    try:
        await _serve(_Reader(scope, send, unikernel), receive)
    finally:
        _readers -= 1


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
        self._wanted_at = 0.0
        self._checked_at = time.monotonic()
        self.unikernel = unikernel

    async def run(self) -> None:
        """Send lines as they come. Raises ``RedisError``, ``TimeoutError`` and ``LostPermission``."""
        redis = async_connection()
        try:
            await self._want(redis)
            position = await self._begin(redis)
            while True:
                entries = await _read(redis, self.unikernel, position)
                await self._check_again()
                await self._want(redis)
                if len(entries) == BATCH and not await _is_there(redis, self.unikernel, position):
                    await self._write(_event("gap", {}))
                await self._write("".join(map(_line, entries)) or ": still here\n\n")
                position = entries[-1][0].decode() if entries else position
        finally:
            await redis.aclose()

    async def end(self) -> None:
        """The last of the answer; harmless when the reader has left."""
        if not self._begun:
            await _refuse(self._send, HTTPStatus.SERVICE_UNAVAILABLE, "Consoles cannot be read now.")
        else:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _begin(self, redis: Redis) -> str:
        """Say hello, with what the reader lacks if it begins; the place to go on from."""
        await self._send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        self._begun = True
        await self._write("retry: 3000\n\n")
        after = _after(self._scope)
        newest = await _newest(redis, self.unikernel)
        if after == _START or (after and await _is_there(redis, self.unikernel, after)):
            return after
        if after:
            await self._write(_event("gap", {}))
            if newest and _order(after) < _order(newest[0][0].decode()):
                return after
        await self._write("".join(map(_line, reversed(newest))))
        return newest[0][0].decode() if newest else _START

    async def _write(self, text: str) -> None:
        if text:
            await self._send({"type": "http.response.body", "body": text.encode(), "more_body": True})

    async def _want(self, redis: Redis) -> None:
        if (now := time.monotonic()) - self._wanted_at > WANT_AGAIN:
            async with asyncio.timeout(ANSWER_TIME):
                await redis.set(want_key(self.unikernel), 1, ex=WANT_SECONDS)
            self._wanted_at = now

    async def _check_again(self) -> None:
        if (now := time.monotonic()) - self._checked_at > CHECK_AGAIN:
            status, _ = await _check(self._scope, self.unikernel)
            if status != HTTPStatus.OK:
                raise LostPermission
            self._checked_at = now


# --- Redis -------------------------------------------------------------------------------------------


async def _read(redis: Redis, unikernel: int, position: str) -> list[Entry]:
    """What came after *position*; empty when nothing did for a while."""
    key = stream_key(unikernel)
    async with asyncio.timeout(PING + ANSWER_TIME):
        answer = await redis.xread({key: position}, count=BATCH, block=int(PING * 1000))
    return cast("list[list[Any]]", answer)[0][1] if answer else []


async def _is_there(redis: Redis, unikernel: int, position: str) -> bool:
    """Whether the line *position* is still kept, so that none after it can be lost."""
    if position == _START:
        return True
    async with asyncio.timeout(ANSWER_TIME):
        return bool(await redis.xrange(stream_key(unikernel), position, position))


async def _newest(redis: Redis, unikernel: int) -> list[Entry]:
    """What somebody gets who has nothing, newest first."""
    async with asyncio.timeout(ANSWER_TIME):
        return cast("list[Entry]", await redis.xrevrange(stream_key(unikernel), count=BEGINNING))


def _order(position: str) -> tuple[int, int]:
    milliseconds, _, number = position.partition("-")
    return int(milliseconds), int(number)


# --- ASGI --------------------------------------------------------------------------------------------

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


async def _check(scope: Scope, unikernel: int) -> tuple[int, str]:
    return await sync_to_async(check_reader)(scope, unikernel)


async def _until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(send: Send, status: int, words: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": f"{words}\n".encode()})


def _after(scope: Scope) -> str:
    """The line behind which the reader wants to go on; empty when it has none."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    given = headers.get(b"last-event-id", b"").decode("latin-1")
    given = given or parse_qs(scope["query_string"].decode("latin-1")).get("after", [""])[0]
    return given if _ID.fullmatch(given) else ""


def _line(entry: Entry) -> str:
    line = read_entry(entry)
    name = "notice" if line.notice else ""
    return f"id: {line.id}\n" + _event(name, {"ts": line.milliseconds, "text": line.text})


def _event(name: str, data: dict[str, Any]) -> str:
    """*data* is one line of JSON, so that nothing in a text can end the event."""
    words = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return (f"event: {name}\n" if name else "") + f"data: {words}\n\n"
