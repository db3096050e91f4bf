"""Opening and closing the window, at the end of an operation and in its transaction (design rule 9)."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from unikernels.models import Operation, RollbackWindow
from unikernels.operations.facts import Sight
from unikernels.operations.machine import Kind, State
from unikernels.operations.work import Work
from unikernels.webhooks import telling

UNTOUCHED = frozenset({State.ABORTED, State.CANCELLED})
OPENS = frozenset({Kind.UPGRADE, Kind.CONFIGURE})


def settle_window(work: Work, state: State) -> None:
    """What the end of an operation means for the window of its unikernel.

    A restart keeps it; any other change closes it; an upgrade or configure that succeeded opens a new one.
    """
    windows = RollbackWindow.objects.filter(unikernel=work.unikernel)
    if state in UNTOUCHED:
        return
    if work.kind is Kind.RESTART and state is State.SUCCEEDED:
        windows.update(started=_started(work), results=[])
        return
    if work.kind is Kind.ROLLBACK:
        _revert(windows)
    windows.delete()
    if state is State.SUCCEEDED and work.kind in OPENS:
        _open(work)


def _revert(windows: QuerySet[RollbackWindow]) -> None:
    taken_back = Operation.objects.filter(pk__in=windows.values("operation"))
    taken_back.update(reverted=True)
    for operation in taken_back.select_related("unikernel__instance", "team", "target", "fallback"):
        telling.operation_reverted(operation)


def _open(work: Work) -> None:
    fallback, seconds = work.operation.fallback, settings.ROLLBACK_WINDOW_SECONDS
    if fallback is None or fallback.image_id is None or not seconds:
        return  # going on without a way back was accepted
    now = timezone.now()
    RollbackWindow.objects.create(
        unikernel=work.unikernel,
        to=fallback,
        operation=work.operation,
        until=now + timedelta(seconds=seconds),
        started=_started(work),
        due_at=now + timedelta(seconds=work.timings.window_gap),
    )


def _started(work: Work) -> int | None:
    """The process that was verified."""
    seen = [look.started for look in work.memo.looks if look.sight is Sight.TARGET]
    return seen[-1] if seen else work.unikernel.started
