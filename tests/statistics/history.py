"""Statistics of a time that has passed, as a watcher and the schedule would have left them."""

from __future__ import annotations

from unikernels.models import Unikernel
from unikernels.statistics.folding import fold
from unikernels.statistics.grids import STEP, pack_tick
from unikernels.statistics.models import Tick
from unikernels.statistics.rates import Sample

MEMORY = 8 * 2**20


def used(unikernels: list[Unikernel], since: int, until: int, cpu: float = 0.25) -> None:
    """Each of *unikernels* (of one instance) used *cpu* from *since* on until *until*, s since 1970."""
    sample = Sample(cpu, MEMORY, 1000.0, 2000.0)
    data = pack_tick({unikernel.pk: sample for unikernel in unikernels})
    instance = unikernels[0].instance_id
    times = range(-(-since // STEP) * STEP, until, STEP)
    Tick.objects.bulk_create(Tick(instance_id=instance, at=at, data=data) for at in times)


def folded(now: int) -> None:
    """Everything that is over at the time *now* is packed."""
    fold(now)
