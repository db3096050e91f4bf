"""Events about one unikernel: what it is, whose and where is told the same way everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from accounts.actors import Actor
from accounts.events import record
from accounts.models import Event
from unikernels.models import Unikernel


class Said(TypedDict, total=False):
    """What else an event may say; see ``accounts.events.record``."""

    operation: int | None
    was: str
    now: str
    reason: str
    data: Mapping[str, Any] | None


def record_of(unikernel: Unikernel, *, actor: Actor, kind: str, **more: Unpack[Said]) -> Event:
    """Append one event: *actor* did *kind* to *unikernel*."""
    return record(
        actor=actor,
        kind=kind,
        subject=f"unikernel:{unikernel.pk}",
        team=unikernel.team,
        instance=unikernel.instance,
        **more,
    )
