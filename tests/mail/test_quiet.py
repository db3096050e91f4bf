"""Everybody says when to be left alone."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from accounts.mail.models import QuietHours
from accounts.mail.quiet import quiet_now, quiet_set, within
from accounts.mail.services import choices_of
from accounts.models import User
from mollymawk.errors import Invalid
from tests.cast import ClientOf

NIGHT = {"quiet_start": "22:00", "quiet_end": "07:00", "quiet_zone": "Europe/Berlin"}


def test_hours_of_the_day_begin_with_their_start_and_end_before_their_end() -> None:
    inside = [hour for hour in range(24) if within(time(9), time(17), time(hour))]
    assert inside == list(range(9, 17))


def test_hours_of_the_night_go_over_midnight() -> None:
    inside = [hour for hour in range(24) if within(time(22), time(7), time(hour))]
    assert inside == [*range(7), 22, 23]


@pytest.mark.django_db
def test_they_follow_the_clock_of_the_zone_in_summer_and_winter(alice: User) -> None:
    assert not quiet_now(alice, datetime(2026, 7, 1, 23, tzinfo=UTC))
    quiet_set(user=alice, start="22:00", end="07:00", zone="Europe/Berlin")
    alice.refresh_from_db()
    for month, first, last in ((1, 21, 5), (7, 20, 4)):
        assert quiet_now(alice, datetime(2026, month, 1, first, tzinfo=UTC))
        assert not quiet_now(alice, datetime(2026, month, 1, first - 1, 59, tzinfo=UTC))
        assert quiet_now(alice, datetime(2026, month, 1, last, 59, tzinfo=UTC))
        assert not quiet_now(alice, datetime(2026, month, 1, last + 1, tzinfo=UTC))


@pytest.mark.django_db
def test_a_zone_that_is_no_more_keeps_nothing_back(alice: User) -> None:
    QuietHours.objects.create(user=alice, start=time(0), end=time(23, 59), zone="Atlantis/Capital")
    assert not quiet_now(alice, datetime(2026, 1, 1, 12, tzinfo=UTC))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("start", "end", "zone"),
    [
        ("22:00", "", "UTC"),
        ("", "07:00", "UTC"),
        ("22:00", "22:00", "UTC"),
        ("25:00", "07:00", "UTC"),
        ("ten", "seven", "UTC"),
        ("22:00", "07:00", ""),
        ("22:00", "07:00", "Mars/Olympus"),
        ("22:00", "07:00", "../../etc/passwd"),
    ],
)
def test_hours_that_make_no_sense_are_refused(alice: User, start: str, end: str, zone: str) -> None:
    with pytest.raises(Invalid):
        quiet_set(user=alice, start=start, end=end, zone=zone)
    assert not QuietHours.objects.exists()


@pytest.mark.django_db
def test_the_page_keeps_and_forgets_them(alice: User, bob: User, client_of: ClientOf) -> None:
    client = client_of(alice)
    assert client.post("/mail/", {"topic": ["alerts"], **NIGHT}).status_code == 302
    assert str(QuietHours.objects.get()) == "alice@example.org: 22:00 to 07:00 Europe/Berlin"
    page = client.get("/mail/").text
    for value in ("22:00", "07:00", "Europe/Berlin"):
        assert f'value="{value}"' in page
    assert 'value="22:00"' not in client_of(bob).get("/mail/").text
    client.post("/mail/", {"topic": ["alerts"], "quiet_zone": "Europe/Berlin"})
    assert not QuietHours.objects.exists()


@pytest.mark.django_db
def test_what_is_wrong_is_said_and_nothing_is_lost_or_kept(alice: User, client_of: ClientOf) -> None:
    before = choices_of(alice)
    answer = client_of(alice).post("/mail/", {"topic": ["succeeded"], **NIGHT, "quiet_zone": "Berlin"})
    assert answer.status_code == 400
    assert "Give a time zone of the list" in answer.text
    assert 'value="22:00"' in answer.text
    assert 'value="Berlin"' in answer.text
    assert (
        'value="succeeded" id="topic-succeeded" aria-describedby="topic-succeeded-help" checked'
        in answer.text
    )
    assert choices_of(alice) == before
    assert not QuietHours.objects.exists()
