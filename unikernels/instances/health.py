"""What each look at an instance leaves behind: its status, the incidents, and when to look again.

The circuit breaker is a time in the row: whoever watches asks no earlier. It delays looks, never an
operation. Called inside the transaction that writes what the look found.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, QuerySet

from accounts.actors import SYSTEM
from accounts.events import record
from albatross.models import Incident, Instance
from unikernels.instances.troubles import sentence, trouble_of

FIRST_PAUSE = 10.0  # seconds; a restart of the daemons is over by then
LONGEST_PAUSE = 300.0  # seconds; somebody who repairs an instance presses retry
JITTER = 0.2  # share of a pause, so that instances which failed together are not asked together
GOLDEN = 0.6180339887498949  # its multiples, without their whole part, lie well apart from each other


class NotWatched(Exception):
    """The watcher that looked does not hold the instance any more: what it saw is not written."""


def pause_after(failures: int, chance: float) -> float:
    """Seconds until the next look after so many *failures* in a row; *chance* lies in [0, 1)."""
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 10))
    return pause * (1 + JITTER * (2 * chance - 1))


def next_look(at: datetime, every: float, key: int) -> datetime:
    """When to look again, *every* so many seconds, after a look at *at* that succeeded.

    Each instance (its *key*) has its own moment in the interval, so that many are never looked at all at
    once. It is the first one that lies half an interval or more ahead.
    """
    earliest = at.timestamp() + every / 2
    return at + timedelta(seconds=every / 2 + (key * GOLDEN % 1 * every - earliest) % every)


def mark_seen(instance: Instance, at: datetime, *, watcher: str | None = None) -> None:
    """A look at *at* (its start) succeeded. Raises ``NotWatched`` when *watcher* lost the instance."""
    before = _write(
        instance,
        watcher,
        status=Instance.Status.ONLINE,
        trouble=Instance.Trouble.NONE,
        trouble_text="",
        degraded_since=None,
        seen_at=at,
        failures=0,
        next_look_at=next_look(at, settings.INVENTORY_SECONDS, instance.pk),
    )
    if before == Instance.Status.DEGRADED:
        Incident.objects.filter(instance=instance, ended_at=None).update(ended_at=at)
        _tell(instance, "instance.recovered", was=before)
    elif before == Instance.Status.UNKNOWN:
        _tell(instance, "instance.online", was=before)


def mark_degraded(instance: Instance, error: Exception, at: datetime, *, watcher: str | None = None) -> None:
    """A look failed with *error*. Raises ``NotWatched`` when *watcher* lost the instance."""
    trouble, text = trouble_of(error), sentence(error)
    known, failures = instance.trouble, instance.failures + 1
    before = _write(
        instance,
        watcher,
        status=Instance.Status.DEGRADED,
        trouble=trouble,
        trouble_text=text,
        degraded_since=instance.degraded_since or at,
        failures=failures,
        next_look_at=at + timedelta(seconds=pause_after(failures, random.random())),  # noqa: S311 - no secret
    )
    _note_incident(instance, trouble, text, at)
    if before != Instance.Status.DEGRADED or known != trouble:
        _tell(instance, "instance.degraded", was=known or before, now=trouble, reason=text)


def _write(instance: Instance, watcher: str | None, **fields: Any) -> str:
    """Write *fields*, also into *instance*; the status before."""
    before = instance.status
    row: QuerySet[Instance] = Instance.objects.filter(pk=instance.pk)
    if watcher is not None:
        row = row.filter(watcher=watcher)
    if not row.update(**fields):
        raise NotWatched
    for name, value in fields.items():
        setattr(instance, name, value)
    return before


def _note_incident(instance: Instance, trouble: Instance.Trouble, text: str, at: datetime) -> None:
    unfinished = Incident.objects.filter(instance=instance, ended_at=None)
    unfinished.exclude(trouble=trouble).update(ended_at=at)
    if not unfinished.filter(trouble=trouble).update(count=F("count") + 1, last_at=at, text=text):
        Incident.objects.create(instance=instance, trouble=trouble, text=text, first_at=at, last_at=at)


def _tell(instance: Instance, kind: str, *, was: str, now: str = "", reason: str = "") -> None:
    record(
        actor=SYSTEM,
        kind=kind,
        subject=f"instance:{instance.pk}",
        instance=instance,
        was=was,
        now=now or instance.status,
        reason=reason,
    )
