"""Maintenance windows: what people say, and what it means where clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mollymawk.errors import Invalid
from unikernels.updates.calendar import (
    Maintenance,
    closes_at,
    next_opening,
    open_at,
    opened_at,
    parse,
    told,
    zones,
)

MINUTE = timedelta(minutes=1)
EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"


def window(
    start: str, zone: str, *, minutes: int = 120, weekdays: tuple[int, ...] = EVERY_DAY
) -> Maintenance:
    return parse({"weekdays": list(weekdays), "start": start, "minutes": minutes, "zone": zone})


def at(text: str, zone: str = "UTC", fold: int = 0) -> datetime:
    """A moment as the clock of a zone shows it; the second time with fold 1."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


# --- ordinary days -----------------------------------------------------------------------------------


def test_it_is_open_from_its_first_moment_until_right_before_its_last() -> None:
    nightly = window("03:00", BERLIN)
    opens = at("2026-06-10 03:00", BERLIN)
    assert not open_at(nightly, opens - MINUTE)
    assert open_at(nightly, opens)
    assert open_at(nightly, opens + 119 * MINUTE)
    assert not open_at(nightly, opens + 120 * MINUTE)


def test_it_tells_when_it_opened_and_closes() -> None:
    now = at("2026-06-10 04:00", BERLIN)
    assert opened_at(window("03:00", BERLIN), now) == at("2026-06-10 01:00")
    assert closes_at(window("03:00", BERLIN), now) == at("2026-06-10 03:00")
    assert closes_at(window("05:00", BERLIN), now) is None


def test_weekday_0_is_monday() -> None:
    assert next_opening(window("03:00", "UTC", weekdays=(0,)), at("2026-06-10 00:00")) == at(
        "2026-06-15 03:00"
    )
    assert at("2026-06-15 03:00").strftime("%A") == "Monday"


def test_it_belongs_to_the_day_on_which_it_opens() -> None:
    friday_night = window("23:00", BERLIN, weekdays=(4,))
    assert open_at(friday_night, at("2026-06-13 00:30", BERLIN))  # Saturday
    assert not open_at(friday_night, at("2026-06-12 00:30", BERLIN))  # Friday


def test_the_day_is_that_of_its_zone() -> None:
    monday = window("08:00", "Pacific/Auckland", weekdays=(0,))
    assert next_opening(monday, at("2026-06-12 00:00")) == at("2026-06-14 20:00")  # Sunday in UTC


def test_while_it_is_open_the_next_opening_is_the_one_after() -> None:
    assert next_opening(window("03:00", "UTC"), at("2026-06-10 03:00")) == at("2026-06-11 03:00")


def test_one_that_is_always_open_opens_anew_each_day() -> None:
    always = window("12:00", "UTC", minutes=24 * 60)
    assert opened_at(always, at("2026-06-10 11:59")) == at("2026-06-09 12:00")
    assert opened_at(always, at("2026-06-10 12:00")) == at("2026-06-10 12:00")


def test_on_a_short_day_it_opens_anew_while_it_is_still_open() -> None:
    always = window("12:00", BERLIN, minutes=24 * 60)
    assert opened_at(always, at("2026-03-29 12:30", BERLIN)) == at("2026-03-29 12:00", BERLIN)


# --- where clocks change -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "start", "night", "opens"),
    [
        (BERLIN, "02:00", "2026-03-29", "2026-03-29 01:00"),  # the first moment that is leapt over
        (BERLIN, "02:30", "2026-03-29", "2026-03-29 01:00"),
        (BERLIN, "02:59", "2026-03-29", "2026-03-29 01:00"),
        (BERLIN, "03:00", "2026-03-29", "2026-03-29 01:00"),
        (NEW_YORK, "02:30", "2026-03-08", "2026-03-08 07:00"),
        (LORD_HOWE, "02:00", "2026-10-04", "2026-10-03 15:30"),  # half an hour
        (LORD_HOWE, "02:29", "2026-10-04", "2026-10-03 15:30"),
        (LORD_HOWE, "02:30", "2026-10-04", "2026-10-03 15:30"),
    ],
)
def test_a_start_that_the_clock_leaps_over_moves_to_the_first_moment_after(
    zone: str, start: str, night: str, opens: str
) -> None:
    midnight = at(f"{night} 00:00", zone)
    assert next_opening(window(start, zone), midnight) == at(opens)


