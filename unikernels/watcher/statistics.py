"""The statistics of the instances that this watcher holds: one feed each, written by one thread."""

from __future__ import annotations

from collections.abc import Callable, Collection

from django.utils import timezone

from unikernels.statistics.keeper import Keeper, write
from unikernels.statistics.models import Feed as Row
from unikernels.watcher.feed import Feed

JOIN_TIME = 0.5  # seconds; feeds end by themselves, this only lets them say so


class Statistics:
    """Starts and stops feeds, and writes what they bring. *holds* says whether an instance is ours now."""

    def __init__(self, holds: Callable[[int], bool]) -> None:
        self._holds = holds
        self._feeds: dict[int, Feed] = {}
        self._keepers: dict[int, Keeper] = {}
        self._told: dict[int, str] = {}

    def settle(self, held: Collection[int]) -> None:
        """Read the statistics of *held*, and of nothing else; write what came. Raises ``DatabaseError``."""
        for pk, feed in list(self._feeds.items()):
            if pk not in held or not feed.is_alive():
                feed.stop()
                del self._feeds[pk], self._keepers[pk], self._told[pk]
        for pk in held:
            if pk not in self._feeds:
                self._begin(pk)
        self._write()
        self._tell()

    def stop(self) -> None:
        """End all of them."""
        for feed in self._feeds.values():
            feed.stop()
        for feed in self._feeds.values():
            feed.join(JOIN_TIME / len(self._feeds))

    def _begin(self, pk: int) -> None:
        row, _ = Row.objects.get_or_create(instance_id=pk)
        self._told[pk] = row.trouble_text
        self._keepers[pk] = Keeper(pk)
        self._feeds[pk] = Feed(pk, self._holds)
        self._feeds[pk].trouble = row.trouble_text  # what was wrong before is, until something comes
        self._feeds[pk].start()

    def _write(self) -> None:
        ticks = []
        for pk, feed in self._feeds.items():
            if (came := feed.take()) and self._holds(pk) and (tick := self._keepers[pk].tick(*came)):
                ticks.append(tick)
        if ticks:
            write(ticks)

    def _tell(self) -> None:
        """Why nothing comes, in the row, when it is something else than before."""
        for pk, feed in self._feeds.items():
            trouble = feed.trouble
            if trouble != self._told[pk] and self._holds(pk):
                since = timezone.now() if trouble else None
                Row.objects.filter(instance_id=pk).update(trouble_text=trouble, trouble_since=since)
                self._told[pk] = trouble
