"""One console read once for all the readers of a process.

Each line is read from Redis and put into words once, and handed to everybody who stands behind the
line before it. Who is far behind, or begins, reads from Redis until the channel has what comes next.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from itertools import takewhile
from typing import Any, cast

from redis.asyncio import Redis

from unikernels.consoles.streams import WANT_SECONDS, Entry, read_entry, stream_key, want_key
from unikernels.redis import RedisError, async_connection

BEGINNING = 200  # lines that somebody gets who has none
BATCH = 500  # lines read at once; the next ones when these are handed out
KEPT = 1000  # lines that a channel keeps for readers who are a little behind
PING = 15.0  # seconds without a line after which proxies and we see whether a reader is still there
WANT_AGAIN = 10.0  # seconds; well below the life of the key, also after a ping's wait
ANSWER_TIME = 5.0  # seconds for Redis, beside the time that it was asked to wait
GATHER = 0.05  # seconds in which what comes is handed out together: a chatty console wakes nobody more often

Place = tuple[int, int]  # of a line in its stream; lines are in this order
Told = tuple[Place, bytes]  # a line as an event, or several

BEFORE_ALL: Place = (0, 0)
_BEHIND_ALL: Place = (2**64, 0)

_channels: dict[tuple[asyncio.AbstractEventLoop, int], Channel] = {}


def place_of(identifier: str) -> Place:
    """The place that ``milliseconds-number`` names."""
    milliseconds, _, number = identifier.partition("-")
    return int(milliseconds), int(number)


def joined(unikernel: int) -> Channel:
    """The channel of this console, which somebody more reads now. To be given back with ``leave``."""
    key = asyncio.get_running_loop(), unikernel
    channel = _channels.get(key)
    if channel is None or channel.broken:
        channel = _channels[key] = Channel(unikernel)
    channel.readers += 1
    return channel


async def leave(channel: Channel) -> None:
    """One reader less; the last one ends the channel."""
    channel.readers -= 1
    if channel.readers:
        return
    key = asyncio.get_running_loop(), channel.unikernel
    if _channels.get(key) is channel:
        del _channels[key]
    await channel.close()


class Channel:
    """Reads a console for as long as somebody does."""

    def __init__(self, unikernel: int) -> None:
        self.unikernel = unikernel
        self.readers = 0
        self._redis = async_connection()
        self._wanted_at = 0.0
        self._error: BaseException | None = None
        self._lines: deque[Told] = deque()
        self._floor = _BEHIND_ALL  # everything after this place is in _lines
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._follow())

    @property
    def broken(self) -> bool:
        """Whether it ended by itself."""
        return self._task.done()

    async def close(self) -> None:
        """End it; nothing of it is left."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._redis.aclose()

    # --- what readers ask ----------------------------------------------------------------------------

    async def after(self, place: Place) -> list[Told]:
        """What comes after *place*, as soon as there is something; nothing when none came for a while.

        Raises ``RedisError`` and ``TimeoutError``.
        """
        told: list[Told] = []
        try:
            async with asyncio.timeout(PING):
                while not told:
                    news = self._news
                    told = await self._behind(place) if place < self._floor else self._found(place)
                    if not told:
                        await news.wait()
        except TimeoutError:
            if self._error:
                raise
        return told

    async def newest(self) -> list[Told]:
        """What somebody gets who has nothing, oldest first."""
        async with asyncio.timeout(ANSWER_TIME):
            answer = await self._redis.xrevrange(stream_key(self.unikernel), count=BEGINNING)
        return [_told(entry) for entry in reversed(cast("list[Entry]", answer))]

    async def keeps(self, place: Place) -> bool:
        """Whether the line at *place* is still kept, so that none after it can be lost."""
        if place == BEFORE_ALL:
            return True
        name = f"{place[0]}-{place[1]}"
        async with asyncio.timeout(ANSWER_TIME):
            return bool(await self._redis.xrange(stream_key(self.unikernel), name, name))

    async def want(self) -> None:
        """Say that somebody looks, so that a watcher follows."""
        if (now := time.monotonic()) - self._wanted_at > WANT_AGAIN:
            self._wanted_at = now
            async with asyncio.timeout(ANSWER_TIME):
                await self._redis.set(want_key(self.unikernel), 1, ex=WANT_SECONDS)

    # --- reading -------------------------------------------------------------------------------------

    def _found(self, place: Place) -> list[Told]:
        if self._error is not None:
            raise self._error
        return list(takewhile(lambda told: told[0] > place, reversed(self._lines)))[::-1]

    async def _behind(self, place: Place) -> list[Told]:
        """What Redis has after *place*, for a reader that is behind what the channel has."""
        if self._error is not None:
            raise self._error
        return await self._marked(await _read(self._redis, self.unikernel, place, wait=0), place)

    async def _follow(self) -> None:
        """Read until it is cancelled, or Redis does not answer: then every reader is told."""
        try:
            self._floor = place = await self._newest_place()
            self._tell()
            while True:
                entries = await _read(self._redis, self.unikernel, place, wait=PING)
                self._keep(await self._marked(entries, place))
                if entries:
                    place = place_of(entries[-1][0].decode())
                    await asyncio.sleep(GATHER)
        except (RedisError, TimeoutError) as error:
            self._error = error
            self._tell()

    async def _newest_place(self) -> Place:
        async with asyncio.timeout(ANSWER_TIME):
            answer = await self._redis.xrevrange(stream_key(self.unikernel), count=1)
        entries = cast("list[Entry]", answer)
        return place_of(entries[0][0].decode()) if entries else BEFORE_ALL

    def _keep(self, told: list[Told]) -> None:
        if not told:
            return
        self._lines.extend(told)
        while len(self._lines) > KEPT:
            self._floor = self._lines.popleft()[0]
        self._tell()

    def _tell(self) -> None:
        """Wake everybody who waits."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _marked(self, entries: list[Entry], place: Place) -> list[Told]:
        """*entries*, read after *place*, as events; before them a gap when there may have been others."""
        told = [_told(entry) for entry in entries]
        if len(told) == BATCH and not await self.keeps(place):
            told[0] = (told[0][0], event("gap", {}) + told[0][1])
        return told


async def _read(redis: Redis, unikernel: int, place: Place, *, wait: float) -> list[Entry]:
    """What came after *place*; empty when nothing did for *wait* seconds."""
    key, block = stream_key(unikernel), int(wait * 1000) or None
    async with asyncio.timeout(wait + ANSWER_TIME):
        answer = await redis.xread({key: f"{place[0]}-{place[1]}"}, count=BATCH, block=block)
    return cast("list[list[Any]]", answer)[0][1] if answer else []


def _told(entry: Entry) -> Told:
    line = read_entry(entry)
    name = "gap" if line.gap else "notice" if line.notice else ""
    words = event(name, {"ts": line.milliseconds, "text": line.text})
    return place_of(line.id), f"id: {line.id}\n".encode() + words


def event(name: str, data: dict[str, Any]) -> bytes:
    """A server-sent event. *data* is one line of JSON, so that nothing in a text can end it."""
    words = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return ((f"event: {name}\n" if name else "") + f"data: {words}\n\n").encode()
