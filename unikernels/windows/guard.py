"""Watching over an open window: its checks every few seconds, and going back when they fail."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.actors import SYSTEM
from accounts.models import Event
from mollymawk.errors import ApplicationError, Conflict
from unikernels.checks import rounds
from unikernels.events import record_of
from unikernels.letters.operations import not_rolled_back
from unikernels.models import CheckResult, Operation, RollbackWindow, Unikernel
from unikernels.operations.judge import judge_window
from unikernels.operations.machine import Kind
from unikernels.operations.runner import timings
from unikernels.operations.services import rollback
from unikernels.webhooks import telling

Outcome = CheckResult.Outcome
NOT_BACK = "unikernel.not-rolled-back"
MOST = 500  # windows a sweep; the rest follows with the next


def due() -> list[int]:
    """The windows whose next round is due, each claimed: only one caller gets it."""
    now = timezone.now()
    gap = timedelta(seconds=timings().window_gap)
    found = RollbackWindow.objects.filter(due_at__lte=now).order_by("due_at")
    claimed = []
    for pk, due_at in found.values_list("pk", "due_at")[:MOST]:
        if RollbackWindow.objects.filter(pk=pk, due_at=due_at).update(due_at=now + gap):
            claimed.append(pk)
    return claimed


def watch(pk: int) -> Operation | None:
    """One round of the window *pk*: close it when its time is over, go back when it failed too often.

    Returns the rollback that was begun, if one was. While an operation is under way nothing is asked.
    """
    window = (
        RollbackWindow.objects.select_related(
            "unikernel__instance", "unikernel__team", "unikernel__current", "operation__target", "to"
        )
        .filter(pk=pk)
        .first()
    )
    if window is None or Operation.objects.filter(unikernel=window.unikernel, finished_at=None).exists():
        return None
    if window.until <= timezone.now():
        _close(window)
        return None
    outcome, text = _round(window)
    if outcome == Outcome.INCONCLUSIVE:
        return None
    waits = timings()
    results = [*window.results, outcome == Outcome.PASSED][-waits.window_results :]
    RollbackWindow.objects.filter(pk=pk).update(results=results)
    if not judge_window(results, waits) or _tried(window):
        return None
    return _go_back(window, text, results)


def _round(window: RollbackWindow) -> tuple[str, str]:
    """What the checks say; without any: does the very process that was verified still run?"""
    thing, waits = window.unikernel, timings()
    if rounds.configured(thing):
        found = rounds.run(thing, timeout=waits.check_timeout)
        return found.outcome, found.text
    may_exit = thing.current is not None and thing.current.configuration.get("may_exit", False)
    if thing.instance.stale or may_exit:
        return Outcome.INCONCLUSIVE, ""
    if thing.state != Unikernel.Presence.RUNNING:
        return Outcome.FAILED, "It does not run any more."
    if thing.started != window.started:
        return Outcome.FAILED, "It was started again since."
    return Outcome.PASSED, ""


def _tried(window: RollbackWindow) -> bool:
    """Whether it was begun already and ended without an effect: the rest is for people."""
    since = window.operation.finished_at
    return Operation.objects.filter(
        unikernel=window.unikernel, kind=Kind.ROLLBACK, credential=SYSTEM.credential, created_at__gte=since
    ).exists()


def _go_back(window: RollbackWindow, text: str, results: list[bool]) -> Operation | None:
    failed = results.count(False)
    number = window.operation.target.number if window.operation.target else ""
    cause = f"Version {number} failed {failed} of the last {len(results)} rounds: {text}"
    try:
        return rollback(actor=SYSTEM, unikernel=window.unikernel, cause=cause)
    except Conflict:
        return None  # somebody else began something: what it leaves is looked at anew
    except ApplicationError as error:
        _not_back(window, f"{cause} It cannot be taken back: {error}")
        return None


def _not_back(window: RollbackWindow, reason: str) -> None:
    """Told once a window, and by mail: a version that fails goes on running."""
    told = Event.objects.filter(
        subject=f"unikernel:{window.unikernel_id}", kind=NOT_BACK, at__gte=window.operation.finished_at
    )
    if told.exists():
        return
    with transaction.atomic():
        _tell(window, NOT_BACK, reason)
        not_rolled_back(window, reason)
        telling.not_reverted(window, reason)


def _close(window: RollbackWindow) -> None:
    with transaction.atomic():
        if RollbackWindow.objects.filter(pk=window.pk, until=window.until).delete()[0]:
            _tell(
                window, "unikernel.window-closed", f"The way back to version {window.to.number} by one press."
            )


def _tell(window: RollbackWindow, kind: str, reason: str) -> None:
    thing = window.unikernel
    record_of(
        thing,
        actor=SYSTEM,
        kind=kind,
        reason=reason,
    )
