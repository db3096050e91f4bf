"""From the rows to the page. The number of queries does not grow with what there is.

Nothing is asked of an instance or a builder: a page costs the hosts nothing, and it is there while they are
not. The broker is asked for the whole system only; while it is away, the page says that and is there, too.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.db import connection
from django.db.models import Case, Count, F, Min, OuterRef, Q, QuerySet, Subquery, When
from django.utils import timezone

from accounts.models import Letter, Team
from albatross.models import STALE_AFTER, Instance
from unikernels.alerts.models import Alert
from unikernels.alerts.rules import Rule
from unikernels.metrics import families as f
from unikernels.metrics import processes
from unikernels.metrics.text import Labels, Page, labels, more
from unikernels.models import Builder, Check, CheckResult, Operation, RollbackWindow, Unikernel
from unikernels.quotas.fill import fills
from unikernels.redis import RedisError
from unikernels.statistics.grids import Values
from unikernels.statistics.newest import newest
from unikernels.webhooks.models import Delivery

MB = 2**20  # bytes; what Albatross and Solo5 count memory in
_UNIKERNEL = ("instance__name", "team__name", "path", "name")  # what its labels are made of
_FACTS = (
    "pk",
    "state",
    "standing",
    "unstable",
    "changed_outside",
    "starts__looping_since",
    # The numbers, see _NUMBERS.
    "started",
    "observed__memory",
    "current__number",
)
_NUMBERS = ((f.UNIKERNEL_STARTED, 0.001), (f.UNIKERNEL_MEMORY, MB), (f.UNIKERNEL_VERSION, 1))
_USE = (f.UNIKERNEL_CPU, f.UNIKERNEL_RESIDENT, f.UNIKERNEL_RECEIVED, f.UNIKERNEL_SENT)


def page_of(team: Team | None) -> str:
    """Everything that *team* may know of itself; with None everything of the whole system."""
    page, now = Page(), timezone.now()
    _build(page)
    _instances(page, team, now)
    _unikernels(page, team, newest(now))
    _operations(page, team, now)
    _checks(page, team)
    _quotas(page, team)
    _alerts(page, team)
    if team is None:
        _letters(page)
        _webhooks(page, now)
        _builders(page, now)
        _watching(page, now)
        _processes(page)
    return page.text()


def _of(team: Team | None, field: str = "team") -> Q:
    return Q() if team is None else Q(**{field: team})


def _late(due_at: datetime | None, now: datetime) -> float:
    """Seconds since *due_at*; 0 when nothing is due."""
    return round(max((now - due_at).total_seconds(), 0), 3) if due_at else 0


def _build(page: Page) -> None:
    page.add(
        f.BUILD_INFO,
        1,
        labels(version=settings.VERSION, python=platform.python_version(), database=connection.vendor),
    )


# --- instances and what runs there -------------------------------------------------------------------


def _instances(page: Page, team: Team | None, now: datetime) -> None:
    for name, status, seen_at, failures in _places(team).values_list("name", "status", "seen_at", "failures"):
        here = labels(albatross=name)
        online = status == Instance.Status.ONLINE and seen_at is not None and now - seen_at <= STALE_AFTER
        page.add(f.INSTANCE_UP, online, here)
        page.add(f.INSTANCE_STATUS, 1, more(here, status=status))
        page.add(f.INSTANCE_FAILURES, failures, here)
        if seen_at:
            page.add(f.INSTANCE_SEEN, _late(seen_at, now), here)


def _places(team: Team | None) -> QuerySet[Instance]:
    """The instances of which *team* has a share, or on which something of it runs."""
    if team is None:
        return Instance.objects.all()
    shares = team.quotas.values("instance")
    return Instance.objects.filter(Q(pk__in=shares) | Q(pk__in=team.unikernels.values("instance")))


def _unikernels(page: Page, team: Team | None, uses: Mapping[int, Values]) -> None:
    rows = Unikernel.objects.filter(_of(team)).order_by("pk").values_list(*_UNIKERNEL, *_FACTS)
    for place, owner, path, name, pk, state, standing, unstable, outside, looping, *numbers in rows:
        it = _unikernel(place, owner, path, name)
        page.add(f.UNIKERNEL_UP, state == Unikernel.Presence.RUNNING, it)
        page.add(f.UNIKERNEL_STATE, 1, more(it, state=state))
        page.add(f.UNIKERNEL_UNSTABLE, unstable, it)
        page.add(f.UNIKERNEL_CHANGED_OUTSIDE, outside, it)
        if standing:
            page.add(f.UNIKERNEL_STANDING, 1, more(it, standing=standing))
        page.add(f.UNIKERNEL_LOOPING, looping is not None, it)
        for (family, factor), number in zip(_NUMBERS, numbers, strict=True):
            if number is not None:
                page.add(family, round(number * factor, 3), it)
        for family, use in zip(_USE, uses.get(pk, ()), strict=False):
            if use is not None:
                page.add(family, round(use, 4), it)


def _unikernel(place: str, owner: str | None, path: str, name: str) -> Labels:
    return labels(albatross=place, team=owner or "", unikernel=f"{path}:{name}" if path else name)


def _checks(page: Page, team: Team | None) -> None:
    newest = CheckResult.objects.filter(check_row=OuterRef("pk")).order_by("-at").values("latency")[:1]
    rows = (
        Check.objects.filter(_of(team, "unikernel__team")).order_by("pk").annotate(latency=Subquery(newest))
    )
    at = [f"unikernel__{field}" for field in _UNIKERNEL]
    for place, owner, path, unikernel, name, state, latency in rows.values_list(
        *at, "name", "state", "latency"
    ):
        it = more(_unikernel(place, owner, path, unikernel), check=name)
        page.add(f.CHECK_STATE, 1, more(it, state=state))
        if state != Check.State.UNKNOWN:
            page.add(f.CHECK_UP, state == Check.State.UP, it)
        if latency is not None:
            page.add(f.CHECK_LATENCY, round(latency, 6), it)


# --- what is done ------------------------------------------------------------------------------------


def _operations(page: Page, team: Team | None, now: datetime) -> None:
    mine = Operation.objects.filter(_of(team))
    for kind, state, count in mine.order_by().values_list("kind", "state").annotate(count=Count("pk")):
        page.add(f.OPERATIONS, count, labels(kind=kind, state=state))
    waits = Q(lease_until=None) | Q(lease_until__lt=now)
    unfinished = mine.filter(finished_at=None).aggregate(
        count=Count("pk"), oldest=Min("created_at"), due=Min("due_at", filter=waits)
    )
    page.add(f.UNDER_WAY, unfinished["count"])
    page.add(f.OLDEST, _late(unfinished["oldest"], now))
    page.add(f.LATE, _late(unfinished["due"], now))
    open_ = RollbackWindow.objects.filter(_of(team, "unikernel__team"), until__gt=now)
    page.add(f.WINDOWS, open_.count())


def _quotas(page: Page, team: Team | None) -> None:
    for quota, resource, used, limit in fills(team):
        it = labels(albatross=quota.instance.name, team=quota.team.name, resource=resource)
        page.add(f.QUOTA_USED, used, it)
        page.add(f.QUOTA_LIMIT, limit, it)


def _alerts(page: Page, team: Team | None) -> None:
    """Each rule has a number, also when nothing of it is open."""
    open_ = Alert.objects.filter(_of(team), resolved_at=None).order_by()
    counts = dict(open_.values_list("rule").annotate(count=Count("pk")))
    for rule in Rule:
        page.add(f.ALERTS, counts.get(rule, 0), labels(rule=rule))


# --- the system itself -------------------------------------------------------------------------------


def _letters(page: Page) -> None:
    unsent = Letter.objects.filter(sent_at=None)
    counted = unsent.aggregate(waiting=Count("pk", filter=Q(given_up_at=None)), given_up=Count("given_up_at"))
    page.add(f.LETTERS_WAITING, counted["waiting"])
    page.add(f.LETTERS_GIVEN_UP, counted["given_up"])


def _webhooks(page: Page, now: datetime) -> None:
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    waiting = Delivery.objects.filter(free, state=Delivery.State.WAITING)
    page.add(f.DELIVERIES_LATE, _late(waiting.aggregate(due=Min("due_at"))["due"], now))


def _builders(page: Page, now: datetime) -> None:
    for name, failures, seen_at in Builder.objects.values_list("name", "failures", "seen_at"):
        page.add(f.BUILDER_FAILURES, failures, labels(builder=name))
        if seen_at:
            page.add(f.BUILDER_SEEN, _late(seen_at, now), labels(builder=name))


def _watching(page: Page, now: datetime) -> None:
    holder = Case(When(~Q(watcher="") & Q(watched_until__gt=now), then=F("watcher")))
    held = (
        Instance.objects.order_by().annotate(holder=holder).values_list("holder").annotate(count=Count("pk"))
    )
    counts = dict(held)
    page.add(f.UNWATCHED, counts.pop(None, 0))
    for watcher, count in counts.items():
        page.add(f.WATCHED, count, labels(watcher=watcher))
    page.add(f.CHECKS_LATE, _late(Check.objects.aggregate(due=Min("due_at"))["due"], now))


def _processes(page: Page) -> None:
    try:
        living, waiting = list(processes.living()), processes.waiting()
    except RedisError:
        page.add(f.BROKER_UP, 0)
        return
    page.add(f.BROKER_UP, 1)
    for queue, count in waiting.items():
        page.add(f.QUEUED, count, labels(queue=queue))
    counts = Counter(process.program for process in living)
    for program in processes.PROGRAMS:
        page.add(f.PROCESSES, counts[program], labels(program=program))
    for process in living:
        it = labels(program=process.program, host=process.host, pid=str(process.pid))
        page.add(f.PROCESS_CPU, process.cpu, it)
        page.add(f.PROCESS_MEMORY, process.memory, it)
        page.add(f.PROCESS_STARTED, round(process.started, 3), it)
