"""What fires, what does not, and what is resolved."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actors import SYSTEM, Actor
from accounts.models import ApiToken, Role, User
from accounts.services import member_remove, token_issue, token_revoke, user_deactivate
from albatross.models import Instance, ObservedPolicy
from tests.alerts.conftest import Clock, answer, measured, open_alerts, silence, uses
from tests.api.house import House, instance_row, runs, share, under_way
from unikernels.alerts.models import Alert
from unikernels.alerts.readers import readers_of
from unikernels.alerts.rules import FIND, Firing, Rule
from unikernels.inventory.services import dismiss
from unikernels.models import Block, Check, CheckResult, Unikernel
from unikernels.operations.machine import State
from unikernels.statistics.models import Starts

pytestmark = pytest.mark.django_db


def readers() -> set[str]:
    """The first names of those who are told of the only open alert."""
    alert = Alert.objects.get(resolved_at=None)
    return {user.email.partition("@")[0] for user in readers_of(alert)}


def test_every_rule_is_looked_at() -> None:
    assert set(FIND) == set(Rule)


def test_all_is_well_in_the_house(clock: Clock) -> None:
    clock.pass_(minutes=10)
    assert open_alerts() == []


# --- instances ---------------------------------------------------------------------------------------


def test_an_instance_is_silent_after_five_minutes_and_until_it_answers(clock: Clock) -> None:
    silence(clock.now)
    clock.pass_(minutes=4, seconds=59)
    assert open_alerts() == []
    clock.pass_(seconds=1)
    assert open_alerts() == [("silent", "fra-1 does not answer")]
    assert "Connection refused." in Alert.objects.get().text
    clock.pass_(hours=1)
    assert Alert.objects.count() == 1
    answer()
    clock.pass_(seconds=30)
    assert open_alerts() == []
    assert Alert.objects.get().resolved_at == clock.now


def test_an_instance_that_nobody_asks_is_silent_too(clock: Clock, house: House) -> None:
    clock.pass_(minutes=1)
    Instance.objects.update(status="degraded")  # out of the way of those that are seen
    clock.pass_(minutes=5)
    Instance.objects.update(status="online", seen_at=clock.ago(minutes=5))
    (found,) = FIND[Rule.SILENT](clock.now)
    assert isinstance(found, Firing)
    assert found.title == "fra-1 is not asked"
    assert "No watcher process runs." in found.text


def test_an_instance_that_was_never_asked_is_new_and_not_silent(clock: Clock) -> None:
    Instance.objects.update(status="unknown", seen_at=None)
    clock.pass_(hours=1)
    assert open_alerts() == []


def test_an_instance_that_is_to_be_asked_anew_has_not_answered(clock: Clock) -> None:
    silence(clock.now)
    clock.pass_(minutes=5)
    Instance.objects.update(status="unknown", degraded_since=None)
    clock.pass_(seconds=30)
    assert open_alerts() == [("silent", "fra-1 does not answer")]
    answer()
    clock.pass_(seconds=30)
    assert open_alerts() == []


def test_superusers_and_those_who_run_something_there_are_told(
    clock: Clock, bob: User, dave: User, charlie: User, root: User
) -> None:
    silence(clock.now)
    clock.pass_(minutes=5)
    assert readers() == {"alice", "bob", "dave", "root"}


def test_what_was_removed_is_silent_no_more(clock: Clock) -> None:
    instance_row("empty")
    silence(clock.now, "empty")
    clock.pass_(minutes=5)
    assert open_alerts() == [("silent", "empty does not answer")]
    Instance.objects.get(name="empty").delete()
    clock.pass_(minutes=5)
    assert open_alerts() == []


# --- crash loops -------------------------------------------------------------------------------------


def test_a_crash_loop_is_told_to_its_team(clock: Clock, house: House, bob: User, root: User) -> None:
    starts = Starts.objects.create(unikernel=house.unikernel, looping_since=clock.now)
    clock.pass_(seconds=30)
    assert open_alerts() == [("loop", "robur:hello on fra-1 crashes again and again")]
    assert readers() == {"alice", "bob"}
    Starts.objects.filter(pk=starts.pk).update(looping_since=None)
    clock.pass_(seconds=30)
    assert open_alerts() == []


@pytest.mark.parametrize(("state", "still"), [("running", True), ("missing", True), ("stopped", False)])
def test_what_went_missing_has_not_recovered(clock: Clock, house: House, state: str, still: bool) -> None:
    Starts.objects.create(unikernel=house.unikernel, looping_since=clock.now)
    clock.pass_(seconds=30)
    Unikernel.objects.filter(pk=house.unikernel.pk).update(state=state)
    clock.pass_(seconds=30)
    assert bool(open_alerts()) == still


def test_what_belongs_to_nobody_is_nobodys_alert(clock: Clock, house: House) -> None:
    Starts.objects.create(unikernel=house.unmanaged, looping_since=clock.now)
    clock.pass_(seconds=30)
    assert open_alerts() == []


# --- memory ------------------------------------------------------------------------------------------


def test_memory_near_its_limit_is_told_to_the_team(clock: Clock, house: House, bob: User, root: User) -> None:
    measured(house.unikernel, clock, mb=28)  # of 32
    clock.pass_()
    assert open_alerts() == []
    measured(house.unikernel, clock, mb=29)
    clock.pass_(seconds=30)
    assert open_alerts() == [("memory", "robur:hello on fra-1: 29 of 32 MB of memory used")]
    assert readers() == {"alice", "bob"}
    measured(house.unikernel, clock, mb=10)
    clock.pass_()
    assert open_alerts() == []


def test_without_statistics_nobody_knows_and_nothing_is_over(clock: Clock, house: House) -> None:
    measured(house.unikernel, clock, mb=32)
    clock.pass_(seconds=30)
    assert len(open_alerts()) == 1
    clock.pass_(minutes=10)
    assert len(open_alerts()) == 1, "the last sample is old"
    Unikernel.objects.filter(pk=house.unikernel.pk).update(state="stopped")
    clock.pass_(seconds=30)
    assert open_alerts() == []


def test_memory_of_what_belongs_to_nobody_is_nobodys_alert(clock: Clock, house: House) -> None:
    measured(house.unmanaged, clock, mb=32)
    clock.pass_(seconds=30)
    assert open_alerts() == []


# --- quotas ------------------------------------------------------------------------------------------


def test_memory_near_its_quota(clock: Clock, house: House, bob: User, root: User) -> None:
    uses(house.unikernel, 166)  # and two others with 32: 230 of 256, 89.8 %
    clock.pass_(seconds=30)
    assert open_alerts() == []
    uses(house.unikernel, 167)
    clock.pass_(seconds=30)
    assert open_alerts() == [("quota", "robur on fra-1: 231 of 256 MB of memory used")]
    assert readers() == {"alice", "bob"}
    uses(house.unikernel, 32)
    clock.pass_(seconds=30)
    assert open_alerts() == []


def test_the_lower_limit_holds(clock: Clock) -> None:
    ObservedPolicy.objects.update(memory=100)
    clock.pass_(seconds=30)
    assert open_alerts() == [("quota", "robur on fra-1: 96 of 100 MB of memory used")]


def test_block_devices_near_their_quota(clock: Clock, house: House) -> None:
    Block.objects.create(instance=house.instance, team=house.team, path="robur", name="more", size=42)
    clock.pass_(seconds=30)
    assert open_alerts() == [("quota", "robur on fra-1: 58 of 64 MB of block devices used")]


def test_a_small_number_of_unikernels_may_be_used_up(clock: Clock, house: House) -> None:
    runs(house.team, house.instance, house.image.image, "fourth")
    clock.pass_(seconds=30)
    assert open_alerts() == []


def test_a_large_number_of_unikernels_is_told_before_it_is_used_up(clock: Clock, house: House) -> None:
    house.team.quotas.update(unikernels=10, memory=10_000)
    ObservedPolicy.objects.update(unikernels=10, memory=10_000)
    for number in range(6):
        runs(house.team, house.instance, house.image.image, f"more-{number}")
    clock.pass_(seconds=30)
    assert open_alerts() == [("quota", "robur on fra-1: 9 of 10 unikernels used")]


def test_no_block_devices_are_no_share(clock: Clock, house: House) -> None:
    house.block.delete()
    house.team.quotas.update(block=0)
    clock.pass_(seconds=30)
    assert open_alerts() == []


# --- tokens ------------------------------------------------------------------------------------------


@pytest.fixture
def token(house: House, alice: User, dave: User) -> ApiToken:
    """A token that dave made when he was an owner."""
    made, _ = token_issue(actor=Actor(alice, "session"), team=house.team, name="ci", role=Role.DEPLOYER)
    ApiToken.objects.filter(pk=made.pk).update(created_by=dave)
    made.refresh_from_db()
    return made


def ends(token: ApiToken, at: datetime, *, days: int = 90) -> None:
    """*token* was made for so many *days* and ends then."""
    row = ApiToken.objects.filter(pk=token.pk)
    row.update(expires_at=at, created_at=at - timedelta(days=days))


@pytest.mark.parametrize(
    ("left", "rules"),
    [
        ({"days": 7, "seconds": 31}, []),
        ({"days": 7}, ["token-week"]),
        ({"days": 1, "seconds": 31}, ["token-week"]),
        ({"days": 1}, ["token-day"]),
        ({"seconds": 31}, ["token-day"]),
        ({}, []),
    ],
)
def test_a_token_is_told_a_week_and_a_day_before_its_end(
    clock: Clock, token: ApiToken, left: dict[str, Any], rules: list[str]
) -> None:
    ends(token, clock.now + timedelta(seconds=30) + timedelta(**left))
    clock.pass_(seconds=30)
    assert [rule for rule, _ in open_alerts()] == rules


def test_its_maker_and_the_owners_are_told(
    clock: Clock, token: ApiToken, bob: User, charlie: User, root: User
) -> None:
    ends(token, clock.now + timedelta(days=5))
    clock.pass_(seconds=30)
    assert readers() == {"alice", "dave"}


def test_a_maker_who_left_is_not_told(clock: Clock, token: ApiToken, house: House, dave: User) -> None:
    ends(token, clock.now + timedelta(days=5))
    clock.pass_(seconds=30)
    house.team.memberships.filter(user=dave).delete()
    assert readers() == {"alice"}


def test_a_token_that_is_dead_already_is_told_to_nobody(
    clock: Clock, token: ApiToken, house: House, dave: User
) -> None:
    ends(token, clock.now + timedelta(days=5))
    user_deactivate(actor=SYSTEM, user=dave)
    clock.pass_(seconds=30)
    assert open_alerts() == []


@pytest.mark.parametrize("way", ["revoked", "left"])
def test_who_revoked_it_hears_no_more_of_it(
    clock: Clock, token: ApiToken, house: House, dave: User, way: str
) -> None:
    ends(token, clock.now + timedelta(days=5))
    clock.pass_(seconds=30)
    if way == "revoked":
        token_revoke(actor=SYSTEM, token=token)
    else:
        member_remove(actor=SYSTEM, team=house.team, user=dave)
    clock.pass_(seconds=30)
    assert open_alerts() == []


@pytest.mark.parametrize(("days", "left", "told"), [(3, 3, 0), (13, 7, 0), (14, 7, 1), (1, 1, 0), (2, 1, 1)])
def test_a_token_for_some_days_is_not_told_when_it_is_made(
    clock: Clock, token: ApiToken, days: int, left: int, told: int
) -> None:
    ends(token, clock.now + timedelta(days=left), days=days)
    clock.pass_()
    assert len(open_alerts()) == told


# --- checks, operations ------------------------------------------------------------------------------


def stands(check: Check, state: str) -> None:
    Check.objects.filter(pk=check.pk).update(state=state, state_since=timezone.now())


def test_a_check_that_is_down_fires_until_it_is_up_and_what_is_unknown_changes_nothing(
    clock: Clock, house: House, bob: User
) -> None:
    CheckResult.objects.create(
        check_row=house.check, at=clock.now, outcome="failed", latency=0.1, text="It answered 503."
    )
    stands(house.check, "down")
    for state in ("down", "unknown"):
        stands(house.check, state)
        clock.pass_(seconds=30)
        assert open_alerts() == [("check", "robur:hello on fra-1: check web is down")]
    alert = Alert.objects.get()
    assert alert.text.startswith("It answered 503. It is running, as last seen. Read its console;")
    assert readers() == {"alice", "bob"}
    stands(house.check, "up")
    clock.pass_(seconds=30)
    assert open_alerts() == []


def test_a_check_of_what_is_stopped_is_over(clock: Clock, house: House) -> None:
    stands(house.check, "down")
    clock.pass_(seconds=30)
    Unikernel.objects.filter(pk=house.unikernel.pk).update(state=Unikernel.Presence.STOPPED)
    stands(house.check, "unknown")
    clock.pass_(seconds=30)
    assert open_alerts() == []


def test_what_will_be_done_by_itself_is_said(clock: Clock, house: House) -> None:
    Unikernel.objects.filter(pk=house.unikernel.pk).update(restart_after=3)
    stands(house.check, "down")
    clock.pass_(seconds=30)
    assert "restarted by itself after 3 failed rounds" in Alert.objects.get().text


def test_a_change_that_failed_fires_until_one_works_and_had_its_letter(clock: Clock, house: House) -> None:
    under_way(house.found, state=State.FAILED, finished_at=clock.now, running="no", reason="It crashed.")
    clock.pass_(minutes=1)
    assert open_alerts() == [("failed", "robur:found on fra-1: restart failed")]
    assert Alert.objects.get().text == "It crashed. found does not run."
    assert readers() == set()
    under_way(house.found, state=State.ABORTED, finished_at=clock.now)
    clock.pass_(minutes=1)
    assert len(open_alerts()) == 1, "what touched nothing mends nothing"
    under_way(house.found, state=State.SUCCEEDED, finished_at=clock.now)
    clock.pass_(minutes=1)
    assert open_alerts() == []


def test_a_deploy_that_failed_fires_until_what_is_gone_is_dismissed(clock: Clock, house: House) -> None:
    under_way(house.found, state=State.FAILED, finished_at=clock.now, running="no", reason="It crashed.")
    clock.pass_(minutes=1)
    assert len(open_alerts()) == 1
    Unikernel.objects.filter(pk=house.found.pk).update(state="missing")
    dismiss(actor=SYSTEM, unikernel=house.found)
    clock.pass_(minutes=1)
    assert open_alerts() == []


# --- rows --------------------------------------------------------------------------------------------


def test_what_fires_again_is_another_alert(clock: Clock, house: House) -> None:
    for memory in (200, 32, 200):
        uses(house.unikernel, memory)
        clock.pass_(seconds=30)
    assert [alert.resolved_at is None for alert in Alert.objects.order_by("pk")] == [False, True]


def test_looking_costs_the_same_for_many(clock: Clock, house: House) -> None:
    with CaptureQueriesContext(connection) as few:
        clock.pass_(seconds=30)
    for number in range(5):
        place = instance_row(f"more-{number}")
        share(house.team, place)
        runs(house.team, place, house.image.image, "one")
    with CaptureQueriesContext(connection) as many:
        clock.pass_(seconds=30)
    assert len(many) == len(few) <= 28
