"""Who may ask a server now. All clients of a process share the turns of a server.

With two comparisons at a time builder-web may crash, answer 500, or answer wrongly; with more than two
requests at a time some of them wait until the others are all served.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache

from unikernels.builds.errors import TimedOut

AT_ONCE = 2


class Turns:
    """The turns of one server."""

    def __init__(self) -> None:
        self._requests = threading.BoundedSemaphore(AT_ONCE)
        self._comparison = threading.BoundedSemaphore(1)

    def request(self, seconds: float) -> AbstractContextManager[None]:
        """One of the requests under way. Raises ``TimedOut`` after *seconds*."""
        return _taken(self._requests, seconds)

    @contextmanager
    def comparison(self, seconds: float) -> Iterator[None]:
        """The only comparison under way, which is a request too."""
        with _taken(self._comparison, seconds), self.request(seconds):
            yield


@contextmanager
def _taken(turn: threading.Semaphore, seconds: float) -> Iterator[None]:
    if not turn.acquire(timeout=seconds):
        raise TimedOut("Others are asking this builder; their answers take too long.")
    try:
        yield
    finally:
        turn.release()


@cache
def turns_of(base_url: str) -> Turns:
    """The turns that this process has at a server."""
    return Turns()
