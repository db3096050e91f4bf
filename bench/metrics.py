"""``/metrics`` with 10,000 unikernels on 100 instances, statistics and 5,000 checks: in this process."""

from __future__ import annotations

import statistics
import time
from array import array
from datetime import timedelta
from ipaddress import ip_network

from bench.deploy import memory, reset_peak
from bench.surroundings import project

INSTANCES, UNIKERNELS, TEAMS = 100, 10_000, 50
RESULTS = 20  # of each check
SOON = 600  # seconds; facts and samples are as if they came then: fresh however long all this takes
ROUNDS = 5
TARGET = 1.0  # seconds; Prometheus waits 10 by default, and a web process answers nobody else meanwhile
QUERY_TARGET = 20
ALERTS_TARGET = 0.6  # seconds: 2 % of a core


def populate(results: int = RESULTS) -> None:
    """The rows, as inventory, statistics and checks (with so many results each) would have written them."""
    from django.utils import timezone  # noqa: PLC0415  # Django is set up only now

    from accounts.models import Quota, Team  # noqa: PLC0415
    from albatross.models import Instance  # noqa: PLC0415
    from unikernels.models import Check, CheckResult, Unikernel  # noqa: PLC0415
    from unikernels.statistics.grids import pack_tick  # noqa: PLC0415
    from unikernels.statistics.models import Feed, Tick  # noqa: PLC0415
    from unikernels.statistics.rates import Sample  # noqa: PLC0415
    from unikernels.statistics.recent import MINUTES, Recent  # noqa: PLC0415

    now = timezone.now()
    soon = now + timedelta(seconds=SOON)
    teams = Team.objects.bulk_create(Team(name=f"team-{n}", domain=f"team-{n}") for n in range(TEAMS))
    places = Instance.objects.bulk_create(
        Instance(name=f"host-{n}", address=f"192.0.2.1:{n}", status="online", seen_at=soon)
        for n in range(INSTANCES)
    )
    Quota.objects.bulk_create(
        Quota(team=team, instance=place, unikernels=10, memory=1000) for team in teams for place in places
    )
    rows = Unikernel.objects.bulk_create(
        (
            Unikernel(
                instance=places[number % INSTANCES],
                team=teams[number % TEAMS],
                path=teams[number % TEAMS].domain,
                name=f"unikernel-{number}",
                state="running",
                started=1_700_000_000_000 + number,
                observed={
                    "memory": 32,
                    "cpuids": [0],
                    "bridges": [["service", "service", "00:00:00:00:00:00"]],
                },
                standing="current",
            )
            for number in range(UNIKERNELS)
        ),
        batch_size=500,
    )
    sample = Sample(cpu=0.1, memory=16 * 2**20, received=1000.0, sent=2000.0)
    Tick.objects.bulk_create(
        Tick(
            instance=place,
            at=int(now.timestamp()) + SOON,
            data=pack_tick({row.pk: sample for row in rows[number::INSTANCES]}),
        )
        for number, place in enumerate(places)
    )
    minute = int(now.timestamp()) // 60
    Feed.objects.bulk_create(
        Feed(
            instance=place,
            minute=minute,
            recent=Recent(
                minute, {row.pk: array("H", range(MINUTES)) for row in rows[number::INSTANCES]}
            ).pack(),
        )
        for number, place in enumerate(places)
    )
    checks = Check.objects.bulk_create(
        (Check(unikernel=row, name="web", kind="tcp", settings={}, state="up") for row in rows[::2]),
        batch_size=500,
    )
    CheckResult.objects.bulk_create(
        (
            CheckResult(check_row=check, at=now, outcome="passed", latency=0.01, text="fine")
            for check in checks
            for _ in range(results)
        ),
        batch_size=500,
    )


def scrape() -> tuple[float, int, int]:
    """Seconds of the processor, bytes and queries of one reading."""
    from django.db import connection  # noqa: PLC0415  # Django is set up only now
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    with CaptureQueriesContext(connection) as queries:
        start = time.process_time()  # of this process: how busy the others are says nothing of us
        answer = Client().get("/metrics")
        took = time.process_time() - start
    assert answer.status_code == 200, answer.status_code
    return took, len(answer.content), len(queries)


def look() -> float:
    """Seconds of the processor of one look at what fires, as every 30 s."""
    from unikernels.alerts.services import settle  # noqa: PLC0415  # Django is set up only now

    start = time.process_time()
    settle()
    return time.process_time() - start


def main() -> None:
    """Print the figures beside their targets."""
    with project():
        from django.conf import settings  # noqa: PLC0415  # Django is set up only now

        settings.METRICS_NETWORKS = [ip_network("127.0.0.0/8")]
        settings.ALLOWED_HOSTS = ["testserver"]
        populate()
        scrape()
        reset_peak()
        held = memory("VmRSS")
        found = [scrape() for _ in range(ROUNDS)]
        seconds = statistics.median(took for took, _, _ in found)
        _, size, queries = found[-1]
        print(f"{UNIKERNELS} unikernels on {INSTANCES} instances, {UNIKERNELS // 2} checks")
        print(f"median: {seconds:.2f} s of the processor (target: at most {TARGET:g})")
        print(f"queries: {queries} (target: at most {QUERY_TARGET})")
        look()  # all that is wrong fires now, and goes on
        looks = statistics.median(look() for _ in range(ROUNDS))
        print(f"alerts: {looks:.2f} s of the processor for a look (target: at most {ALERTS_TARGET:g})")
        print(f"size: {size / 2**20:.1f} MB, {memory('VmHWM') - held:.0f} MB more memory than before")


if __name__ == "__main__":
    main()
