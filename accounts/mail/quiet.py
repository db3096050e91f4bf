"""Quiet hours: alerts wait until their end. Other letters do not."""

from __future__ import annotations

from datetime import datetime, time
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from django.db import transaction

from accounts.actors import Actor
from accounts.events import record
from accounts.mail.models import QuietHours
from accounts.models import User
from mollymawk.errors import Invalid

_NOWHERE = frozenset({"Factory", "localtime"})  # in the database of zones, and not a place


def quiet_now(user: User, now: datetime) -> bool:
    """Whether *user* is to be left alone at *now*."""
    hours = getattr(user, "quiet_hours", None)
    if hours is None:
        return False
    try:
        zone = ZoneInfo(hours.zone)
    except ZoneInfoNotFoundError:  # it left the database of zones: better heard than lost
        return False
    return within(hours.start, hours.end, now.astimezone(zone).time())


def within(start: time, end: time, clock: time) -> bool:
    """Whether *clock* lies in [*start*, *end*), which may go over midnight."""
    if start <= end:
        return start <= clock < end
    return clock >= start or clock < end


def quiet_set(*, user: User, start: str, end: str, zone: str, actor: Actor | None = None) -> None:
    """*user* is left alone from *start* to *end* (``22:00``) in *zone*; both empty: never.

    *actor* is the person unless said otherwise. Raises ``Invalid``.
    """
    with transaction.atomic():
        was = QuietHours.objects.filter(user=user).first()
        _set(user, start, end, zone)
        now = QuietHours.objects.filter(user=user).first()
        if _told(was) != _told(now):
            record(
                actor=actor or Actor(user, "session"),
                kind="user.quiet-hours",
                subject=f"user:{user.pk}",
                was=_told(was),
                now=_told(now),
            )


def _told(hours: QuietHours | None) -> str:
    return f"{hours.start:%H:%M} to {hours.end:%H:%M} {hours.zone}" if hours else "none"


def _set(user: User, start: str, end: str, zone: str) -> None:
    if not start and not end:
        QuietHours.objects.filter(user=user).delete()
        return
    hours = {"start": _clock(start), "end": _clock(end)}
    if hours["start"] == hours["end"]:
        raise Invalid("Quiet hours end at another time than they begin. Leave both empty for none.")
    if zone not in zones():
        raise Invalid("Give a time zone of the list, such as Europe/Berlin.")
    QuietHours.objects.update_or_create(user=user, defaults={**hours, "zone": zone})


def _clock(text: str) -> time:
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - a clock on the wall, its zone is apart
    except ValueError:
        raise Invalid("Give both times of the quiet hours, such as 22:00 and 07:00.") from None


@cache
def zones() -> tuple[str, ...]:
    """All time zones that there are, by name."""
    return tuple(sorted(available_timezones() - _NOWHERE))
