"""A client that follows a console or statistics."""

from __future__ import annotations

import asyncio
from collections import deque

from albatross.messages import Data
from albatross.names import Name

MAX_WAITING = 16_384  # messages that a client may be behind (16 rings full); then it is dropped


class Subscription:
    """A bounded queue of named messages; it ends when the instance ends it."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Name, Data]] = deque()
        self._changed = asyncio.Event()
        self._ended = False

    def put(self, name: Name, data: Data) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self.end()
        if not self._ended:
            self._waiting.append((name, data))
            self._changed.set()

    def end(self) -> None:
        """Nothing more will come; what waits is still sent."""
        self._ended = True
        self._changed.set()

    async def take(self) -> list[tuple[Name, Data]]:
        """All that waits, as soon as there is something; nothing once it has ended."""
        await self._changed.wait()
        self._changed.clear()
        taken = list(self._waiting)
        self._waiting.clear()
        if self._ended:
            self._changed.set()
        return taken
