"""Alerts are told once, together, to those whom they concern, and it is told when they are over."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.core import mail

from accounts.actors import Actor
from accounts.mail.models import QuietHours
from accounts.mail.quiet import quiet_set
from accounts.mail.services import choice_set
from accounts.mail.tasks import sweep as send
from accounts.models import ApiToken, Role, User
from accounts.services import member_remove, token_issue, token_revoke, user_deactivate
from tests.alerts.conftest import Clock, answer, letters_to, silence, subjects_to, uses
from tests.api.house import House, instance_row
from tests.cast import ClientOf
from unikernels.alerts import tasks, telling
from unikernels.alerts.models import Alert, Telling
from unikernels.alerts.services import alerts_prune
from unikernels.models import Check
from unikernels.statistics.models import Starts

pytestmark = pytest.mark.django_db

SILENT = "fra-1 does not answer"


def fire(clock: Clock) -> None:
    """fra-1 does not answer for five minutes."""
    silence(clock.now)
    clock.pass_(minutes=5)


def recover(clock: Clock) -> None:
    answer()
    clock.pass_(seconds=1)


# --- once, together ----------------------------------------------------------------------------------


def test_an_alert_is_told_after_a_minute_and_once(clock: Clock, alice: User) -> None:
    fire(clock)
    assert letters_to(alice) == []
    clock.pass_(seconds=59)
    assert letters_to(alice) == []
    clock.pass_(seconds=1)
    assert subjects_to(alice) == [SILENT]
    assert Alert.objects.get().told_at == clock.now
    for _ in range(3):
        clock.pass_(hours=9)
    assert len(letters_to(alice)) == 1


def test_what_fires_within_a_minute_is_one_letter(clock: Clock, house: House, alice: User) -> None:
    instance_row("second")
    silence(clock.ago(minutes=1), "second")
    fire(clock)
    uses(house.unikernel, 200)
    clock.pass_(seconds=50)
    Starts.objects.create(unikernel=house.unikernel, looping_since=clock.now)
    clock.pass_(seconds=9)
    assert letters_to(alice) == []
    clock.pass_(seconds=1)
    assert subjects_to(alice) == ["3 alerts"], "second is no place of alice's"
    clock.pass_(hours=1)
    assert len(letters_to(alice)) == 1


def test_a_storm_is_one_letter_for_each_person(clock: Clock, house: House, root: User, alice: User) -> None:
    for number in range(60):
        instance_row(f"host-{number}")
    fire(clock)
    clock.pass_(minutes=1)
    assert subjects_to(root) == ["61 alerts"]
    assert "And 11 more." in letters_to(root)[0].text
    assert subjects_to(alice) == [SILENT]
    recover(clock)
    clock.pass_(minutes=1)
    assert subjects_to(root)[1:] == ["61 alerts are over"]


def test_the_letter_says_what_why_since_when_and_where(clock: Clock, house: House, alice: User) -> None:
    seen = house.instance.seen_at = clock.now
    fire(clock)
    at = clock.now
    uses(house.unikernel, 200)
    clock.pass_(seconds=30)
    clock.pass_(seconds=30)
    assert letters_to(alice)[0].text == (
        "fra-1 does not answer\n"
        f"  since {at:%Y-%m-%d %H:%M} UTC\n"
        f"  It was last seen {seen:%Y-%m-%d %H:%M} UTC. Connection refused."
        " What runs there goes on running, unseen.\n"
        "  http://127.0.0.1:8000/instances/fra-1/\n\n"
        "robur on fra-1: 264 of 256 MB of memory used\n"
        f"  since {at:%Y-%m-%d %H:%M} UTC\n"
        "  What needs more than is left will be refused. Destroy what is not needed, or ask a superuser.\n"
        "  http://127.0.0.1:8000/quotas/\n"
    )


def test_checks_have_a_letter_under_their_own_topic_one_for_all_and_one_when_they_are_over(
    clock: Clock, house: House, alice: User, bob: User
) -> None:
    choice_set(user=bob, topic="checks", wanted=False)
    rows = [
        Check.objects.create(unikernel=house.unikernel, name=name, kind="tcp", settings={}, state="down")
        for name in ("web", "dns", "ssh")
    ]
    fire(clock)
    clock.pass_(minutes=1)
    told = [(letter.topic, letter.subject) for letter in letters_to(alice)]
    assert told == [("checks", "3 alerts"), ("alerts", SILENT)]
    assert subjects_to(bob) == [SILENT]
    for row in rows:
        assert f"/unikernels/{house.unikernel.pk}/checks/{row.pk}/" in letters_to(alice)[0].text
    Check.objects.update(state="up")
    clock.pass_(minutes=1)
    clock.pass_(minutes=1)
    assert subjects_to(alice)[2:] == ["3 alerts are over"]
    assert subjects_to(bob) == [SILENT]


def test_links_lead_to_pages(clock: Clock, house: House, alice: User, client_of: ClientOf) -> None:
    token, _ = token_issue(actor=Actor(alice, "session"), team=house.team, name="ci", role=Role.VIEWER)
    end = clock.now + timedelta(days=5)
    ApiToken.objects.filter(pk=token.pk).update(expires_at=end, created_at=end - timedelta(days=90))
    Starts.objects.create(unikernel=house.unikernel, looping_since=clock.now)
    uses(house.unikernel, 200)
    fire(clock)
    clock.pass_(minutes=1)
    links = re.findall(r"http://127\.0\.0\.1:8000(\S+)", letters_to(alice)[0].text)
    assert len(set(links)) == 4
    assert {client_of(alice).get(link).status_code for link in links} == {200}


def test_the_tasks_do_it_and_mail_goes_out(clock: Clock, house: House, alice: User) -> None:
    uses(house.unikernel, 200)
    assert tasks.sweep() == 0
    Telling.objects.update(due_at=clock.ago(days=1))
    assert tasks.sweep() == 1
    assert send() == 1
    assert mail.outbox[0].subject == "Mollymawk: robur on fra-1: 264 of 256 MB of memory used"
    assert tasks.prune() == 0


def test_what_is_known_is_told_though_looking_fails(clock: Clock, alice: User, monkeypatch: Any) -> None:
    fire(clock)
    Telling.objects.update(due_at=clock.ago(days=1))
    monkeypatch.setattr(tasks, "settle", lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        tasks.sweep()
    assert subjects_to(alice) == [SILENT]


def test_two_sweeps_at_once_tell_it_once(clock: Clock, alice: User, monkeypatch: Any) -> None:
    fire(clock)
    clock.now += timedelta(minutes=1)
    whole, started = telling._tell, list[bool]()

    def late(user: User, now: datetime) -> int:
        if not started:
            started.append(True)
            assert telling.tell(now) == 1, "the other one, in between"
        return whole(user, now)

    monkeypatch.setattr(telling, "_tell", late)
    assert telling.tell(clock.now) == 0
    assert len(letters_to(alice)) == 1


def test_a_letter_that_could_not_be_written_is_written_later(
    clock: Clock, alice: User, monkeypatch: Any
) -> None:
    fire(clock)
    with monkeypatch.context() as broken:
        broken.setattr(telling, "letter_write", lambda **_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            clock.pass_(minutes=1)
    clock.pass_(seconds=30)
    assert subjects_to(alice) == [SILENT]


# --- recovery ----------------------------------------------------------------------------------------


def test_who_was_told_is_told_that_it_is_over_once(clock: Clock, alice: User) -> None:
    fire(clock)
    began = clock.now
    clock.pass_(minutes=10)
    recover(clock)
    ended = clock.now
    for _ in range(5):
        clock.pass_(minutes=1)
    assert subjects_to(alice) == [SILENT, f"Over: {SILENT}"]
    assert letters_to(alice)[1].text == (
        f"Over: {SILENT}\n"
        f"  from {began:%Y-%m-%d %H:%M} UTC to {ended:%Y-%m-%d %H:%M} UTC\n"
        "  http://127.0.0.1:8000/instances/fra-1/\n"
    )


def test_what_came_and_went_within_the_minute_is_one_letter(clock: Clock, alice: User) -> None:
    fire(clock)
    recover(clock)
    clock.pass_(minutes=1)
    clock.pass_(minutes=5)
    assert subjects_to(alice) == [f"Over: {SILENT}"]


def test_what_goes_on_stands_before_what_is_over(clock: Clock, house: House, alice: User) -> None:
    fire(clock)
    clock.pass_(minutes=1)
    answer()
    uses(house.unikernel, 200)
    clock.pass_(seconds=1)
    clock.pass_(minutes=1)
    letter = letters_to(alice)[1]
    assert letter.subject == "2 alerts, 1 of them over"
    assert letter.text.index("264 of 256") < letter.text.index("Over:")


def test_a_token_does_not_recover(clock: Clock, house: House, alice: User) -> None:
    token, _ = token_issue(actor=Actor(alice, "session"), team=house.team, name="ci", role=Role.VIEWER)
    end = clock.now + timedelta(days=5)
    ApiToken.objects.filter(pk=token.pk).update(expires_at=end, created_at=end - timedelta(days=90))
    told = f"ends {end:%Y-%m-%d %H:%M} UTC"
    clock.pass_()
    clock.pass_(minutes=1)
    clock.pass_(days=4)
    clock.pass_(minutes=1)
    assert [told in subject for subject in subjects_to(alice)] == [True, True], "a week and a day before"
    token_revoke(actor=Actor(alice, "session"), token=token)
    clock.pass_(minutes=1)
    clock.pass_(minutes=1)
    assert len(letters_to(alice)) == 2


# --- what flaps --------------------------------------------------------------------------------------


def test_what_fires_again_within_half_an_hour_is_not_told(clock: Clock, house: House, alice: User) -> None:
    for _ in range(5):
        uses(house.unikernel, 200)
        clock.pass_(minutes=2)
        clock.pass_(minutes=2)
        uses(house.unikernel, 32)
        clock.pass_(minutes=2)
        clock.pass_(minutes=2)
    assert len(letters_to(alice)) == 2, "once that it began, once that it was over"
    assert Alert.objects.count() == 5


def test_what_fires_again_and_stays_is_told_after_half_an_hour(clock: Clock, alice: User) -> None:
    fire(clock)
    clock.pass_(minutes=1)
    recover(clock)
    clock.pass_(minutes=1)
    fire(clock)
    clock.pass_(minutes=20)
    assert subjects_to(alice) == [SILENT, f"Over: {SILENT}"], "it may recover as soon as before"
    clock.pass_(minutes=10)
    assert subjects_to(alice) == [SILENT, f"Over: {SILENT}", SILENT], "nobody goes on believing it is over"
    recover(clock)
    clock.pass_(minutes=1)
    assert subjects_to(alice)[3:] == [f"Over: {SILENT}"]


def test_what_fires_again_later_is_told_at_once(clock: Clock, alice: User) -> None:
    fire(clock)
    clock.pass_(minutes=1)
    recover(clock)
    clock.pass_(minutes=30)
    fire(clock)
    clock.pass_(minutes=1)
    assert subjects_to(alice) == [SILENT, f"Over: {SILENT}", SILENT]


# --- quiet hours -------------------------------------------------------------------------------------


def night(user: User, clock: Clock, hours: int) -> None:
    """From now on *user* sleeps."""
    end = clock.now + timedelta(hours=hours)
    quiet_set(user=user, start=f"{clock.now:%H:%M}", end=f"{end:%H:%M}", zone="UTC")


def test_alerts_wait_for_the_end_of_the_quiet_hours(
    clock: Clock, house: House, alice: User, bob: User
) -> None:
    night(alice, clock, hours=8)
    fire(clock)
    clock.pass_(hours=1)
    uses(house.unikernel, 200)
    clock.pass_(hours=1)
    assert letters_to(alice) == []
    assert len(letters_to(bob)) >= 1
    clock.pass_(hours=6)
    assert subjects_to(alice) == ["2 alerts"], "one letter in the morning"


def test_what_came_and_went_at_night_is_told_as_that(clock: Clock, alice: User) -> None:
    night(alice, clock, hours=8)
    fire(clock)
    clock.pass_(hours=1)
    recover(clock)
    clock.pass_(hours=8)
    clock.pass_(minutes=5)
    assert subjects_to(alice) == [f"Over: {SILENT}"]


def test_that_it_is_over_waits_too(clock: Clock, alice: User) -> None:
    fire(clock)
    clock.pass_(minutes=1)
    night(alice, clock, hours=8)
    recover(clock)
    clock.pass_(hours=7)
    assert subjects_to(alice) == [SILENT]
    clock.pass_(hours=1)
    assert subjects_to(alice) == [SILENT, f"Over: {SILENT}"]


def test_who_wakes_up_early_is_told_then(clock: Clock, alice: User) -> None:
    night(alice, clock, hours=8)
    fire(clock)
    clock.pass_(minutes=10)
    quiet_set(user=alice, start="", end="", zone="")
    clock.pass_(seconds=30)
    assert subjects_to(alice) == [SILENT]


def test_sleepers_do_not_keep_others_from_being_told(
    clock: Clock, alice: User, bob: User, monkeypatch: Any
) -> None:
    monkeypatch.setattr(telling, "MOST", 1)
    night(alice, clock, hours=8)
    fire(clock)
    clock.pass_(minutes=1)
    assert subjects_to(bob) == [SILENT]


def test_quiet_hours_are_those_of_the_persons_clock(clock: Clock, alice: User) -> None:
    fire(clock)
    QuietHours.objects.create(user=alice, start=time(22), end=time(7), zone="Asia/Tokyo")
    for hour, told in ((13, 0), (21, 0), (22, 1)):  # 22:00, 06:00 and 07:00 in Tokyo
        clock.now = datetime(2126, 11, 22, hour, 0, tzinfo=UTC)
        clock.pass_()
        assert len(letters_to(alice)) == told


# --- who is told -------------------------------------------------------------------------------------


def test_who_left_the_team_is_not_told(clock: Clock, house: House, bob: User, dave: User) -> None:
    fire(clock)
    member_remove(actor=Actor(None, "system"), team=house.team, user=bob)
    user_deactivate(actor=Actor(None, "system"), user=dave)
    clock.pass_(minutes=1)
    assert letters_to(bob) == letters_to(dave) == []


def test_who_does_not_want_it_hears_neither_the_beginning_nor_the_end(clock: Clock, bob: User) -> None:
    choice_set(user=bob, topic="alerts", wanted=False)
    fire(clock)
    clock.pass_(minutes=1)
    choice_set(user=bob, topic="alerts", wanted=True)
    recover(clock)
    clock.pass_(minutes=1)
    assert letters_to(bob) == []


# --- what is kept ------------------------------------------------------------------------------------


def test_alerts_are_kept_for_a_month_after_their_end(clock: Clock, house: House) -> None:
    fire(clock)
    clock.pass_(minutes=1)
    assert alerts_prune(clock.now + timedelta(days=99)) == 0, "it is open"
    recover(clock)
    assert alerts_prune(clock.now + timedelta(days=29)) == 0
    assert alerts_prune(clock.now + timedelta(days=31)) == 1
    assert not Telling.objects.exists()
