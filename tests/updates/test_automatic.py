"""Rounds on rows: who is due, what stops a round, and that no build is tried twice by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.actors import COMMAND
from accounts.models import Event, Team
from albatross.models import Instance
from mollymawk.errors import Conflict, Refused
from tests.updates.conftest import Fleet, an_hour_after_opening
from unikernels.models import Operation, RollbackWindow, Standing, Unikernel, Version
from unikernels.operations import services
from unikernels.operations.machine import Kind, State
from unikernels.updates import automatic, tasks
from unikernels.updates.automatic import begin, due, outlook
from unikernels.updates.rounds import Obstacle
from unikernels.updates.services import freeze_lift, freeze_set, update_mode_set

TWO_HOURS_AGO = timedelta(hours=2)
A_DAY = timedelta(days=1)


@pytest.fixture
def hello(fleet: Fleet) -> Unikernel:
    return fleet.waiting("hello")


class Asked:
    """Stands in for the upgrade itself: notes what is asked for, and writes the row."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.calls: list[dict[str, Any]] = []
        self.error: Exception | None = None

    def __call__(self, **call: Any) -> Operation:
        self.calls.append(call)
        if self.error:
            raise self.error
        return self.fleet.upgraded(call["unikernel"], State.CHECK, credential=call["actor"].credential)


