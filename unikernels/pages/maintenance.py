"""What a maintenance window means in days and hours: the next openings, and what a change of clocks does.

Everything is shown by the clock of the window's own zone and in UTC. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from unikernels.updates.calendar import Maintenance, next_opening, opened_at

OPENINGS = 3  # that are shown
LOOK_AHEAD = 366  # days in which a change of clocks is looked for
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Opening:
    """One opening; ``local`` and ``local_end`` by the clock of the zone, ``utc`` and ``utc_end`` in UTC."""

    local: datetime
    local_end: datetime
    utc: datetime
    utc_end: datetime
    under_way: bool = False

    @property
    def words(self) -> str:
        """``Tue 24 Nov 2026, 03:00 to 05:00 CET``."""
        return f"{self.local:%a %-d %b %Y, %H:%M} to {self.end_words}"

    @property
    def end_words(self) -> str:
        """``05:00 CET``, with the day where it is not the day on which it opened."""
        return f"{_end(self.local, self.local_end)} {self.local_end:%Z}"

    @property
    def elsewhere(self) -> bool:
        """Whether the clock of the zone shows something else than UTC."""
        return bool(_offset(self.local) or _offset(self.local_end))

    @property
    def utc_words(self) -> str:
        """``02:00 to 04:00 UTC``, with the day where it is another one."""
        day = "" if self.utc.date() == self.local.date() else f"{self.utc:%a} "
        return f"{day}{self.utc:%H:%M} to {_end(self.utc, self.utc_end)} UTC"


def _end(start: datetime, end: datetime) -> str:
    return f"{end:%H:%M}" if start.date() == end.date() else f"{end:%a %H:%M}"


@dataclass(frozen=True, slots=True)
class ClockChange:
    """The next change of the zone's clocks, and the opening of that day (None: there is none)."""

    before: datetime
    after: datetime
    opening: Opening | None

    @property
    def forward(self) -> bool:
        """Whether an hour is leapt over (or shown twice)."""
        return _offset(self.after) > _offset(self.before)

    @property
    def words(self) -> str:
        """When, which way and how far."""
        way = "forward" if self.forward else "back"
        shown = self.before + timedelta(minutes=1)
        return f"On {self.after:%a %-d %b %Y} clocks go {way}, from {shown:%H:%M} to {self.after:%H:%M}."

    @property
    def meaning(self) -> str:
        """What happens to the opening of that day."""
        if self.opening is None:
            return "It does not open on that day."
        return f"That day it is open from {self.opening.local:%H:%M %Z} to {self.opening.end_words}."


def openings(maintenance: Maintenance, now: datetime, count: int = OPENINGS) -> list[Opening]:
    """The opening that is under way at *now*, if any, and the next ones: *count* in all."""
    under_way = opened_at(maintenance, now)
    found = [_opening(maintenance, under_way, under_way=True)] if under_way else []
    for start in _following(maintenance, now):
        if len(found) >= count:
            return found
        found.append(_opening(maintenance, start))
    return found


def _following(maintenance: Maintenance, now: datetime) -> Iterator[datetime]:
    while True:
        now = next_opening(maintenance, now)
        yield now


def _opening(maintenance: Maintenance, start: datetime, *, under_way: bool = False) -> Opening:
    zone, end = ZoneInfo(maintenance.zone), start + maintenance.length
    return Opening(start.astimezone(zone), end.astimezone(zone), start, end, under_way)


def clock_change(maintenance: Maintenance, now: datetime) -> ClockChange | None:
    """The next change of clocks within a year of *now*, None: there is none."""
    zone = ZoneInfo(maintenance.zone)
    at = now.astimezone(UTC).replace(second=0, microsecond=0)
    for _ in range(LOOK_AHEAD):
        if _offset(at.astimezone(zone)) != _offset((at + DAY).astimezone(zone)):
            return _change(maintenance, _minute_of_change(at, at + DAY, zone), zone)
        at += DAY
    return None


def _minute_of_change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first minute (UTC) in (before, after] with the offset of *after*."""
    wanted = _offset(after.astimezone(zone))
    while after - before > timedelta(minutes=1):
        middle = before + timedelta(minutes=(after - before) // timedelta(minutes=2))
        if _offset(middle.astimezone(zone)) == wanted:
            after = middle
        else:
            before = middle
    return after


def _change(maintenance: Maintenance, at: datetime, zone: ZoneInfo) -> ClockChange:
    after = at.astimezone(zone)
    start = next_opening(maintenance, at - DAY)
    while start.astimezone(zone).date() < after.date():
        start = next_opening(maintenance, start)
    same_day = start.astimezone(zone).date() == after.date()
    before = (at - timedelta(minutes=1)).astimezone(zone)
    return ClockChange(before, after, _opening(maintenance, start) if same_day else None)


def _offset(moment: datetime) -> timedelta:
    offset = moment.utcoffset()
    assert offset is not None
    return offset
