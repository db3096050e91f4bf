"""What the unikernels of a world used, for pages that draw it."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from tests.api.house import under_way
from unikernels.models import Operation, Unikernel
from unikernels.operations.machine import Kind, State
from unikernels.statistics.grids import HOUR, STEP, numbers_of, pack_tick
from unikernels.statistics.models import Feed, Starts, Tick
from unikernels.statistics.rates import Sample
from unikernels.statistics.recent import Recent

MB = 2**20
CHANGED_AGO = 20 * 60  # seconds


def an_hour_of_use(unikernels: list[Unikernel], now: datetime) -> None:
    """Waves of use up to *now*; since twenty minutes ago each uses half as much again."""
    until = int(now.timestamp()) // STEP * STEP
    recent, ticks = Recent(), []
    for at in range(until - HOUR, until, STEP):
        samples = {
            unikernel.pk: _sample(number, at - until + HOUR, later=at >= until - CHANGED_AGO)
            for number, unikernel in enumerate(unikernels)
        }
        recent.take(at, {pk: numbers_of(sample)[0] for pk, sample in samples.items()})
        ticks.append(Tick(instance_id=unikernels[0].instance_id, at=at, data=pack_tick(samples)))
    recent.advance(until // 60)
    Tick.objects.bulk_create(ticks)
    Feed.objects.create(instance=unikernels[0].instance, recent=recent.pack(), minute=recent.minute)


def upgraded(unikernel: Unikernel, now: datetime) -> Operation:
    """An upgrade twenty minutes ago."""
    at = now - timedelta(seconds=CHANGED_AGO)
    return under_way(
        unikernel,
        kind=Kind.UPGRADE,
        state=State.SUCCEEDED,
        target=unikernel.current,
        created_at=at,
        armed_at=at,
        finished_at=at + timedelta(seconds=20),
    )


def loops(unikernel: Unikernel, now: datetime) -> Starts:
    """*unikernel* is in a crash loop."""
    return Starts.objects.create(unikernel=unikernel, looping_since=now, last_at=now)


def _sample(number: int, second: int, *, later: bool) -> Sample:
    """What is used in a *second* of the hour: the same waves at whatever time of the day."""
    wave = (1.2 + math.sin(second / 400 + number)) * (1.5 if later else 1)
    return Sample(0.02 * (number + 1) * wave, int((24 + 4 * wave) * MB), 4000 * wave, 90_000 * wave)
