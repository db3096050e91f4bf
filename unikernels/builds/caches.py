"""What a client may remember of a server, and for how long."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar, cast

# Lifetimes in seconds. Builds are made about daily.
JOBS = 3600.0  # the server opens a file per job to answer
LATEST = 900.0  # what a new build changes: the newest, the lines of a job, who has a hash
FOR_EVER = float("inf")  # a build and the difference of two never change

_T = TypeVar("_T")


class Cache(Generic[_T]):
    """At most *most* values, each for *lifetime* seconds; the ones used longest ago go first. Thread-safe."""

    def __init__(self, lifetime: float, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._lifetime = lifetime
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[float, _T]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], _T], *, fresh: bool = False) -> _T:
        """The value of *key*, made if it is not here, too old, or wanted *fresh*. Errors are not kept."""
        kept = None if fresh else self._look(key)
        if kept is not None:
            return kept[0]
        value = make()
        with self._lock:
            self._kept[key] = (self._clock() + self._lifetime, value)
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return value

    def _look(self, key: Hashable) -> tuple[_T] | None:
        with self._lock:
            until, value = self._kept.get(key, (float("-inf"), cast("_T", None)))
            if until <= self._clock():
                return None
            self._kept.move_to_end(key)
            return (value,)
