"""A day of statistics of 1,000 unikernels: what it takes on disk, to pack, and to draw; and what
watching costs: ten seconds of 100 instances with 100 unikernels each, read and written.

The day is folded hour by hour as the schedule does, from ticks as a watcher writes them. Every unikernel
has noise of its own, in every measure: what really runs is quieter, and smaller.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from bench.surroundings import project

INSTANCES, UNIKERNELS = 10, 100
WATCHED = 100  # instances
HOURS = 24
READINGS = 30
CPU_TARGET = 40  # % of one core: statistics are a part of it
HOUR, DAY = 3600, 86_400
NOW = 20_000 * DAY + 120
PAGE = 4096


def populate(kind: str, instances: int) -> list[Any]:
    """So many instances with unikernels, as lists of unikernels by instance."""
    from albatross.models import Instance  # noqa: PLC0415  # Django is set up only now
    from unikernels.models import Unikernel  # noqa: PLC0415

    made = []
    for number in range(instances):
        place = Instance.objects.create(name=f"{kind}{number}", address="192.0.2.1:1025", sealed_key="")
        rows = [Unikernel(instance=place, path="measured", name=f"u{at}") for at in range(UNIKERNELS)]
        made.append(Unikernel.objects.bulk_create(rows))
    return made


def an_hour(unikernels: list[Any]) -> list[bytes]:
    """The ticks of an hour of one instance."""
    from unikernels.statistics.grids import STEP, pack_tick  # noqa: PLC0415
    from unikernels.statistics.rates import Sample  # noqa: PLC0415

    chance = random.Random(unikernels[0].pk)
    memory = {row.pk: chance.randint(2_000, 60_000) for row in unikernels}
    load = {row.pk: chance.choice((0.001, 0.005, 0.05, 0.3)) for row in unikernels}
    ticks = []
    for _ in range(0, HOUR, STEP):
        samples = {}
        for pk, share in load.items():
            memory[pk] += chance.choice((0, 0, 0, 0, 1, -1))
            traffic = chance.expovariate(1 / (share * 1e5))
            samples[pk] = Sample(chance.gauss(share, share / 5), memory[pk] * PAGE, traffic, traffic * 3)
        ticks.append(pack_tick(samples))
    return ticks


def fill(made: list[Any]) -> list[float]:
    """A day, folded hour by hour; the CPU seconds that each hour of an instance took."""
    from unikernels.statistics.folding import fold  # noqa: PLC0415
    from unikernels.statistics.grids import STEP  # noqa: PLC0415
    from unikernels.statistics.models import Tick  # noqa: PLC0415

    hours, took = [an_hour(unikernels) for unikernels in made], []
    for hour in range(HOURS):
        start = NOW - 120 - (HOURS - hour) * HOUR
        for unikernels, ticks in zip(made, hours, strict=True):
            place = unikernels[0].instance_id
            Tick.objects.bulk_create(
                Tick(instance_id=place, at=start + at * STEP, data=data) for at, data in enumerate(ticks)
            )
        began = time.process_time()
        fold(start + HOUR + 120)
        took.append((time.process_time() - began) / len(made))
    return took


def size() -> int:
    """Bytes of the database, with nothing empty in it."""
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        cursor.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        return int(cursor.fetchone()[0])


def median(ask: Callable[[], object]) -> str:
    """How long it takes, in the median and at most."""
    took = []
    for _ in range(READINGS):
        began = time.perf_counter()
        ask()
        took.append((time.perf_counter() - began) * 1000)
    return f"median {statistics.median(took):.1f} ms, most {max(took):.1f} ms"


def stored() -> None:
    """Size on disk and times of questions."""
    from unikernels.statistics.grids import COARSE, STEP  # noqa: PLC0415
    from unikernels.statistics.models import Stretch, Tick  # noqa: PLC0415
    from unikernels.statistics.reading import series, sparks, total  # noqa: PLC0415

    made = populate("host", INSTANCES)
    Tick.objects.all().delete()
    empty = size()
    took = fill(made)
    grown, number = size() - empty, INSTANCES * UNIKERNELS
    rows = {step: Stretch.objects.filter(step=step).count() for step in (STEP, COARSE)}
    print(
        f"{number:,} unikernels, {HOURS} h: {grown / 1e6:.1f} MB on disk, {grown / number / 1000:.1f} kB each"
    )
    print(f"rows: {rows[STEP]:,} of an hour at 10 s, {rows[COARSE]:,} of a day at 5 min")
    print(f"packing: {statistics.median(took):.2f} s of CPU for an hour of {UNIKERNELS} unikernels")
    one, pks = made[0][0], [row.pk for row in made[0]]
    for words, ago, step in (("an hour", HOUR, 10), ("a day", DAY, 300), ("a day", DAY, 10)):
        ask = lambda ago=ago, step=step: series(one, since=NOW - ago, until=NOW, step=step)  # noqa: E731
        print(f"chart of {words} at {step} s: {median(ask)}")
    places = {unikernels[0].instance_id: {row.pk for row in unikernels} for unikernels in made}
    whole = lambda: total(one.instance_id, pks, since=NOW - DAY, until=NOW, step=300)  # noqa: E731
    print(f"chart of a day of an instance with {UNIKERNELS}: {median(whole)}")
    print(f"drawings of a list over {INSTANCES} instances: {median(lambda: sparks(places))}")


def watched() -> None:
    """The CPU that ten seconds of many instances take: messages decoded, rates, one INSERT each."""
    from albatross import wire  # noqa: PLC0415
    from unikernels.statistics.keeper import Keeper, write  # noqa: PLC0415
    from unikernels.statistics.rates import counters_of  # noqa: PLC0415

    made = populate("watched", WATCHED)
    keepers = [Keeper(unikernels[0].instance_id) for unikernels in made]
    sent = [told(row.name) for row in made[0]]
    took = []
    for interval in range(7):
        began, at = time.process_time(), float(interval * 10)
        for keeper in keepers:
            messages = [wire.decode(data) for data in sent]
            found = {message.header.name: counters_of(message.payload, at) for message in messages}  # type: ignore[arg-type]  # statistics, all of them
            tick = keeper.tick(NOW + at, found)
            write([tick] if tick else [])
        took.append(time.process_time() - began)
    share = statistics.mean(took[1:]) / 10 * 100
    print(
        f"watching {WATCHED} instances with {UNIKERNELS} unikernels every 10 s:"
        f" {share:.1f} % of one core (target for all of watching: {CPU_TARGET} %)"
    )


def told(name: str) -> bytes:
    """What an instance sends about one unikernel."""
    from albatross import messages as m  # noqa: PLC0415
    from albatross import wire  # noqa: PLC0415
    from albatross.names import Name  # noqa: PLC0415

    second = m.TimeVal(1, 0)
    usage = m.ResourceUsage(second, second, 2000, *[0] * 13)
    interface = m.InterfaceUsage("service", 0, 0, 0, 0, 1500, 0, *[1_000_000] * 11)
    memory = m.MemoryUsage(8000, 2000, 256, 2000, 2000, 1_000_000, 0, second)
    header = m.Header(Name.of("measured", label=name))
    return wire.encode(m.Message(header, m.Statistics(usage, (interface,), memory=memory)))


def main() -> None:
    """Print the figures."""
    with project():
        watched()
        stored()


if __name__ == "__main__":
    main()
