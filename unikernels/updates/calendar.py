"""The maintenance window of a unikernel: when it may be upgraded by itself. Pure.

Said in the words of people: weekdays, a start by the clock on their wall, a length. As JSON::

    {"weekdays": [0, 5], "start": "03:00", "minutes": 120, "zone": "Europe/Berlin"}

Weekday 0 is Monday; it is the day on which a window opens, also when it ends on the next one.
Where clocks change:

* A start that the clock leaps over (02:30, when 02:00 is followed by 03:00) moves to the first
  moment after the leap.
* A start that the clock shows twice counts once: the first time.
* The length is time that passes, not a difference of what the clock shows: two hours are two hours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from mollymawk.errors import Invalid

MIN_MINUTES = 5  # the round comes by twice a minute; a shorter window could pass while it is late
MAX_MINUTES = 24 * 60  # a window that opens each day and lasts longer would lie over itself
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

# Days around a moment on which a window may have opened that is open then: as long as one lasts, and
# one more, because a whole day may be leapt over (Samoa in 2011) and dates differ around the world.
_DAYS_BACK = 3
_DAYS_AHEAD = 9  # one of the next seven days is a weekday of the window, with the same margin

CLOCK = "^([01][0-9]|2[0-3]):([0-5][0-9])$"
_CLOCK = re.compile(CLOCK)
_NOWHERE = frozenset({"Factory", "localtime"})  # in the database of zones, and not a place


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A valid maintenance window; make it with ``parse``."""

    weekdays: tuple[int, ...]
    start: str
    minutes: int
    zone: str

    def to_json(self) -> dict[str, Any]:
        """The form that is stored and sent."""
        return {
            "weekdays": list(self.weekdays),
            "start": self.start,
            "minutes": self.minutes,
            "zone": self.zone,
        }

    @property
    def length(self) -> timedelta:
        """How long it is open."""
        return timedelta(minutes=self.minutes)


def open_at(maintenance: Maintenance, now: datetime) -> bool:
    """Whether it is open at *now* (aware)."""
    return opened_at(maintenance, now) is not None


def opened_at(maintenance: Maintenance, now: datetime) -> datetime | None:
    """When (UTC) the window opened that is open at *now*; None while it is closed.

    It is open at its first moment, and closed at its last.
    """
    now = now.astimezone(UTC)  # compared as moments, whatever the zone it is written in
    starts = [start for start in _starts(maintenance, now) if start <= now < start + maintenance.length]
    return max(starts, default=None)


def closes_at(maintenance: Maintenance, now: datetime) -> datetime | None:
    """When (UTC) the window closes that is open at *now*; None while it is closed."""
    opened = opened_at(maintenance, now)
    return None if opened is None else opened + maintenance.length


def next_opening(maintenance: Maintenance, now: datetime) -> datetime:
    """The first opening (UTC) after *now*, also when it is open at *now*."""
    now = now.astimezone(UTC)
    return min(start for start in _starts(maintenance, now) if start > now)


def told(maintenance: Maintenance) -> str:
    """One line for people: ``Monday, Saturday at 03:00 for 2 h (Europe/Berlin)``."""
    every = len(maintenance.weekdays) == len(DAYS)
    days = "every day" if every else ", ".join(DAYS[day] for day in maintenance.weekdays)
    hours, minutes = divmod(maintenance.minutes, 60)
    parts = [f"{hours} h"] if hours else []
    parts += [f"{minutes} min"] if minutes else []
    return f"{days} at {maintenance.start} for {' '.join(parts)} ({maintenance.zone})"


def _starts(maintenance: Maintenance, now: datetime) -> Iterator[datetime]:
    """Every opening (UTC) from some days before *now* to some days after it."""
    zone = ZoneInfo(maintenance.zone)
    clock = time.fromisoformat(maintenance.start)
    today = now.astimezone(zone).date()
    for days in range(-_DAYS_BACK, _DAYS_AHEAD + 1):
        day = today + timedelta(days=days)
        if day.weekday() in maintenance.weekdays:
            yield _moment(day, clock, zone)


def _moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """When (UTC) the clock of *zone* shows this; the first time, or the end of the leap over it."""
    wall = datetime.combine(day, clock)
    moment = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return moment
    # Inside a leap the two readings lie around it: fold 1 before, fold 0 after (PEP 495).
    return _leap(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), moment, zone)


def _leap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first second in (before, after] at which the clock of *zone* goes as it does at *after*."""
    changed = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == changed:
            after = middle
        else:
            before = middle
    return after


# --- what people send ----------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def zones() -> tuple[str, ...]:
    """Every IANA zone that can be chosen, by name."""
    return tuple(sorted(available_timezones() - _NOWHERE))


def parse(data: object) -> Maintenance:
    """The window that *data* (see above) describes. Raises ``Invalid`` with every field that is wrong."""
    if not isinstance(data, Mapping):
        text = "A maintenance window has weekdays, start, minutes and zone."
        raise Invalid(text, fields={"maintenance": [text]})
    wrong = {name: [_HINTS[name]] for name, good in _GOOD.items() if not good(data.get(name))} | {
        str(name): ["There is no such field."] for name in data if name not in _GOOD
    }
    if wrong:
        raise Invalid("The maintenance window is not valid.", fields=wrong)
    return Maintenance(tuple(sorted(set(data["weekdays"]))), data["start"], data["minutes"], data["zone"])


def _whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _weekdays(value: object) -> bool:
    return isinstance(value, list | tuple) and 0 < len(value) <= 7 and all(_whole(day, 0, 6) for day in value)


_GOOD: Mapping[str, Callable[[Any], bool]] = {
    "weekdays": _weekdays,
    "start": lambda value: isinstance(value, str) and _CLOCK.fullmatch(value) is not None,
    "minutes": lambda value: _whole(value, MIN_MINUTES, MAX_MINUTES),
    "zone": lambda value: isinstance(value, str) and value in zones(),
}
_HINTS = {
    "weekdays": "At least one day, as numbers: 0 is Monday, 6 is Sunday.",
    "start": "A time of day, such as 03:00.",
    "minutes": f"{MIN_MINUTES} to {MAX_MINUTES} minutes.",
    "zone": "A time zone of the IANA database, such as Europe/Berlin.",
}
