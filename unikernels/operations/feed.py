"""Who waits for news of an operation: one look at the database for all of them in this process.

Lives in an event loop and holds no thread: a look is made in one of ours each half second, while
anybody waits. What a follower is told it reads itself, as somebody who may.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from django.db import DatabaseError
from django.db.models import Max

from accounts.models import Event
from mollymawk.handler import connected
from unikernels.models import Operation

log = logging.getLogger(__name__)

LOOK_EVERY = 0.5  # seconds
THREADS = 2  # and as many connections to the database, however many follow

T = TypeVar("T")
Mark = Hashable

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="follow")


async def in_thread(work: Callable[[], T]) -> T:
    """*work*, which may ask the database, done beside the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_threads, connected, work)


def marks(operations: set[int]) -> dict[int, Mark]:
    """What changes whenever there is something new about one of *operations*."""
    rows = Operation.objects.filter(pk__in=operations)
    newest = dict(
        Event.objects.filter(operation__in=operations).values_list("operation").annotate(Max("id")).order_by()
    )
    told = rows.values_list("pk", "state", "finished_at", "cancel_asked_at", "reverted", "memo")
    return {pk: (newest.get(pk), *map(str, facts)) for pk, *facts in told}


class Follower:
    """Waits for news of one operation."""

    def __init__(self, operation: int) -> None:
        self.operation = operation
        self.woken = asyncio.Event()

    async def news(self, seconds: float) -> bool:
        """Whether there is anything new within so many seconds; there is when nobody knows."""
        try:
            async with asyncio.timeout(seconds):
                await self.woken.wait()
        except TimeoutError:
            return False
        self.woken.clear()
        return True


class Feed:
    """Everybody who follows an operation in one event loop."""

    def __init__(self) -> None:
        self.followers: set[Follower] = set()
        self._known: dict[int, Mark] = {}
        self._looking: asyncio.Task[None] | None = None

    @contextmanager
    def following(self, operation: int) -> Iterator[Follower]:
        """Somebody who is woken when there is news of *operation*, from now on."""
        follower = Follower(operation)
        self.followers.add(follower)
        if self._looking is None or self._looking.done():
            self._known = {}
            self._looking = asyncio.create_task(self._look())
        try:
            yield follower
        finally:
            self.followers.discard(follower)

    async def _look(self) -> None:
        while self.followers:
            wanted = {follower.operation for follower in self.followers}
            try:
                self._tell(await in_thread(partial(marks, wanted)))
            except DatabaseError as error:  # those who follow see for themselves every 15 s
                log.warning("operations cannot be followed: %s", error)
            await asyncio.sleep(LOOK_EVERY)

    def _tell(self, found: Mapping[int, Mark]) -> None:
        for follower in self.followers:
            pk = follower.operation
            if self._known.get(pk) != found.get(pk):
                follower.woken.set()
        self._known = dict(found)


_feeds: dict[asyncio.AbstractEventLoop, Feed] = {}


def feed() -> Feed:
    """The one of the running event loop."""
    loop = asyncio.get_running_loop()
    for ended in [other for other in _feeds if other.is_closed()]:
        del _feeds[ended]
    return _feeds.setdefault(loop, Feed())


def following_now() -> int:
    """How many follow in this process."""
    return sum(len(known.followers) for known in list(_feeds.values()))
