"""Operations that ended, written straight into the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from tests.api.house import House, report, under_way
from unikernels.configuration import from_info
from unikernels.letters.operations import operation_ended
from unikernels.models import Operation, RollbackWindow, Unikernel, Version
from unikernels.operations.facts import Memo
from unikernels.operations.machine import Kind, State
from unikernels.versions import version_add

CONSOLE = ("Solo5: Bindings version v0.9.0", "starting with --password=swordfish", "no SOA record")


def ended(house: House, kind: Kind, state: State, running: str = "", **facts: Any) -> Operation:
    """An operation on ``hello`` that ended so, with its letters written."""
    operation = under_way(
        house.unikernel,
        kind=kind,
        state=state,
        running=running,
        target=_version(house, kind),
        fallback=None if kind is Kind.DEPLOY else house.version,
        going_back=state is State.ROLLED_BACK,
        finished_at=timezone.now(),
        **{"reason": "" if state is State.SUCCEEDED else "It did not answer."} | facts,
        memo=_memo(state),
    )
    with transaction.atomic():
        operation_ended(_read(operation))
    return _read(operation)


def _read(operation: Operation) -> Operation:
    return Operation.objects.select_related("unikernel__instance", "unikernel__team", "team").get(
        pk=operation.pk
    )


def _memo(state: State) -> dict[str, Any]:
    memo = Memo(ended_in=State.PROVE.value)
    worse = state in {State.ROLLED_BACK, State.FAILED}
    return replace(memo, console=CONSOLE if worse else ()).to_json()


def _version(house: House, kind: Kind) -> Version:
    if kind in {Kind.RESTART, Kind.DESTROY}:
        return house.version
    return version_add(
        unikernel=house.unikernel,
        digest=house.image.image.digest,
        image=house.image.image,
        configuration=from_info(report(house.image.image)),
        origin=Version.Origin.UPLOAD,
        user=None,
    )


def window(operation: Operation) -> None:
    """The rollback window that *operation* opened."""
    assert operation.fallback is not None
    RollbackWindow.objects.create(
        unikernel=Unikernel.objects.get(operations=operation),
        to=operation.fallback,
        operation=operation,
        until=timezone.now() + timedelta(minutes=10),
        due_at=timezone.now(),
    )
