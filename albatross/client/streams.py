"""Subscriptions: consoles and statistics, which go on until one side ends them."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

from albatross import messages as m
from albatross.client.replies import read_message, read_reply
from albatross.errors import CommandError, Failure
from albatross.transport import Connection

Item = TypeVar("Item")

WAITING = "waiting for VM"  # the answer to a subscription to something that was never seen
_EVICTED = "Another reader took the place of this one, or Albatross was restarted."


class Stream(Generic[Item]):
    """What a subscription brings: an iterator and a context manager. Made by ``Client``.

    One thread reads; any thread may ``close``, which ends the iteration. ``Failure`` when the
    instance ends the subscription (another reader took its place), ``ClosedWithoutAnswer`` when the
    connection breaks: after an error the stream is closed.
    """

    def __init__(
        self, connection: Connection, read: Callable[[Connection, m.Message], Item], chunk: int
    ) -> None:
        self._connection = connection
        self._read = read
        self._chunk = chunk
        self._reading = threading.Lock()
        self._closed = threading.Event()
        self.waiting = read_reply(connection, m.Text).text == WAITING
        """Whether there was nothing of that name; what it does will come when it is made."""
        connection.lift_limits()

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    def read(self, timeout: float | None = None) -> Item | None:
        """The next item; None when none came for *timeout* seconds, or when the stream was closed."""
        with self._reading:
            if self.closed:
                return None
            try:
                return self._next(math.inf if timeout is None else timeout)
            except TimeoutError:
                return None
            except CommandError:
                if self._closed.is_set():  # by another thread, which is what ended the connection
                    return None
                self._give_up()
                raise
            except BaseException:
                self._give_up()
                raise

    def _next(self, patience: float) -> Item:
        try:
            message = read_message(self._connection, limit=self._chunk, patience=patience)
        except Failure as failure:
            failure.hint = failure.hint or _EVICTED
            raise
        return self._read(self._connection, message)

    def _give_up(self) -> None:
        self._closed.set()
        self._connection.abort()

    def close(self) -> None:
        """End the subscription, from any thread; a thread that reads is woken. Twice is harmless."""
        if not self._closed.is_set():
            self._closed.set()
            self._connection.interrupt()
            with self._reading:
                self._connection.close()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        item = self.read()
        if item is None:
            raise StopIteration
        return item

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
