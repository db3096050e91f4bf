"""How many watchers there are, told through Redis: without it each keeps what it holds."""

from __future__ import annotations

from unikernels.redis import connection
from unikernels.watcher.shares import LEASE

_KEY = "watcher:"
_SCAN_COUNT = 1000  # keys that Redis looks at for one answer


def announce(watcher: str) -> int:
    """Say that *watcher* is there, for as long as a lease lasts; how many are. Raises ``RedisError``."""
    connection().set(f"{_KEY}{watcher}", 1, ex=int(LEASE.total_seconds()))
    return sum(1 for _ in connection().scan_iter(f"{_KEY}*", count=_SCAN_COUNT))


def leave(watcher: str) -> None:
    """Say that *watcher* ends. Raises ``RedisError``."""
    connection().delete(f"{_KEY}{watcher}")
