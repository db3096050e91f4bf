"""Events about what a team has on an instance: which, whose and where is told the same way everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from accounts.actors import Actor
from accounts.events import record
from accounts.models import Event, Quota
from unikernels.models import QuotaRequest, Unikernel

_WORDS = {Unikernel: "unikernel", Quota: "quota", QuotaRequest: "quota-request"}


class Said(TypedDict, total=False):
    """What else an event may say; see ``accounts.events.record``."""

    operation: int | None
    was: str
    now: str
    reason: str
    data: Mapping[str, Any] | None


def record_of(
    thing: Unikernel | Quota | QuotaRequest, *, actor: Actor, kind: str, **more: Unpack[Said]
) -> Event:
    """Append one event: *actor* did *kind* to *thing*."""
    return record(
        actor=actor,
        kind=kind,
        subject=f"{_WORDS[type(thing)]}:{thing.pk}",
        team=thing.team,
        instance=thing.instance,
        **more,
    )
