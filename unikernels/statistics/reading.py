"""Statistics for those who look: pages, API, metrics. Whoever calls has checked what they may see."""

from __future__ import annotations

import time
from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings

from unikernels.models import Operation, Unikernel
from unikernels.operations.machine import Kind, State
from unikernels.statistics.folding import LENGTHS
from unikernels.statistics.grids import COARSE, DAY, HOUR, STEP, Grid, Values, read_tick, values_of
from unikernels.statistics.models import Feed, Stretch, Tick
from unikernels.statistics.recent import Recent

STEPS = (STEP, 30, 60, COARSE, 900, HOUR)  # that can be asked for, seconds
MAX_POINTS = 8640  # of one answer: a day at 10 s, 30 days at 5 min
GOOD_POINTS = 750  # of a drawing; more than a screen has
FRESH = 60  # seconds for which a sample says something about now
COMPARED = HOUR  # before and after a change


@dataclass(frozen=True, slots=True)
class Change:
    """The last time that something else was put in place, and the means of the hour before and after."""

    operation: Operation
    at: int  # s since 1970
    before: Values
    after: Values


def good_step(seconds: int) -> int:
    """The least step with which so many seconds are not too many points for a drawing."""
    return next((step for step in STEPS if seconds / step <= GOOD_POINTS), STEPS[-1])


def series(unikernel: Unikernel, *, since: int, until: int, step: int) -> Grid:
    """What *unikernel* used in a time (s since 1970), means over *step* (of ``STEPS``) seconds.

    Steps below five minutes reach as far back as ``STATISTICS_HOURS``, the others ``STATISTICS_DAYS``.
    """
    found = _series(unikernel.instance_id, [unikernel.pk], since // step * step, until, _base(step))
    return found[unikernel.pk].coarser(step)


def total(instance: int, unikernels: Collection[int], *, since: int, until: int, step: int) -> Grid:
    """What those *unikernels* of one instance used together."""
    base, since = _base(step), since // step * step
    whole = Grid.covering(since, until, base)
    for grid in _series(instance, unikernels, since, until, base).values():
        whole.add(grid)
    return whole.coarser(step)


def _base(step: int) -> int:
    """The step of what is kept from which means over *step* are made."""
    return STEP if step < COARSE else COARSE


def _series(instance: int, pks: Collection[int], since: int, until: int, base: int) -> dict[int, Grid]:
    """What is kept of each, in its own steps; nothing of what is kept begins inside a step."""
    grids = {pk: Grid.covering(since, until, base) for pk in pks}
    rows = Stretch.objects.filter(
        unikernel__in=list(pks), step=base, start__gt=since - LENGTHS[base], start__lt=until
    )
    for pk, start, data in rows.values_list("unikernel_id", "start", "data"):
        grids[pk].lay(Grid.unpack(start, base, bytes(data)))
    for pk, grid in _unfolded(instance, pks, since, until).items():
        grids[pk].lay(grid if base == STEP else grid.coarser(base))
    return grids


def _unfolded(instance: int, pks: Collection[int], since: int, until: int) -> dict[int, Grid]:
    """What was not packed yet: up to an hour or so."""
    ticks = list(
        Tick.objects.filter(instance=instance, at__gte=since, at__lt=until)
        .order_by("at")
        .values_list("at", "data")
    )
    if not ticks:
        return {}
    first, wanted = ticks[0][0], set(pks)
    grids = {pk: Grid.covering(first, until, STEP) for pk in wanted}
    for at, data in ticks:
        for pk, numbers in read_tick(bytes(data)):
            if pk in wanted:
                grids[pk].put(at, numbers)
    return grids


# --- now ---------------------------------------------------------------------------------------------


def latest(instances: Collection[int], now: float | None = None) -> dict[int, Values]:
    """The newest samples of the last minute on *instances*, by unikernel: CPUs, bytes, bytes/s."""
    since = (time.time() if now is None else now) - FRESH
    ticks = Tick.objects.filter(instance__in=list(instances), at__gte=since).order_by("at")
    return {
        pk: values_of(numbers)
        for data in ticks.values_list("data", flat=True)
        for pk, numbers in read_tick(bytes(data))
    }


def sparks(wanted: Mapping[int, Container[int]], now: float | None = None) -> dict[int, Recent]:
    """The CPU of each minute of the last hour, by instance, of the unikernels *wanted* of each."""
    minute = int(time.time() if now is None else now) // 60
    feeds = Feed.objects.filter(instance__in=list(wanted))
    found = {}
    for pk, ended, data in feeds.values_list("instance_id", "minute", "recent"):
        found[pk] = Recent.unpack(ended, bytes(data), wanted[pk])
        found[pk].advance(minute)
    return found


# --- before and after --------------------------------------------------------------------------------


def last_change(unikernel: Unikernel, now: float | None = None) -> Change | None:
    """The last upgrade, configure or rollback of *unikernel*, if there are statistics of that time."""
    moment = int(time.time() if now is None else now)
    kept = datetime.fromtimestamp(moment - settings.STATISTICS_DAYS * DAY, UTC)
    operation = (
        Operation.objects.filter(
            unikernel=unikernel,
            kind__in=(Kind.UPGRADE, Kind.CONFIGURE, Kind.ROLLBACK),
            state=State.SUCCEEDED,
            armed_at__gt=kept,
        )
        .select_related("target", "fallback")
        .order_by("-id")
        .first()
    )
    if operation is None or operation.armed_at is None or operation.finished_at is None:
        return None
    began, ended = int(operation.armed_at.timestamp()), int(operation.finished_at.timestamp())
    step = STEP if moment - began + COMPARED < settings.STATISTICS_HOURS * HOUR else COARSE
    grid = series(unikernel, since=began - COMPARED, until=ended + COMPARED, step=step)
    before, after = grid.part(began - COMPARED, began), grid.part(ended, ended + COMPARED)
    return Change(operation, began, before.mean(), after.mean())