@pytest.mark.parametrize(
    ("zone", "start", "night", "opens"),
    [
        (BERLIN, "02:30", "2026-10-25", "2026-10-25 00:30"),
        (NEW_YORK, "01:30", "2026-11-01", "2026-11-01 05:30"),
        (LORD_HOWE, "01:45", "2026-04-05", "2026-04-04 14:45"),
    ],
)
def test_a_start_that_the_clock_shows_twice_counts_once_the_first_time(
    zone: str, start: str, night: str, opens: str
) -> None:
    nightly = window(start, zone, minutes=10)
    first = next_opening(nightly, at(f"{night} 00:00", zone))
    assert first == at(opens)
    assert first.astimezone(ZoneInfo(zone)).strftime("%H:%M") == start
    assert not open_at(nightly, at(f"{night} {start}", zone, fold=1) + MINUTE)
    assert next_opening(nightly, first) - first > timedelta(hours=24)


def test_the_length_is_time_that_passes() -> None:
    spring, autumn = at("2026-03-29 01:30", BERLIN), at("2026-10-25 01:30", BERLIN)
    nightly = window("01:30", BERLIN)
    shows = [
        (opens + 120 * MINUTE).astimezone(ZoneInfo(BERLIN)).strftime("%H:%M") for opens in (spring, autumn)
    ]
    assert shows == ["04:30", "02:30"]
    for opens in (spring, autumn):
        closes = closes_at(nightly, opens)
        assert closes is not None
        assert closes - opens == 120 * MINUTE


def test_a_day_that_is_leapt_over_as_a_whole_moves_to_its_end() -> None:
    friday = window("10:00", "Pacific/Apia", weekdays=(4,))  # 30 December 2011 did not happen in Samoa
    moved = next_opening(friday, at("2011-12-28 00:00"))
    assert moved.astimezone(ZoneInfo("Pacific/Apia")).strftime("%A %H:%M") == "Saturday 00:00"


def test_a_moment_means_the_same_however_its_zone_is_written() -> None:
    nightly = window("02:30", BERLIN, minutes=10)
    second = datetime(2026, 10, 25, 2, 35, tzinfo=ZoneInfo(BERLIN), fold=1)
    assert open_at(nightly, second.replace(fold=0))
    assert not open_at(nightly, second)


# --- any window, any moment --------------------------------------------------------------------------

CLOCKS = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
ZONES = st.sampled_from(
    [BERLIN, NEW_YORK, LORD_HOWE, "UTC", "Asia/Kathmandu", "Africa/Cairo", "America/Santiago"]
)
WINDOWS = st.builds(
    Maintenance,
    weekdays=st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
    start=CLOCKS,
    minutes=st.integers(5, 24 * 60),
    zone=ZONES,
)
MOMENTS = st.integers(0, 4 * 365 * 24 * 60).map(lambda minutes: at("2024-01-01 00:00") + minutes * MINUTE)
# The nights that matter, in Berlin, New York, Lord Howe.
NIGHTS = st.sampled_from(
    [
        date(2026, 3, 29),
        date(2026, 10, 25),
        date(2026, 3, 8),
        date(2026, 11, 1),
        date(2026, 10, 4),
        date(2026, 4, 5),
    ]
)


def opening(day: date, maintenance: Maintenance) -> datetime:
    """The slow truth: the first minute of the world at which the clock there shows the start, or later."""
    zone = ZoneInfo(maintenance.zone)
    wall = datetime.combine(day, time.fromisoformat(maintenance.start))
    moment = wall.replace(tzinfo=UTC) - timedelta(hours=15)  # no clock is further ahead
    while moment.astimezone(zone).replace(tzinfo=None) < wall:
        moment += MINUTE
    return moment


@given(NIGHTS, CLOCKS, ZONES)
@settings(max_examples=60, deadline=None)
@example(date(2026, 3, 29), "02:30", BERLIN)
@example(date(2026, 10, 4), "02:15", LORD_HOWE)
@example(date(2026, 4, 5), "01:59", LORD_HOWE)
def test_each_day_opens_when_a_person_who_looks_at_the_clock_would_open(
    night: date, start: str, zone: str
) -> None:
    nightly = window(start, zone, minutes=5)
    for day in (night - timedelta(days=1), night, night + timedelta(days=1)):
        opens = opening(day, nightly)
        assert opened_at(nightly, opens) == opens
        assert next_opening(nightly, opens - MINUTE) == opens


