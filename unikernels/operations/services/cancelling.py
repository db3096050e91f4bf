"""Asking for the end of an operation."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from accounts.actors import Actor, require
from accounts.scopes import Scope
from mollymawk.errors import Conflict, Refused
from unikernels.models import Operation
from unikernels.operations import tasks
from unikernels.operations.machine import (
    BEFORE_COMMIT,
    TERMINAL,
    TRANSFERS,
    TRANSITIONS,
    Event,
    Kind,
    State,
)
from unikernels.operations.services.asking import asked
from unikernels.operations.work import leg_of


def cancel(*, actor: Actor, operation: Operation) -> Operation:
    """Ask for the end of an operation: before the commit point nothing is touched, after it it goes back.

    Raises ``Refused`` when there is nothing to go back to, ``Conflict`` when it is over.
    """
    unikernel = operation.unikernel.name if operation.unikernel else None
    require(actor, operation.team, _scope_of(operation), unikernel=unikernel)
    with transaction.atomic():
        current = (
            Operation.objects.filter(pk=operation.pk)
            .select_related("unikernel__instance", "instance", "team")
            .get()
        )
        _cancellable(current)
        unasked = Operation.objects.filter(pk=current.pk, finished_at=None, cancel_asked_at=None)
        if unasked.update(cancel_asked_at=timezone.now(), due_at=timezone.now()):
            asked(actor, current, "operation.cancel-asked")
        transaction.on_commit(lambda: tasks.wake(current.pk))
    current.refresh_from_db()
    return current


def _scope_of(operation: Operation) -> Scope:
    """What began it, ends it."""
    if operation.kind in TRANSFERS:
        return Scope.BLOCKS
    return Scope.DEPLOY if operation.kind in {Kind.DEPLOY, Kind.DESTROY} else Scope.UPGRADE


def _cancellable(operation: Operation) -> None:
    state = State(operation.state)
    if state in TERMINAL:
        raise Conflict(f"This operation has ended: {state.value.replace('_', ' ')}.")
    if operation.kind in TRANSFERS:
        _stoppable(operation)
        return
    sent = operation.armed_at is not None or state not in BEFORE_COMMIT
    if operation.going_back or (sent and operation.kind == Kind.ROLLBACK):
        raise Refused("It is going back already; that is not stopped.")
    if Event.CANCEL not in TRANSITIONS[leg_of(operation)][state] or (sent and operation.fallback_id is None):
        raise Refused("It has been sent, and there is nothing to go back to. Destroy the unikernel instead.")


def _stoppable(operation: Operation) -> None:
    """A block transfer may be broken off also while it is written: what that means is told before."""
    if operation.state == State.PROVE:
        raise Refused("It is written already, and is only read again.")
