"""Which instances a watcher takes and gives back, so that all watchers have about the same (pure)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

# Who is killed is followed by somebody else within 15 s: the lease, the grace, a look at the rows, and
# some seconds for a busy machine to connect.
LEASE = timedelta(seconds=8)
RENEWAL = timedelta(seconds=2)
# A free instance that nobody with room took for so long is taken by whoever sees it.
GRACE = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Row:
    """An instance and its lease, as read at one moment."""

    pk: int
    watcher: str
    until: datetime | None
    next_look: datetime

    def free(self, now: datetime) -> bool:
        """Whether nobody holds it."""
        return self.until is None or self.until <= now

    def abandoned(self, now: datetime) -> bool:
        """Whether it has been free for so long that nobody seems to have room for it."""
        return self.until is None or now - self.until > GRACE

    def held_by(self, watcher: str, now: datetime) -> bool:
        return self.watcher == watcher and not self.free(now)


def fair_share(total: int, watchers: int) -> int:
    """How many of *total* instances one of so many *watchers* should hold."""
    return math.ceil(total / max(1, watchers))


def to_take(rows: Sequence[Row], watcher: str, watchers: int, now: datetime) -> list[int]:
    """The free instances that *watcher* should try to get."""
    room = fair_share(len(rows), watchers) - sum(row.held_by(watcher, now) for row in rows)
    free = [row for row in rows if row.free(now)]
    return [row.pk for place, row in enumerate(free) if place < room or row.abandoned(now)]


def to_give(rows: Sequence[Row], watcher: str, watchers: int, now: datetime) -> list[int]:
    """What *watcher* holds beyond its share, when there are others."""
    held = [row.pk for row in rows if row.held_by(watcher, now)]
    return held[fair_share(len(rows), watchers) :]


def to_renew(rows: Sequence[Row], watcher: str, now: datetime) -> bool:
    """Whether it is time to renew what *watcher* holds."""
    return any(row.held_by(watcher, now) and row.until - now < LEASE - RENEWAL for row in rows if row.until)
