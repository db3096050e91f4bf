"""Packing what is over into few rows, and letting go of what is old.

Each part does no harm when it is done twice, or by two at once: what is folded again is laid over what
stands there, and only ticks that were read are removed. So there are never more rows than

- 360 ticks of an instance, and those of the hour before until they are folded;
- one stretch of a unikernel for each kept hour, and one for each kept day.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Min

from unikernels.models import Unikernel
from unikernels.statistics.grids import COARSE, DAY, HOUR, STEP, Grid, read_tick
from unikernels.statistics.models import Stretch, Tick

log = logging.getLogger(__name__)

LENGTHS = {STEP: HOUR, COARSE: DAY}  # of a stretch, by its step
DELAY = 60  # seconds after the end of an hour: a watcher may still write its last tick
BATCH = 200  # rows in one statement, some hundred kilobytes


def fold(now: float | None = None) -> int:
    """Fold the hours that are over, of all instances; how many hours of instances that were."""
    end = int((time.time() if now is None else now) - DELAY) // HOUR * HOUR
    waiting = Tick.objects.filter(at__lt=end).values_list("instance").annotate(first=Min("at"))
    done = 0
    for instance, first in waiting:
        for start in range(first // HOUR * HOUR, end, HOUR):
            try:
                done += _fold_hour(instance, start)
            except DatabaseError as error:  # the others are folded all the same
                log.warning("statistics of instance %d: %s", instance, error)
    return done


def _fold_hour(instance: int, start: int) -> bool:
    """Fold one hour of one instance; whether there was anything."""
    ticks = list(Tick.objects.filter(instance=instance, at__gte=start, at__lt=start + HOUR))
    found = _grids(start, ticks)
    there = set(Unikernel.objects.filter(instance=instance).values_list("pk", flat=True))
    fine = _laid(STEP, start, {pk: grid for pk, grid in found.items() if pk in there})
    coarse = _laid(COARSE, start // DAY * DAY, {pk: grid.coarser(COARSE) for pk, grid in fine.items()})
    with transaction.atomic():
        _save([*fine.values(), *coarse.values()], [*fine, *coarse])
        Tick.objects.filter(pk__in=[tick.pk for tick in ticks]).delete()
    return bool(ticks)


def _grids(start: int, ticks: Iterable[Tick]) -> dict[int, Grid]:
    """What *ticks* say of the hour from *start* on, by unikernel."""
    grids: dict[int, Grid] = {}
    for tick in ticks:
        for pk, numbers in read_tick(bytes(tick.data)):
            if pk not in grids:
                grids[pk] = Grid.empty(start, STEP, HOUR // STEP)
            grids[pk].put(tick.at, numbers)
    return grids


def _laid(step: int, start: int, grids: Mapping[int, Grid]) -> dict[int, Grid]:
    """The whole stretches from *start* on: what is kept already, with *grids* laid over it."""
    whole = {pk: Grid.empty(start, step, LENGTHS[step] // step) for pk in grids}
    for stretch in Stretch.objects.filter(unikernel__in=list(grids), step=step, start=start):
        whole[stretch.unikernel_id].lay(Grid.unpack(start, step, bytes(stretch.data)))
    for pk, grid in grids.items():
        whole[pk].lay(grid)
    return whole


def _save(grids: Iterable[Grid], keys: Iterable[int]) -> None:
    rows = [
        Stretch(unikernel_id=pk, step=grid.step, start=grid.start, data=grid.pack())
        for pk, grid in zip(keys, grids, strict=True)
    ]
    Stretch.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["unikernel", "step", "start"],
        update_fields=["data"],
    )


def prune(now: float | None = None) -> None:
    """Let go of what is older than the settings say."""
    at = int(time.time() if now is None else now)
    oldest = {STEP: at - settings.STATISTICS_HOURS * HOUR, COARSE: at - settings.STATISTICS_DAYS * DAY}
    for step, since in oldest.items():
        Stretch.objects.filter(step=step, start__lt=since - LENGTHS[step]).delete()
    Tick.objects.filter(at__lt=oldest[STEP]).delete()  # what could not be folded
