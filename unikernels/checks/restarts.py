"""Automatic restarts of what does not answer any more: few, further and further apart, then never again.

At most ``MOST`` in a day and in one outage. Not while anything else is done to the unikernel, not while its
rollback window is open (there the window's guard decides), and not while its instance does not answer: then
it may be the way there that is broken.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, F, Max, Min, OuterRef, QuerySet
from django.utils import timezone

from accounts.actors import SYSTEM
from accounts.events import record
from accounts.models import Event
from albatross.models import Instance
from mollymawk.errors import ApplicationError, Conflict
from unikernels.models import Check, CheckResult, Operation, RollbackWindow, Unikernel
from unikernels.operations.machine import Kind
from unikernels.operations.services import restart

MOST = 3  # in DAY, and in one outage: what three restarts do not mend, a fourth does not either
DAY = timedelta(hours=24)
PAUSES = (timedelta(0), timedelta(minutes=5), timedelta(minutes=30))  # since the one before

NOT_RESTARTED = "unikernel.not-restarted"


def sweep() -> list[Operation]:
    """Restart what its checks say; the operations that were begun."""
    begun = [_restart(pk) for pk in _failing().values_list("pk", flat=True)]
    return [operation for operation in begun if operation is not None]


def _failing() -> QuerySet[Unikernel]:
    """The running unikernels with a check that failed as often as they allow."""
    failing = Check.objects.filter(
        unikernel=OuterRef("pk"), state=Check.State.DOWN, failures__gte=OuterRef("restart_after")
    )
    return Unikernel.objects.filter(
        Exists(failing), state=Unikernel.Presence.RUNNING, restart_after__isnull=False, team__isnull=False
    ).exclude(instance__status=Instance.Status.DEGRADED)


def _restart(pk: int) -> Operation | None:
    """Begin a restart of the unikernel *pk* if it may be now; tells once in an outage why it will not be."""
    unikernel = Unikernel.objects.select_related("team", "instance", "current").filter(pk=pk).first()
    check = _culprit(unikernel) if unikernel is not None and _left_alone(unikernel) else None
    if unikernel is None or check is None:
        return None
    outage = _outage(unikernel)
    if _exhausted(unikernel, outage):
        _tell_once(unikernel, outage, f"It was restarted by itself {MOST} times: a person has to look.")
        return None
    return _begun(unikernel, check, outage) if _rested(unikernel) else None


def _begun(unikernel: Unikernel, check: Check, outage: datetime) -> Operation | None:
    cause = f"Check {check.name} failed {check.failures} times in a row."
    try:
        return restart(actor=SYSTEM, unikernel=unikernel, cause=cause)
    except Conflict:
        return None  # somebody else was first
    except ApplicationError as error:
        _tell_once(unikernel, outage, str(error))
        return None


def _left_alone(unikernel: Unikernel) -> bool:
    """Whether nothing is done to it and no window is open.

    Asked in this order: an upgrade that ends in between is seen by one question or the other.
    """
    under_way = Operation.objects.filter(unikernel=unikernel, finished_at=None).exists()
    return not under_way and not _watched(unikernel)


def _watched(unikernel: Unikernel) -> bool:
    return RollbackWindow.objects.filter(unikernel=unikernel, until__gt=timezone.now()).exists()


def _culprit(unikernel: Unikernel) -> Check | None:
    """A check that failed often enough since anything was last done to the unikernel."""
    ended = Operation.objects.filter(unikernel=unikernel).aggregate(last=Max("finished_at"))["last"]
    since = ended or unikernel.created_at
    down = Check.objects.filter(
        unikernel=unikernel, state=Check.State.DOWN, failures__gte=F("unikernel__restart_after")
    )
    for check in down:
        failed = CheckResult.objects.filter(
            check_row=check, at__gt=since, outcome=CheckResult.Outcome.FAILED, operation=None
        )
        if failed.count() >= (unikernel.restart_after or 0):
            return check
    return None


def _outage(unikernel: Unikernel) -> datetime:
    """When the outage began: when the first of the checks that are down went down."""
    down = Check.objects.filter(unikernel=unikernel, state=Check.State.DOWN)
    began: datetime = down.aggregate(first=Min("state_since"))["first"] or timezone.now()
    return began


def _automatic(unikernel: Unikernel) -> QuerySet[Operation]:
    """Its restarts that nobody but the system asked for."""
    return Operation.objects.filter(
        unikernel=unikernel, kind=Kind.RESTART, requested_by=None, credential=SYSTEM.credential
    )


def _exhausted(unikernel: Unikernel, outage: datetime) -> bool:
    since = min(outage, timezone.now() - DAY)
    return _automatic(unikernel).filter(created_at__gt=since).count() >= MOST


def _rested(unikernel: Unikernel) -> bool:
    """Whether the pause since the last automatic restart is over; it grows with each of a day."""
    now = timezone.now()
    recent = list(
        _automatic(unikernel)
        .filter(created_at__gt=now - DAY)
        .order_by("-created_at")
        .values_list("created_at", flat=True)
    )
    return not recent or now - recent[0] >= PAUSES[min(len(recent), len(PAUSES) - 1)]


def _tell_once(unikernel: Unikernel, outage: datetime, reason: str) -> None:
    subject = f"unikernel:{unikernel.pk}"
    if not Event.objects.filter(subject=subject, kind=NOT_RESTARTED, at__gte=outage).exists():
        record(
            actor=SYSTEM,
            kind=NOT_RESTARTED,
            subject=subject,
            team=unikernel.team,
            instance=unikernel.instance,
            reason=reason,
        )
