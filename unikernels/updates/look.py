"""Reading the database for the round: the candidates, and what goes on around them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

from django.conf import settings
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, When

from accounts.actors import AUTOMATIC
from accounts.models import Event
from albatross.models import Instance
from mollymawk.errors import Invalid
from unikernels.builds import status
from unikernels.models import Freeze, Operation, RollbackWindow, Standing, Unikernel, Version
from unikernels.operations.machine import Kind, State
from unikernels.updates.calendar import MAX_MINUTES, Maintenance, parse
from unikernels.updates.rounds import Around, Candidate

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

NOT_BEGUN = "unikernel.update-not-begun"  # the event of an automatic upgrade that was found impossible

# How an automatic upgrade may end without stopping the round: well, or because a person said so.
_FINE = (State.SUCCEEDED, State.CANCELLED)
# What happened longer ago lies before any window that is open now.
_MEMORY = timedelta(minutes=MAX_MINUTES, hours=1)

log = logging.getLogger(__name__)


class Facts(TypedDict):
    """What ``_with_facts`` adds to a row."""

    judged: bool  # that there is another build was found for what runs now
    tried: bool
    last_worked: bool | None
    under_way: bool
    watched: bool
    frozen: bool


def candidates(now: datetime, *, only: int | None = None) -> list[Candidate]:
    """Every automatic unikernel for which its builder has another build; *only* this one (key)."""
    rows = _with_facts(
        Unikernel.objects.filter(
            update_mode=Unikernel.UpdateMode.AUTOMATIC,
            standing=status.Standing.UPDATE,
            newest__isnull=False,
            team__isnull=False,
        ),
        now,
    )
    found = list(rows if only is None else rows.filter(pk=only))
    refusals = _refusals(found, now - _MEMORY)
    return [_candidate(row, refusals.get(row.pk)) for row in found]


def around(candidates: Sequence[Candidate], now: datetime) -> Around:
    """What goes on at *now* beside *candidates*."""
    return Around(
        now=now,
        at_once=settings.AUTOMATIC_AT_ONCE,
        going_on=_going_on(now),
        mishaps=_mishaps({candidate.team for candidate in candidates}, now - _MEMORY),
    )


def window_of(unikernel: Unikernel) -> Maintenance | None:
    """The maintenance window of *unikernel*; None without one that is valid (zones may be given up)."""
    if not unikernel.maintenance:
        return None
    try:
        return parse(unikernel.maintenance)
    except Invalid as error:
        log.warning("unikernel %s: %s %s", unikernel.pk, error, error.fields)
        return None


def _with_facts(rows: QuerySet[Unikernel], now: datetime) -> QuerySet[WithAnnotations[Unikernel, Facts]]:
    """*rows* with what decides about each. Its standing was found for what ran at that time: whether
    that is what runs now is looked up.
    """
    this = OuterRef("pk")
    judged = Standing.objects.filter(
        builder=OuterRef("newest__builder"),
        digest=OuterRef("current__digest"),
        standing=status.Standing.UPDATE,
        newest=OuterRef("newest"),
    )
    return rows.select_related("instance", "current", "newest").annotate(
        judged=Exists(judged),
        tried=Exists(Version.objects.filter(unikernel=this, digest=OuterRef("newest__digest"))),
        last_worked=_last_worked(),
        under_way=Exists(Operation.objects.filter(unikernel=this, finished_at=None)),
        watched=Exists(RollbackWindow.objects.filter(unikernel=this, until__gt=now)),
        frozen=Exists(Freeze.objects.filter(Q(team=None) | Q(team=OuterRef("team")))),
    )


def _last_worked() -> Subquery:
    """Whether the newest build of a row worked when its team last put these bytes in place of others."""
    tries = Operation.objects.filter(
        kind=Kind.UPGRADE,
        team=OuterRef("team"),
        target__digest=OuterRef("newest__digest"),
        state__in=[State.SUCCEEDED, State.ROLLED_BACK, State.FAILED],
    )
    good = Q(state=State.SUCCEEDED, reverted=False)
    worked = tries.order_by("-id").annotate(worked=Case(When(good, then=True), default=False))
    return Subquery(worked.values("worked")[:1])


def _candidate(row: WithAnnotations[Unikernel, Facts], refused_at: datetime | None) -> Candidate:
    current = row.current
    return Candidate(
        unikernel=row.pk,
        team=row.team_id or 0,
        instance=row.instance_id,
        window=window_of(row),
        newer=row.judged,
        tried=row.tried,
        suspect=row.last_worked is False,
        runs=current is not None and row.state == Unikernel.Presence.RUNNING and not row.changed_outside,
        online=row.instance.status == Instance.Status.ONLINE,
        busy=row.under_way or row.watched,
        frozen=row.frozen,
        waits_since=(current and current.ran_at) or row.created_at,
        refused_at=refused_at,
    )


def _refusals(rows: Iterable[Unikernel], since: datetime) -> dict[int, datetime]:
    """When the newest build of a unikernel (key) was last found impossible."""
    builds = {f"unikernel:{row.pk}": (row.pk, row.newest_id) for row in rows}
    events = Event.objects.filter(kind=NOT_BEGUN, subject__in=builds, at__gte=since).order_by("id")
    return {
        builds[event.subject][0]: event.at
        for event in events
        if event.data.get("build") == builds[event.subject][1]
    }


def _going_on(now: datetime) -> Counter[int]:
    """Automatic upgrades of each instance that are under way, or whose rollback window is open."""
    under_way = Operation.objects.filter(
        kind=Kind.UPGRADE, credential=AUTOMATIC.credential, finished_at=None
    ).values_list("unikernel__instance", flat=True)
    watched = RollbackWindow.objects.filter(
        operation__kind=Kind.UPGRADE, operation__credential=AUTOMATIC.credential, until__gt=now
    ).values_list("unikernel__instance", flat=True)
    return Counter(under_way) + Counter(watched)


def _mishaps(teams: Iterable[int], since: datetime) -> dict[int, datetime]:
    """When an automatic upgrade of a team (key) last ended badly, or was taken back."""
    ours = Operation.objects.filter(kind=Kind.UPGRADE, credential=AUTOMATIC.credential)
    badly = ours.filter(team__in=teams, finished_at__gte=since).filter(~Q(state__in=_FINE) | Q(reverted=True))
    back = Operation.objects.filter(
        Exists(ours.filter(target=OuterRef("fallback"))),
        kind=Kind.ROLLBACK,
        team__in=teams,
        created_at__gte=since,
    )
    found: dict[int, datetime] = {}
    times = [*badly.values_list("team", F("finished_at")), *back.values_list("team", "created_at")]
    for team, at in times:
        if team is not None and at is not None:
            found[team] = max(at, found.get(team, at))
    return found
