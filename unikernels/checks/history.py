"""The ups and downs of a check, read from the events: they stay when single results are pruned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Event
from unikernels.models import Check

State = Check.State

FLIPS = {State.UP: "check.up", State.DOWN: "check.down", State.UNKNOWN: "check.unknown"}
MAX_FLIPS = 10_000  # that are read for an uptime: one each few minutes for a month


@dataclass(frozen=True, slots=True)
class Span:
    """A time through which a check stood the same. ``ended`` is empty for how it stands now.

    ``text`` says what began it.
    """

    state: State
    began: datetime
    ended: datetime | None
    text: str

    @property
    def seconds(self) -> float:
        """How long it lasted, or has lasted until now."""
        return ((self.ended or timezone.now()) - self.began).total_seconds()


def history(check: Check, limit: int = 50) -> list[Span]:
    """Its ups and downs, newest first, at most *limit*; empty before the first conclusive result."""
    return list(_spans(_flips(check)[:limit]))


def uptime(check: Check, days: int) -> float | None:
    """The share of the last *days* in which it was up, 0 to 1, of the time in which that was known.

    None when nothing was known.
    """
    now = timezone.now()
    since = now - timedelta(days=days)
    known = {State.UP: 0.0, State.DOWN: 0.0}
    for span in _spans(_flips(check)[:MAX_FLIPS].iterator()):
        end = span.ended or now
        if end <= since:
            break
        if span.state in known:
            known[span.state] += (end - max(span.began, since)).total_seconds()
    total = sum(known.values())
    return known[State.UP] / total if total > 0 else None


def _flips(check: Check) -> QuerySet[Event]:
    return Event.objects.filter(
        subject=f"unikernel:{check.unikernel_id}", kind__in=FLIPS.values(), data__check=check.pk
    ).order_by("-id")


def _spans(flips: QuerySet[Event] | Iterator[Event]) -> Iterator[Span]:
    """The spans that *flips* (newest first) began."""
    ended = None
    for flip in flips:
        yield Span(State(flip.now), flip.at, ended, flip.data.get("text", ""))
        ended = flip.at
