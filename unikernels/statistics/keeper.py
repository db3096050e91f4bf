"""What an instance told, made into rows: a tick each ten seconds, the last hour each minute."""

from __future__ import annotations

from collections.abc import Mapping

from albatross.names import Name
from unikernels.models import Unikernel
from unikernels.statistics.grids import STEP, numbers_of, pack_tick
from unikernels.statistics.models import Feed, Tick
from unikernels.statistics.rates import Counters, sample_of
from unikernels.statistics.recent import Recent

# A clock that was set back by more than this begins anew; by less, its times were written already.
SET_BACK = 60


class Keeper:
    """Keeps the statistics of one instance. Used by one thread; knows the counters that came before."""

    def __init__(self, instance: int) -> None:
        self.instance = instance
        self._before: dict[Name, Counters] = {}
        self._keys: dict[Name, int] = {}
        self._recent: Recent | None = None
        self._last = 0

    def tick(self, at: float, found: Mapping[Name, Counters]) -> Tick | None:
        """The row for what was *found* at the time *at* (s since 1970); None: too soon after the last one.

        A host may tell more often than every ten seconds: then rates are means over ten seconds.
        """
        time = int(at) // STEP * STEP
        if self._last - SET_BACK <= time <= self._last:
            return None
        self._last = time
        if found.keys() - self._keys.keys():
            self._keys = keys_of(self.instance)
        samples = {
            self._keys[name]: sample_of(self._before.get(name), counters)
            for name, counters in found.items()
            if name in self._keys
        }
        self._before = dict(found)
        if self._remember().take(time, {pk: numbers_of(sample)[0] for pk, sample in samples.items()}):
            self._write_recent()
        return Tick(instance_id=self.instance, at=time, data=pack_tick(samples)) if samples else None

    def _remember(self) -> Recent:
        if self._recent is None:
            feed, _ = Feed.objects.get_or_create(instance_id=self.instance)
            self._recent = Recent.unpack(feed.minute, bytes(feed.recent))
        return self._recent

    def _write_recent(self) -> None:
        recent = self._remember()
        self._keys = keys_of(self.instance)  # once a minute: rows go, and come back with another key
        recent.forget(set(self._keys.values()))
        Feed.objects.filter(instance_id=self.instance).update(recent=recent.pack(), minute=recent.minute)


def keys_of(instance: int) -> dict[Name, int]:
    """The unikernels of an instance, by the name that they have there."""
    rows = Unikernel.objects.filter(instance_id=instance).values_list("pk", "path", "name")
    return {Name(tuple(path.split(":")) if path else (), name): pk for pk, path, name in rows}


def write(ticks: list[Tick]) -> None:
    """All of *ticks* at once; a time that another watcher wrote already stays as it is."""
    Tick.objects.bulk_create(ticks, ignore_conflicts=True)
