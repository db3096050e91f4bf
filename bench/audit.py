"""The log: what it adds to a change, what it costs to chain and to verify it, and how long it takes to find
something among many events: ``python -m bench.audit [--events 1000000]``.

``DATABASE_URL`` names another database than SQLite; it must be empty.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from bench.surroundings import project

CHANGES = 1_000  # measured, one by one
TARGET = 1.0  # ms that the log may add to a change
CHAINED = 20_000  # events
KINDS, PEOPLE, TEAMS = 60, 200, 50

# Most events are steps of operations; the oldest are 400 days old.
_FILL = """
INSERT INTO accounts_event (at, who, credential, team_id, team_name, parties, subject, kind, was, now, reason, data)
SELECT {at},
  CASE WHEN n %% 4 = 0 THEN 'u' || (n / 4 %% {people}) || '@example.org' ELSE '' END,
  CASE WHEN n %% 4 = 0 THEN 'session' ELSE 'system' END,
  {first} + n %% {teams}, 't' || (n %% {teams}), 'team:' || ({first} + n %% {teams}),
  'unikernel:' || (n %% 10000),
  CASE WHEN n %% 2 = 0 THEN 'operation.state' WHEN n = 5000 THEN 'zebra.seen' ELSE 'k' || (n %% {kinds}) || '.done' END,
  'swap', 'observe', 'A sentence of some length about what happened, and why.', '{{"event": "sent"}}'
FROM {numbers}
"""


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    options = parser.parse_args()
    with project():
        from accounts.models import Team  # noqa: PLC0415  # Django is set up only now

        teams = Team.objects.bulk_create(Team(name=f"t{n}", domain=f"t{n}") for n in range(TEAMS))
        _changes(teams[0])
        _fill(options.events, teams[0].pk)
        _changes(teams[0])
        _search(options.events)
        _chain()


def _changes(team: Any) -> None:
    """What an event adds to the transaction of a change, in CPU time: others may be at work here."""
    from django.db import transaction  # noqa: PLC0415

    from accounts.actors import SYSTEM  # noqa: PLC0415
    from accounts.events import record  # noqa: PLC0415
    from accounts.models import Event, Team  # noqa: PLC0415

    def change(*, told: bool) -> float:
        began = time.thread_time()
        with transaction.atomic():
            Team.objects.filter(pk=team.pk).update(name=team.name)
            if told:
                record(actor=SYSTEM, kind="team.named", subject=f"team:{team.pk}", team=team, data={"a": 1})
        return (time.thread_time() - began) * 1000

    took: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(CHANGES):
        for told, times in took.items():
            times.append(change(told=told))
    bare, whole = statistics.median(took[False]), statistics.median(took[True])
    print(
        f"a change: {bare:.2f} ms of CPU, with its event {whole:.2f} ms, among {Event.objects.count():,} events:"
        f" the log adds {whole - bare:.2f} ms (target {TARGET:.0f} ms)"
    )


def _fill(events: int, first: int) -> None:
    from django.db import connection  # noqa: PLC0415

    if connection.vendor == "postgresql":
        numbers = f"generate_series(1, {events}) AS numbers(n)"
        at = f"now() - interval '400 days' * (1 - n::float / {events})"
    else:
        numbers = (
            "(WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < "
            f"{events}) SELECT n FROM numbers)"
        )
        at = f"strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', '-' || (34560000 * (1 - n * 1.0 / {events})) || ' seconds')"
    statement = _FILL.format(at=at, numbers=numbers, first=first, teams=TEAMS, people=PEOPLE, kinds=KINDS)
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(statement, [])
        cursor.execute("ANALYZE" if connection.vendor == "postgresql" else "SELECT 1", [])
    print(f"{events:,} events written in {time.perf_counter() - began:.0f} s")


def _search(events: int) -> None:
    """The first page of each filter, and of some together."""
    from django.utils import timezone  # noqa: PLC0415

    from accounts.audit.search import Wanted, kinds  # noqa: PLC0415

    now = timezone.now()
    old, new = now - timedelta(days=390), now - timedelta(days=380)
    asked = {
        "all": Wanted(),
        "team": Wanted(team="t7"),
        "who": Wanted(who="u7@example.org"),
        "nobody": Wanted(who="nobody@example.org"),
        "kind, common": Wanted(kind="operation.state"),
        "kind, one in all": Wanted(kind="zebra"),
        "subject": Wanted(subject="unikernel:77"),
        "credential": Wanted(credential="session"),
        "credential, none": Wanted(credential="token mm_none"),
        "old days": Wanted(since=old, until=new),
        "team, person, old days": Wanted(team="t8", who="u7@example.org", since=old, until=new),
        "kind, old days": Wanted(kind="k7", since=old, until=new),
        "a team that is gone": Wanted(team="gone"),
    }
    print(f"the first page among {events:,} events (median of 5, the worst):")
    for name, wanted in asked.items():
        took = _times(partial(_first_page, wanted))
        print(f"  {name}: {statistics.median(took):.1f} ms, {max(took):.1f} ms")
    print(f"  all kinds by name: {statistics.median(_times(kinds)):.1f} ms")


def _first_page(wanted: Any) -> list[Any]:
    from accounts.actors import SYSTEM  # noqa: PLC0415
    from accounts.audit.search import search  # noqa: PLC0415

    return list(search(actor=SYSTEM, wanted=wanted).order_by("-id")[:51])


def _times(work: Callable[[], Any]) -> list[float]:
    took = []
    for _ in range(5):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    return took


def _chain() -> None:
    """How fast events are put into links, and looked at again."""
    from accounts.audit import services  # noqa: PLC0415
    from accounts.audit.settled import settled  # noqa: PLC0415
    from accounts.audit.verify import verify  # noqa: PLC0415

    upto = settled()
    began, done = time.perf_counter(), 0
    while done < CHAINED and (added := services._extend_once(upto)):  # noqa: SLF001  # not all of them
        done += added
    chained = time.perf_counter() - began
    began = time.perf_counter()
    report = verify()
    looked = time.perf_counter() - began
    print(
        f"{done:,} events chained at {done / chained:,.0f} a second, verified at"
        f" {report.events / looked:,.0f} a second, {len(report.flaws)} flaws"
    )


if __name__ == "__main__":
    main()