@pytest.fixture
def asked(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> Asked:
    asked = Asked(fleet)
    monkeypatch.setattr(services, "upgrade", asked)
    return asked


# --- who is due --------------------------------------------------------------------------------------


def test_what_is_automatic_and_has_a_newer_build_is_due_in_its_window(hello: Unikernel) -> None:
    assert due() == [hello.pk]
    assert outlook(hello).text == "It is upgraded within this maintenance window."


@pytest.mark.parametrize("mode", ["manual", "tell"])
def test_other_modes_are_left_to_people(hello: Unikernel, mode: str) -> None:
    update_mode_set(actor=COMMAND, unikernel=hello, mode=mode)
    assert due() == []
    assert "when somebody asks" in outlook(hello).text


def test_outside_its_window_it_waits_and_tells_until_when(hello: Unikernel) -> None:
    update_mode_set(
        actor=COMMAND, unikernel=hello, mode="automatic", maintenance=an_hour_after_opening(minutes=30)
    )
    assert due() == []
    told = outlook(hello)
    assert told.text == Obstacle.CLOSED
    assert told.opens_at is not None
    assert due(told.opens_at) == [hello.pk]


def test_one_that_needs_another_configuration_waits_for_a_person(hello: Unikernel) -> None:
    Unikernel.objects.update(standing="reconfigure")
    Standing.objects.update(standing="reconfigure")
    assert due() == []


def test_a_standing_of_what_ran_before_says_nothing_about_what_runs_now(
    fleet: Fleet, hello: Unikernel
) -> None:
    hello.current = fleet.add_version(hello)  # put in place by a person since the last poll
    hello.save()
    assert due() == []
    assert outlook(hello).text == Obstacle.NOTHING_NEWER


@pytest.mark.parametrize(
    "change",
    [
        {"state": Unikernel.Presence.MISSING},
        {"state": Unikernel.Presence.STOPPED},
        {"changed_outside": True},
        {"current": None},
        {"team": None},
        {"newest": None},
        {"maintenance": {}},
        {"maintenance": {"weekdays": [0], "start": "03:00", "minutes": 60, "zone": "Mars/Olympus"}},
    ],
    ids=str,
)
def test_what_does_not_stand_as_it_should_is_left_alone(hello: Unikernel, change: dict[str, Any]) -> None:
    Unikernel.objects.filter(pk=hello.pk).update(**change)
    assert due() == []


@pytest.mark.parametrize("status", [Instance.Status.DEGRADED, Instance.Status.UNKNOWN])
def test_an_instance_that_does_not_answer_is_left_alone(hello: Unikernel, status: str) -> None:
    Instance.objects.update(status=status)
    assert due() == []
    assert outlook(hello).text == Obstacle.OFFLINE


def test_while_something_is_under_way_or_can_be_rolled_back_it_waits(fleet: Fleet, hello: Unikernel) -> None:
    operation = fleet.upgraded(hello, State.CHECK, credential="session")
    assert due() == []
    Operation.objects.update(state=State.SUCCEEDED, finished_at=timezone.now())
    watch(operation)
    assert due() == []
    assert outlook(hello).text == Obstacle.BUSY
    RollbackWindow.objects.update(until=timezone.now())
    assert due() == [hello.pk]


def watch(operation: Operation) -> None:
    """Its rollback window is open."""
    assert operation.fallback is not None
    assert operation.unikernel is not None
    RollbackWindow.objects.create(
        unikernel=operation.unikernel,
        to=operation.fallback,
        operation=operation,
        until=timezone.now() + timedelta(minutes=10),
        due_at=timezone.now(),
    )


# --- freezes -----------------------------------------------------------------------------------------


def test_a_freeze_of_the_team_stops_its_round_and_no_other(fleet: Fleet, hello: Unikernel) -> None:
    other = fleet.waiting("hello", team=Team.objects.create(name="data", domain="data"))
    freeze_set(actor=COMMAND, team=fleet.team)
    assert due() == [other.pk]
    assert outlook(hello).text == Obstacle.FROZEN
    freeze_lift(actor=COMMAND, team=fleet.team)
    assert due() == [hello.pk, other.pk]


def test_a_freeze_of_the_system_stops_everything(fleet: Fleet, hello: Unikernel) -> None:
    fleet.waiting("hello", team=Team.objects.create(name="data", domain="data"))
    freeze_set(actor=COMMAND, team=None)
    assert due() == []


def test_a_freeze_between_choosing_and_beginning_is_seen(hello: Unikernel, asked: Asked) -> None:
    assert due() == [hello.pk]
    freeze_set(actor=COMMAND, team=None)
    assert begin(hello.pk) is None
    assert asked.calls == []


def of_bytes(operation: Operation, digest: str) -> None:
    """It put these bytes in place."""
    Version.objects.filter(pk=operation.target.pk if operation.target else 0).update(digest=digest)


# --- the same build is not tried again ---------------------------------------------------------------


@pytest.mark.parametrize(
    "state", [State.ABORTED, State.CANCELLED, State.ROLLED_BACK, State.FAILED, State.SUCCEEDED]
)
@pytest.mark.parametrize("credential", ["automatic", "session"])
def test_bytes_that_it_was_asked_to_run_before_are_for_people(
    fleet: Fleet, hello: Unikernel, state: State, credential: str
) -> None:
    assert hello.newest is not None
    operation = fleet.upgraded(hello, state, credential=credential, at=timezone.now() - TWO_HOURS_AGO)
    of_bytes(operation, hello.newest.digest)
    for days in range(3):  # nor in any later window
        assert due(timezone.now() + days * A_DAY) == []
    assert outlook(hello).text == Obstacle.TRIED


def test_a_newer_build_than_the_one_that_failed_is_tried(fleet: Fleet, hello: Unikernel) -> None:
    assert hello.newest is not None
    operation = fleet.upgraded(hello, State.ROLLED_BACK, at=timezone.now() - TWO_HOURS_AGO)
    of_bytes(operation, hello.newest.digest)
    fleet.find_newer(hello)
    assert due() == [hello.pk]


def test_the_same_bytes_built_again_are_the_same(fleet: Fleet, hello: Unikernel) -> None:
    assert hello.newest is not None
    fleet.add_version(hello, digest=hello.newest.digest)
    again = fleet.add_build(hello.newest.digest)
    Unikernel.objects.update(newest=again)
    Standing.objects.update(newest=again)
    assert due() == []


@pytest.fixture
def twins(fleet: Fleet) -> tuple[Unikernel, Unikernel]:
    """Two of a team that wait for the same build."""
    first, second = fleet.waiting("first"), fleet.waiting("second")
    Unikernel.objects.filter(pk=second.pk).update(newest=first.newest)
    Standing.objects.update(newest=first.newest)
    return first, second


@pytest.mark.parametrize(
    ("state", "reverted"), [(State.ROLLED_BACK, False), (State.FAILED, False), (State.SUCCEEDED, True)]
)
def test_a_build_that_did_not_work_for_one_is_not_put_on_the_next_night_after_night(
    fleet: Fleet, twins: tuple[Unikernel, Unikernel], state: State, reverted: bool
) -> None:
    first, second = twins
    assert first.newest is not None
    operation = fleet.upgraded(first, state, at=timezone.now() - TWO_HOURS_AGO)
    of_bytes(operation, first.newest.digest)
    Operation.objects.update(reverted=reverted)
    assert due() == []
    assert outlook(second).text == Obstacle.SUSPECT


def test_once_a_person_had_success_with_it_the_others_follow(
    fleet: Fleet, twins: tuple[Unikernel, Unikernel]
) -> None:
    first, second = twins
    assert first.newest is not None
    for state, credential in ((State.ROLLED_BACK, "automatic"), (State.SUCCEEDED, "session")):
        operation = fleet.upgraded(first, state, credential=credential, at=timezone.now() - TWO_HOURS_AGO)
        of_bytes(operation, first.newest.digest)
    assert due() == [second.pk]


def test_a_build_that_could_not_be_tried_for_one_is_tried_for_the_next(
    fleet: Fleet, twins: tuple[Unikernel, Unikernel]
) -> None:
    first, second = twins
    assert first.newest is not None
    operation = fleet.upgraded(first, State.ABORTED, at=timezone.now() - TWO_HOURS_AGO)
    of_bytes(operation, first.newest.digest)
    assert due() == [second.pk]


def test_what_did_not_work_for_another_team_decides_nothing_here(
    fleet: Fleet, twins: tuple[Unikernel, Unikernel]
) -> None:
    first, second = twins
    assert first.newest is not None
    Unikernel.objects.filter(pk=first.pk).update(team=Team.objects.create(name="data", domain="data"))
    first.refresh_from_db()
    operation = fleet.upgraded(first, State.ROLLED_BACK, at=timezone.now() - TWO_HOURS_AGO)
    of_bytes(operation, first.newest.digest)
    assert due() == [second.pk]


# --- at most so many at once -------------------------------------------------------------------------


@pytest.fixture
def many(fleet: Fleet, settings: Any) -> list[Unikernel]:
    settings.AUTOMATIC_AT_ONCE = 2
    return [fleet.waiting(f"hello{number}") for number in range(4)]


def test_a_round_begins_at_most_so_many_on_an_instance(fleet: Fleet, many: list[Unikernel]) -> None:
    there = fleet.waiting("there", instance=fleet.add_instance("fra-2"))
    assert due() == [many[0].pk, many[1].pk, there.pk]


def test_those_under_way_count(fleet: Fleet, many: list[Unikernel]) -> None:
    fleet.upgraded(many[0], State.CHECK)
    assert due() == [many[1].pk]
    fleet.upgraded(many[1], State.CHECK)
    assert due() == []


def test_those_that_can_still_be_rolled_back_count(fleet: Fleet, many: list[Unikernel]) -> None:
    for unikernel in many[:2]:
        watch(fleet.upgraded(unikernel, State.SUCCEEDED))
    assert due() == []
    RollbackWindow.objects.filter(unikernel=many[0]).delete()
    assert len(due()) == 1


def test_what_people_do_takes_no_place(fleet: Fleet, many: list[Unikernel]) -> None:
    fleet.upgraded(many[0], State.CHECK, credential="session")
    watch(fleet.upgraded(many[1], State.SUCCEEDED, credential="session"))
    assert due() == [many[2].pk, many[3].pk]


def test_messages_that_come_twice_or_late_begin_nothing_beyond_the_limit(
    many: list[Unikernel], asked: Asked
) -> None:
    for unikernel in [*many, *many]:
        begin(unikernel.pk)
    assert [call["unikernel"] for call in asked.calls] == many[:2]


# --- one that does not end well ----------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.ABORTED, State.ROLLED_BACK, State.FAILED])
def test_the_round_of_a_team_stops_when_one_does_not_end_well(
    fleet: Fleet, many: list[Unikernel], state: State
) -> None:
    fleet.upgraded(many[0], state)
    assert due() == []
    assert outlook(many[1]).text == Obstacle.STOPPED
    opens_at = outlook(many[1]).opens_at
    assert opens_at is not None
    assert len(due(opens_at)) == 2


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.CANCELLED])
def test_it_goes_on_when_one_ends_well_or_a_person_cancels_it(
    fleet: Fleet, many: list[Unikernel], state: State
) -> None:
    fleet.upgraded(many[0], state)
    assert len(due()) == 2


