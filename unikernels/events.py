"""Events about what a team has on an instance: which, whose and where is told the same way everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from django.db.models import CharField, Exists, OuterRef, Value
from django.db.models.functions import Cast, Concat

from accounts.actors import Actor
from accounts.events import record
from accounts.models import Event, Quota
from unikernels.models import QuotaRequest, Unikernel

DISMISSED = "unikernel.dismissed"  # missing, and may stay so

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


def dismissed_since() -> Exists:
    """Of an operation that ended badly: whether its unikernel was dismissed afterwards."""
    subject = Concat(Value("unikernel:"), Cast(OuterRef("unikernel"), CharField()))
    found = Event.objects.filter(subject=subject, kind=DISMISSED, at__gt=OuterRef("finished_at"))
    return Exists(found)
