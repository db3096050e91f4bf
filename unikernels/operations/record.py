"""Writing what a step found: the row, its event and, at the end, the unikernel, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from accounts.actors import SYSTEM
from accounts.events import record
from unikernels.letters.operations import operation_ended
from unikernels.models import Operation, Unikernel, Version
from unikernels.operations.facts import Memo, Sight
from unikernels.operations.machine import (
    TERMINAL,
    Event,
    Kind,
    Leg,
    Running,
    State,
    follow,
)
from unikernels.operations.work import Outcome, Work
from unikernels.webhooks import telling
from unikernels.windows.opening import settle_window


def write(work: Work, outcome: Outcome) -> State:
    """Follow the table with *outcome* and write it all; the state that follows.

    Raises ``LeaseLost`` (nothing is written) and ``IllegalEvent`` (a mistake of ours).
    """
    leg, state = follow(work.leg, work.state, outcome.event)
    turning = leg is Leg.BACK and work.leg is not Leg.BACK
    memo = outcome.memo.for_way_back(_cause(work, outcome)) if turning else outcome.memo
    waiting = outcome.event in {Event.WAIT, Event.NOT_SENT}
    memo = replace(
        memo, note=outcome.reason if waiting else "", ended_in=work.state.value if state in TERMINAL else ""
    )
    fields: dict[str, Any] = {
        **outcome.fields,
        "state": state,
        "memo": memo.to_json(),
        "due_at": _due(work, outcome),
    }
    if state in {State.SWAP, State.RESEND}:
        fields["armed_at"] = None
    if turning:
        fields["going_back"] = True
        fields["deadline_at"] = _moment(work.now + work.timings.back_limit)
    if state in TERMINAL:
        fields |= _ending(work, state, outcome, memo)
    with transaction.atomic(durable=True):  # nobody calls this, and so the network, inside a transaction
        work.lease.write(**fields)
        if state in TERMINAL:
            _settle(work, state, memo, fields)
        if state is not work.state or turning or outcome.event is Event.NOT_SENT:
            _note(work, state, outcome, turning=turning)
    return state


def _due(work: Work, outcome: Outcome) -> datetime:
    return _moment(work.now + outcome.wait)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _cause(work: Work, outcome: Outcome) -> str:
    if outcome.event is Event.CANCEL:
        return "It was cancelled."
    if outcome.event is Event.EXPIRED:
        return "The time for it ran out."
    return outcome.reason or outcome.memo.answer_text or "It did not work."


def _ending(work: Work, state: State, outcome: Outcome, memo: Memo) -> dict[str, Any]:
    running = _running(memo, outcome.event) if state is State.FAILED else ""
    return {
        "finished_at": _moment(work.now),
        "reason": _reason(work, state, outcome, memo),
        "running": running,
    }


def _reason(work: Work, state: State, outcome: Outcome, memo: Memo) -> str:
    text = outcome.reason
    if outcome.event is Event.EXPIRED:
        text = outcome.reason or "The time for it ran out."
    if work.leg is Leg.BACK:
        return f"{memo.cause} {text}".strip() if text != memo.cause else text
    return "" if state is State.SUCCEEDED else text


def _running(memo: Memo, event: Event) -> Running:
    """Does something run under the name? Only what the very last look showed is known."""
    if event is Event.UNKNOWABLE:
        return Running.UNKNOWN
    if memo.looks and memo.tries:
        return Running.UNKNOWN  # it could not be reached since: what was sent before may have come true
    processes = {look.started for look in memo.looks[-2:]}
    if len(processes) > 1 and None not in processes:
        return Running.UNKNOWN  # another one at each look: what the next shows, nobody knows
    if memo.looks:
        return _SHOWN.get(memo.looks[-1].sight, Running.YES)
    # Nothing was sent since preflight looked, and the instance could be reached ever since.
    untouched = memo.sends == 0 and memo.before is not None and memo.tries == 0
    return Running.YES if untouched else Running.UNKNOWN


_SHOWN = {Sight.NOTHING: Running.NO, Sight.DARK: Running.UNKNOWN}


def _settle(work: Work, state: State, memo: Memo, ending: Mapping[str, Any]) -> None:
    """What the end of an operation means for its unikernel."""
    unikernel = Unikernel.objects.get(pk=work.unikernel.pk)
    fields: dict[str, Any] = {}
    if state is State.SUCCEEDED:
        fields = _succeeded(work, unikernel)
    elif state is State.ROLLED_BACK:
        fields = {"unstable": True, "current": work.operation.fallback, "changed_outside": False}
        _ran(work.operation.fallback, work.now)
    elif state is State.FAILED:
        fields = {"unstable": True} | _failed(work, memo, ending["running"])
    if fields.get("state", unikernel.state) != unikernel.state:
        fields["state_since"] = _moment(work.now)
    if fields:
        Unikernel.objects.filter(pk=unikernel.pk).update(**fields)
    settle_window(work, state)
    ended = Operation.objects.select_related("unikernel__instance", "unikernel__team", "team").get(
        pk=work.operation.pk
    )
    operation_ended(ended)
    telling.operation_ended(ended)


def _succeeded(work: Work, unikernel: Unikernel) -> dict[str, Any]:
    presence = Unikernel.Presence
    if work.kind is Kind.DESTROY:
        return {"state": presence.STOPPED, "unstable": False, "changed_outside": False}
    _ran(work.operation.target, work.now)
    fields: dict[str, Any] = {"current": work.operation.target, "unstable": False, "changed_outside": False}
    gone = work.memo.looks and work.memo.looks[-1].sight is Sight.NOTHING  # one that may exit, and did
    return fields | {"state": presence.STOPPED if gone else presence.RUNNING}


def _failed(work: Work, memo: Memo, running: str) -> dict[str, Any]:
    if running == Running.NO:
        return {"state": Unikernel.Presence.MISSING}
    last = memo.looks[-1] if memo.looks else None
    if last is not None and last.sight is Sight.TARGET:
        return {"current": work.wanted, "state": Unikernel.Presence.RUNNING}
    return {}


def _ran(version: Version | None, now: float) -> None:
    if version is not None:
        Version.objects.filter(pk=version.pk, ran_at=None).update(ran_at=_moment(now))


def _note(work: Work, state: State, outcome: Outcome, *, turning: bool) -> None:
    operation: Operation = work.operation
    record(
        actor=SYSTEM,
        kind="operation.goes-back" if turning else "operation.state",
        subject=f"unikernel:{work.unikernel.pk}",
        operation=operation.pk,
        team=operation.team,
        instance=work.instance,
        was=work.state.value,
        now=state.value,
        reason=outcome.reason or (_cause(work, outcome) if turning else ""),
        data={"kind": operation.kind, "event": outcome.event.value},
    )
