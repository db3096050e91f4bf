"""The leases of one watcher, in the rows of the instances."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from albatross.models import Instance
from unikernels.watcher.shares import LEASE, Row, to_give, to_renew, to_take

log = logging.getLogger(__name__)


class Leases:
    """What *watcher* holds. A lease is taken by a conditional UPDATE and lasts ``LEASE``.

    ``watchers`` is how many there are, as far as somebody tells it.
    """

    def __init__(self, watcher: str) -> None:
        self.watcher = watcher
        self.watchers = 1

    def settle(self) -> list[Row]:
        """Renew, give back, take; the instances that are held now. One query when all is well."""
        now = timezone.now()
        rows = _rows()
        watchers = self.watchers
        if to_renew(rows, self.watcher, now):
            self._renew(now)
        given = to_give(rows, self.watcher, watchers, now)
        self._give(given, now)
        taken = [pk for pk in to_take(rows, self.watcher, watchers, now) if self._take(pk, now)]
        return [
            row for row in rows if row.pk in taken or (row.held_by(self.watcher, now) and row.pk not in given)
        ]

    def release(self) -> None:
        """Give back everything, so that somebody else can begin at once."""
        Instance.objects.filter(watcher=self.watcher).update(watcher="", watched_until=timezone.now())

    def _renew(self, now: datetime) -> None:
        # A lease that has run out stays lost: somebody may be about to take it.
        held = Instance.objects.filter(watcher=self.watcher, watched_until__gt=now)
        held.update(watched_until=now + LEASE)

    def _take(self, pk: int, now: datetime) -> bool:
        free = Instance.objects.filter(Q(watched_until=None) | Q(watched_until__lte=now), pk=pk)
        return bool(free.update(watcher=self.watcher, watched_until=now + LEASE))

    def _give(self, pks: list[int], now: datetime) -> None:
        if pks:
            log.info("giving back %d instances", len(pks))
            Instance.objects.filter(pk__in=pks, watcher=self.watcher).update(watcher="", watched_until=now)


def _rows() -> list[Row]:
    found = Instance.objects.order_by("pk").values_list("pk", "watcher", "watched_until", "next_look_at")
    return [Row(*row) for row in found]
