"""Crash loops: a unikernel that is started again and again, and not because anybody here asked for it.

What is compared is the start that the instance reports, for equality only; when it was seen is told by
our clock. A unikernel that ends at once has another start at each look.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from accounts.actors import SYSTEM
from albatross.models import STALE_AFTER, Instance
from unikernels.events import record_of
from unikernels.models import Operation, Unikernel
from unikernels.statistics.models import Starts

MANY = 3  # starts
WINDOW = timedelta(minutes=10)  # in which they make a loop; and without one of which it is over
MAX_SEEN = 60  # starts that are remembered: one at each look in that time


def within(seen: Sequence[float], at: datetime) -> list[float]:
    """The starts of *seen* (s since 1970) that are still counted at the time *at* (pure)."""
    oldest = (at - WINDOW).timestamp()
    return [one for one in seen if one >= oldest][-MAX_SEEN:]


def started_again(unikernel: Unikernel, at: datetime) -> None:
    """*unikernel* was seen at the time *at* with another start than before."""
    if _asked_for(unikernel, at):
        return
    starts, _ = Starts.objects.get_or_create(unikernel=unikernel)
    starts.seen = within([*starts.seen, at.timestamp()], at)
    starts.last_at = at
    begins = starts.looping_since is None and len(starts.seen) >= MANY
    if begins:
        starts.looping_since = at
    starts.save(update_fields=["seen", "last_at", "looping_since"])
    if begins:
        reason = f"Started {len(starts.seen)} times within 10 minutes, and nobody here asked for it."
        _tell(unikernel, "unikernel.crash-loop", reason)


def calm_down(instance: Instance, at: datetime) -> None:
    """End the loops on *instance* of what was not started again for ten minutes."""
    over = Starts.objects.filter(
        unikernel__instance=instance, looping_since__isnull=False, last_at__lt=at - WINDOW
    )
    for starts in over.select_related("unikernel__team", "unikernel__instance"):
        if Starts.objects.filter(pk=starts.pk, last_at=starts.last_at).update(looping_since=None, seen=[]):
            _tell(starts.unikernel, "unikernel.crash-loop-over", "Not started again for 10 minutes.")


def _asked_for(unikernel: Unikernel, at: datetime) -> bool:
    """Whether an operation is, or was a moment ago, at work on it: its starts are no crashes."""
    at_work = Q(finished_at=None) | Q(finished_at__gt=at - STALE_AFTER)
    return Operation.objects.filter(at_work, unikernel=unikernel).exists()


def _tell(unikernel: Unikernel, kind: str, reason: str) -> None:
    record_of(
        unikernel,
        actor=SYSTEM,
        kind=kind,
        reason=reason,
    )