def test_what_people_upgrade_stops_no_round(fleet: Fleet, many: list[Unikernel]) -> None:
    fleet.upgraded(many[0], State.FAILED, credential="session")
    assert len(due()) == 2


def test_what_ended_before_the_window_opened_stops_no_round(fleet: Fleet, many: list[Unikernel]) -> None:
    fleet.upgraded(many[0], State.FAILED, at=timezone.now() - TWO_HOURS_AGO)
    assert len(due()) == 2


def test_one_that_began_before_the_window_and_ended_badly_in_it_stops_the_round(
    fleet: Fleet, many: list[Unikernel]
) -> None:
    operation = fleet.upgraded(many[0], State.FAILED, at=timezone.now() - 2 * A_DAY)
    Operation.objects.filter(pk=operation.pk).update(finished_at=timezone.now())
    assert due() == []


def test_other_teams_go_on(fleet: Fleet, many: list[Unikernel]) -> None:
    other = fleet.waiting("hello", team=Team.objects.create(name="data", domain="data"))
    fleet.upgraded(many[0], State.ROLLED_BACK)
    assert due() == [other.pk]


def test_the_round_stops_when_one_is_reverted(fleet: Fleet, many: list[Unikernel]) -> None:
    operation = fleet.upgraded(many[0], State.SUCCEEDED)
    Operation.objects.filter(pk=operation.pk).update(reverted=True)
    assert due() == []