@given(WINDOWS, MOMENTS)
@settings(max_examples=100, deadline=None)
def test_openings_follow_each_other_one_for_each_weekday(maintenance: Maintenance, moment: datetime) -> None:
    openings = [moment]
    for _ in range(2 * len(maintenance.weekdays)):
        openings.append(next_opening(maintenance, openings[-1]))
    days = [start.astimezone(ZoneInfo(maintenance.zone)).weekday() for start in openings[1:]]
    week = len(maintenance.weekdays)
    assert sorted(days[:week]) == list(maintenance.weekdays)
    assert days[:week] == days[week:]
    for start in openings[1:]:
        assert opened_at(maintenance, start) == start
        assert not open_at(maintenance, start - MINUTE) or maintenance.minutes > 22 * 60


@given(WINDOWS, MOMENTS)
@settings(max_examples=100, deadline=None)
def test_what_is_open_opened_before_and_closes_after_its_length(
    maintenance: Maintenance, moment: datetime
) -> None:
    opened, closes = opened_at(maintenance, moment), closes_at(maintenance, moment)
    assert open_at(maintenance, moment) == (opened is not None) == (closes is not None)
    if opened is not None and closes is not None:
        assert opened <= moment < closes
        assert closes - opened == maintenance.length
        assert opened_at(maintenance, opened) == opened
    assert next_opening(maintenance, moment) > moment


# --- what people send --------------------------------------------------------------------------------


@given(WINDOWS)
def test_its_json_form_is_read_back(maintenance: Maintenance) -> None:
    assert parse(maintenance.to_json()) == maintenance


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("weekdays", []),
        ("weekdays", [7]),
        ("weekdays", [-1]),
        ("weekdays", [True]),
        ("weekdays", ["0"]),
        ("weekdays", "0"),
        ("weekdays", [0] * 8),
        ("start", "3:00"),
        ("start", "24:00"),
        ("start", "03:60"),
        ("start", "03:00:00"),
        ("start", "٠٣:00"),
        ("start", 3),
        ("minutes", 4),
        ("minutes", 1441),
        ("minutes", True),
        ("minutes", 30.0),
        ("minutes", "30"),
        ("zone", ""),
        ("zone", "Europe"),
        ("zone", "Europe/Bonn"),
        ("zone", "../../etc/passwd"),
        ("zone", "Europe/Berlin\0"),
        ("zone", None),
        ("colour", "red"),
    ],
)
def test_what_is_wrong_is_told_by_field(field: str, value: Any) -> None:
    good = {"weekdays": [0], "start": "03:00", "minutes": 60, "zone": BERLIN}
    with pytest.raises(Invalid) as invalid:
        parse(good | {field: value})
    assert list(invalid.value.fields) == [field]


@pytest.mark.parametrize("field", ["weekdays", "start", "minutes", "zone"])
def test_nothing_is_guessed(field: str) -> None:
    data = {"weekdays": [0], "start": "03:00", "minutes": 60, "zone": BERLIN}
    del data[field]
    with pytest.raises(Invalid) as invalid:
        parse(data)
    assert list(invalid.value.fields) == [field]


@pytest.mark.parametrize("data", [None, [], "03:00", 3])
def test_a_window_is_an_object(data: object) -> None:
    with pytest.raises(Invalid):
        parse(data)


def test_a_weekday_named_twice_counts_once() -> None:
    assert parse({"weekdays": [6, 0, 6], "start": "03:00", "minutes": 60, "zone": "UTC"}).weekdays == (0, 6)


def test_the_zones_to_choose_from_are_places() -> None:
    assert {BERLIN, NEW_YORK, LORD_HOWE, "UTC"} <= set(zones())
    assert "localtime" not in zones()


@pytest.mark.parametrize(
    ("weekdays", "minutes", "text"),
    [
        ((0, 5), 120, "Monday, Saturday at 03:00 for 2 h (Europe/Berlin)"),
        (EVERY_DAY, 90, "every day at 03:00 for 1 h 30 min (Europe/Berlin)"),
        ((6,), 45, "Sunday at 03:00 for 45 min (Europe/Berlin)"),
    ],
)
def test_it_is_told_in_one_line(weekdays: tuple[int, ...], minutes: int, text: str) -> None:
    assert told(window("03:00", BERLIN, weekdays=weekdays, minutes=minutes)) == text
