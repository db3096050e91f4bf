"""Steps a block transfer under its lease, and writes what each step found, in one transaction."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.actors import SYSTEM
from accounts.events import record
from unikernels.blocks.machine import TABLES, follow
from unikernels.blocks.moving import STEPS, Transfer
from unikernels.letters.operations import operation_ended
from unikernels.models import Operation
from unikernels.operations.judge import Timings
from unikernels.operations.lease import Lease
from unikernels.operations.machine import TERMINAL, Event, State
from unikernels.operations.work import Outcome
from unikernels.webhooks import telling


def run(pk: int, lease: Lease, waits: Timings) -> float | None:
    """Take transfer *pk* as far as it goes now; the seconds until it is due again, None at its end.

    Raises ``LeaseLost``.
    """
    while True:
        lease.cancellable = False
        lease.guard()
        work = Transfer(_row(pk), lease, waits, time.time())
        outcome = _interruption(work) or STEPS[work.kind][work.state](work)
        if _write(work, outcome) in TERMINAL:
            return None
        if outcome.wait > 0:
            return outcome.wait


def _row(pk: int) -> Operation:
    return Operation.objects.select_related("block__instance", "instance", "team", "requested_by").get(pk=pk)


def _interruption(work: Transfer) -> Outcome | None:
    """What goes before the step: a write whose holder vanished, the deadline, a cancel."""
    operation, memo = work.operation, work.memo
    if work.state is State.SWAP and operation.armed_at is not None:
        # How far it came is not known: never sent again, but read and compared.
        return Outcome(Event.SENT, memo, "Whoever wrote it was interrupted.")
    possible = TABLES[work.kind][work.state]
    if timezone.now() >= operation.deadline_at and Event.EXPIRED in possible:
        changed = f" {work.changed()}" if work.state is State.PROVE else ""
        return Outcome(Event.EXPIRED, memo, f"The time for it ran out.{changed}")
    if operation.cancel_asked_at is not None and Event.CANCEL in possible:
        return Outcome(Event.CANCEL, memo, "It was cancelled.")
    return None


def _write(work: Transfer, outcome: Outcome) -> State:
    """Follow the table and write it all. Raises ``LeaseLost`` (nothing is written)."""
    state = follow(work.kind, work.state, outcome.event)
    ended = state in TERMINAL
    waiting = outcome.event in {Event.WAIT, Event.NOT_SENT}
    memo = replace(
        outcome.memo, note=outcome.reason if waiting else "", ended_in=work.state.value if ended else ""
    )
    fields: dict[str, Any] = {
        "state": state,
        "memo": memo.to_json(),
        "due_at": datetime.fromtimestamp(work.now + outcome.wait, UTC),
    }
    if state is State.SWAP:
        fields["armed_at"] = None
    if ended:
        fields |= {"finished_at": timezone.now(), "reason": _reason(state, outcome)}
    with transaction.atomic(durable=True):
        work.lease.write(**fields)
        if state is not work.state or outcome.event is Event.NOT_SENT:
            _note(work, state, outcome)
        if ended:
            _told(work.operation.pk)
    return state


def _reason(state: State, outcome: Outcome) -> str:
    return "" if state is State.SUCCEEDED else outcome.reason


def _told(pk: int) -> None:
    ended = _row(pk)
    operation_ended(ended)
    telling.operation_ended(ended)


def _note(work: Transfer, state: State, outcome: Outcome) -> None:
    operation = work.operation
    data: Mapping[str, Any] = {"kind": operation.kind, "event": outcome.event.value}
    record(
        actor=SYSTEM,
        kind="operation.state",
        subject=f"block:{operation.block_id}" if operation.block_id else "",
        operation=operation.pk,
        team=operation.team,
        instance=operation.on,
        was=work.state.value,
        now=state.value,
        reason=outcome.reason,
        data=dict(data),
    )
