"""Going back while the rollback window is open: one press, by a person or by the window's guard."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from accounts.actors import Actor, require
from accounts.scopes import Scope
from mollymawk.errors import Refused
from unikernels.images import store
from unikernels.models import Operation, RollbackWindow, Unikernel
from unikernels.operations.machine import Kind, State
from unikernels.operations.plan import Plan
from unikernels.operations.services.asking import (
    ACCEPTABLE,
    UNMANAGED,
    Request,
    begin,
    nothing_under_way,
    ours,
)
from unikernels.operations.services.placing import describe_changes, proof_of, short
from unikernels.versions import configuration_of


def plan_rollback(*, actor: Actor, unikernel: Unikernel) -> Plan:
    """What going back would do; nothing is changed. Raises as ``rollback``."""
    require(actor, unikernel.team, Scope.UPGRADE, unikernel=unikernel.name)
    nothing_under_way(unikernel)
    window = _open_window(unikernel)
    current = ours(unikernel)
    changes = describe_changes(configuration_of(current), configuration_of(window.to))
    if current.digest != window.to.digest:
        changes["image"] = (short(current.digest), short(window.to.digest))
    steps = (
        f"put version {window.to.number} back, whose bytes are held here",
        proof_of(unikernel),
    )
    return Plan(steps=steps, changes=changes)


def rollback(*, actor: Actor, unikernel: Unikernel, cause: str = "") -> Operation:
    """Put back what ran before the upgrade. *cause*: why, when the window's guard asks.

    Nothing that could be asked stops it (no checks before, no question). Raises ``Refused`` when no
    window is open, ``Conflict`` when something is under way.
    """
    require(actor, unikernel.team, Scope.UPGRADE, unikernel=unikernel.name)
    with transaction.atomic():
        unikernel = Unikernel.objects.select_related("instance", "team", "current").get(pk=unikernel.pk)
        nothing_under_way(unikernel)
        window = _open_window(unikernel)
        if not store.held(window.to.digest):
            raise Refused(f"The bytes of version {window.to.number} are not in the store.")
        request = Request(unikernel, Kind.ROLLBACK, window.to, ours(unikernel), ACCEPTABLE, cause)
        return begin(actor, request)


def _open_window(unikernel: Unikernel) -> RollbackWindow:
    if unikernel.team is None:
        raise Refused(UNMANAGED)
    window = RollbackWindow.objects.filter(unikernel=unikernel).select_related("to__image").first()
    if window is not None and window.until > timezone.now():
        return window
    raise Refused(_why_closed(unikernel))


def _why_closed(unikernel: Unikernel) -> str:
    last = unikernel.operations.select_related("target", "fallback").first()
    back = last and ((last.kind == Kind.ROLLBACK and last.target) or last.fallback)
    went = last and (
        last.state == State.ROLLED_BACK or (last.kind, last.state) == (Kind.ROLLBACK, State.SUCCEEDED)
    )
    if back and went:
        return f"It went back already: version {back.number} runs."
    return "There is nothing to roll back: no rollback window is open. A kept version can be put in place instead."