@pytest.mark.parametrize("credential", ["system", "session"])
def test_the_round_stops_as_soon_as_a_rollback_begins(
    fleet: Fleet, many: list[Unikernel], credential: str
) -> None:
    upgrade = fleet.upgraded(many[0], State.SUCCEEDED, at=timezone.now() - TWO_HOURS_AGO)
    assert len(due()) == 2
    Operation.objects.create(
        kind=Kind.ROLLBACK,
        unikernel=many[0],
        team=fleet.team,
        target=upgrade.fallback,
        fallback=upgrade.target,
        credential=credential,
        deadline_at=timezone.now(),
    )
    assert due() == []


def test_a_rollback_of_what_a_person_upgraded_stops_no_round(fleet: Fleet, many: list[Unikernel]) -> None:
    upgrade = fleet.upgraded(many[0], State.SUCCEEDED, credential="session")
    Operation.objects.create(
        kind=Kind.ROLLBACK,
        unikernel=many[0],
        team=fleet.team,
        target=upgrade.fallback,
        fallback=upgrade.target,
        credential="session",
        deadline_at=timezone.now(),
    )
    assert due() == [many[1].pk, many[2].pk]


def test_one_that_ends_badly_between_choosing_and_beginning_is_seen(
    fleet: Fleet, many: list[Unikernel], asked: Asked
) -> None:
    chosen = due()
    fleet.upgraded(many[3], State.ROLLED_BACK)
    assert [begin(pk) for pk in chosen] == [None, None]
    assert asked.calls == []


# --- beginning ---------------------------------------------------------------------------------------


def test_the_system_asks_for_the_newest_build_and_says_why(hello: Unikernel, asked: Asked) -> None:
    begin(hello.pk)
    (call,) = asked.calls
    assert call["actor"].credential == "automatic"
    assert call["actor"].user is None
    assert (call["unikernel"], call["to"], call["cause"]) == (hello, hello.newest, automatic.CAUSE)
    assert "accept" not in call  # nobody is there to say yes
    assert "configuration" not in call


def test_what_is_not_possible_is_told_once_and_looked_at_again_in_the_next_window(
    hello: Unikernel, asked: Asked
) -> None:
    asked.error = Refused("This would not work.", reasons=["The quota is too small."])
    for _ in range(3):
        begin(hello.pk)
    assert len(asked.calls) == 1
    event = Event.objects.get(kind="unikernel.update-not-begun")
    assert event.reason == "This would not work. The quota is too small."
    assert (event.subject, event.team, event.credential) == (f"unikernel:{hello.pk}", hello.team, "automatic")
    assert outlook(hello).text == Obstacle.REFUSED
    opens_at = outlook(hello).opens_at
    assert opens_at is not None
    assert due(opens_at) == [hello.pk]


def test_a_refusal_of_one_build_says_nothing_about_the_next(
    fleet: Fleet, hello: Unikernel, asked: Asked
) -> None:
    asked.error = Refused("This would not work.")
    begin(hello.pk)
    fleet.find_newer(hello)
    assert due() == [hello.pk]


def test_one_that_is_refused_is_not_in_the_way_of_others(many: list[Unikernel], asked: Asked) -> None:
    asked.error = Refused("This would not work.")
    begin(many[0].pk)
    asked.error = None
    assert due() == [many[1].pk, many[2].pk]


def test_somebody_who_was_faster_is_no_refusal(hello: Unikernel, asked: Asked) -> None:
    asked.error = Conflict("Another operation is under way.")
    assert begin(hello.pk) is None
    assert not Event.objects.filter(kind="unikernel.update-not-begun").exists()
    assert due() == [hello.pk]


def test_one_that_is_gone_meanwhile_is_nothing(db: None) -> None:
    assert begin(4711) is None


def test_the_task_wakes_each_one_for_itself(
    many: list[Unikernel], asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[int] = []
    wake: Callable[[int], None] = woken.append
    monkeypatch.setattr(tasks.begin, "delay", wake)
    assert tasks.upgrade_round() == 2
    assert woken == [many[0].pk, many[1].pk]
    tasks.begin(woken[0])
    assert [call["unikernel"] for call in asked.calls] == [many[0]]


def test_the_schedule_knows_the_tasks_by_name() -> None:
    from mollymawk.celery import app

    assert app.conf.beat_schedule["updates-round"]["task"] == tasks.upgrade_round.name


def test_a_round_over_nothing_asks_one_question(
    fleet: Fleet, django_assert_num_queries: Callable[[int], Any]
) -> None:
    fleet.add("hello")
    with django_assert_num_queries(1):
        assert due() == []


def test_a_round_asks_as_much_for_many_as_for_one(
    fleet: Fleet, django_assert_num_queries: Callable[[int], Any]
) -> None:
    for number in range(12):
        fleet.waiting(f"hello{number}")
    with django_assert_num_queries(6):
        assert len(due()) == 2
