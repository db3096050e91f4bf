"""Automatic restarts: when they come, and everything that holds them back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Event
from albatross.models import Instance
from tests.checks.conftest import check_of
from unikernels.checks import restarts
from unikernels.checks.restarts import DAY, MOST, NOT_RESTARTED, PAUSES, sweep
from unikernels.models import Check, CheckResult, Operation, RollbackWindow, Unikernel, Version
from unikernels.operations.machine import Kind, State

MINUTE = timedelta(minutes=1)
_, FAILED, INCONCLUSIVE = CheckResult.Outcome


@pytest.fixture
def unikernel(unikernel: Unikernel) -> Unikernel:
    """A running one with a version that could be restarted, after three failed rounds."""
    version = Version.objects.create(
        unikernel=unikernel, number=1, digest="0" * 64, configuration={}, sealed_arguments="", origin="upload"
    )
    Unikernel.objects.update(
        current=version, restart_after=3, created_at=timezone.now() - timedelta(days=365), started=1
    )
    unikernel.refresh_from_db()
    return unikernel


@pytest.fixture
def check(unikernel: Unikernel) -> Check:
    return check_of(unikernel, "web", "http", url="http://10.0.0.2/")


def fail(check: Check, times: int, since: timedelta = MINUTE) -> None:
    """*check* has failed so many times in a row just now, and has been down *since*."""
    now = timezone.now()
    CheckResult.objects.bulk_create(
        CheckResult(check_row=check, at=now, outcome=FAILED, latency=1, text="It failed.")
        for _ in range(times)
    )
    Check.objects.filter(pk=check.pk).update(state=Check.State.DOWN, failures=times, state_since=now - since)


def ended(unikernel: Unikernel, ago: timedelta, kind: Kind = Kind.RESTART, **fields: Any) -> Operation:
    """An operation that ended so long ago; a restart by the system unless something else is said."""
    at = timezone.now() - ago
    given = {"credential": "system", "state": State.SUCCEEDED, "created_at": at, "finished_at": at} | fields
    return Operation.objects.create(kind=kind, unikernel=unikernel, deadline_at=at, **given)


def told() -> list[str]:
    return list(Event.objects.filter(kind=NOT_RESTARTED).values_list("reason", flat=True))


def test_after_enough_failed_rounds_it_is_restarted_once(check: Check, unikernel: Unikernel) -> None:
    fail(check, 3)
    (operation,) = sweep()
    assert (operation.kind, operation.credential, operation.requested_by) == (Kind.RESTART, "system", None)
    assert operation.cause == "Check web failed 3 times in a row."
    assert sweep() == [], "one is under way"


@pytest.mark.parametrize("failures", [0, 2])
def test_not_before(check: Check, failures: int) -> None:
    fail(check, failures)
    assert sweep() == []


def test_not_when_nobody_wants_it(check: Check) -> None:
    fail(check, 50)
    Unikernel.objects.update(restart_after=None)
    assert sweep() == []


def test_not_when_it_answers_again(check: Check) -> None:
    fail(check, 3)
    Check.objects.update(state=Check.State.UP, failures=0)
    assert sweep() == []


@pytest.mark.parametrize("state", [Unikernel.Presence.MISSING, Unikernel.Presence.STOPPED])
def test_not_when_it_does_not_run(check: Check, state: str) -> None:
    fail(check, 3)
    Unikernel.objects.update(state=state)
    assert sweep() == []
    assert told() == []


def test_not_while_the_instance_does_not_answer(check: Check) -> None:
    fail(check, 3)
    Instance.objects.update(status=Instance.Status.DEGRADED)
    assert sweep() == []
    Instance.objects.update(status=Instance.Status.ONLINE)
    assert len(sweep()) == 1


def test_not_while_anything_is_done_to_it(check: Check, unikernel: Unikernel) -> None:
    fail(check, 3)
    ended(unikernel, MINUTE, Kind.CONFIGURE, state=State.PROVE, finished_at=None)
    assert sweep() == []


def test_not_while_the_rollback_window_is_open(check: Check, unikernel: Unikernel) -> None:
    opener = ended(unikernel, MINUTE, Kind.UPGRADE)
    fail(check, 3)
    now = timezone.now()
    assert unikernel.current is not None
    window = RollbackWindow.objects.create(
        unikernel=unikernel, to=unikernel.current, operation=opener, until=now + MINUTE, due_at=now
    )
    assert sweep() == []
    window.until = now - MINUTE
    window.save()
    assert len(sweep()) == 1


def test_failures_from_before_something_was_done_to_it_do_not_count(
    check: Check, unikernel: Unikernel
) -> None:
    fail(check, 5)
    ended(unikernel, timedelta(0), Kind.CONFIGURE, credential="session")
    assert sweep() == []
    fail(check, 2)
    Check.objects.update(failures=7)
    assert sweep() == []
    fail(check, 1)
    Check.objects.update(failures=8)
    assert len(sweep()) == 1


def test_tries_of_an_operation_do_not_count(check: Check, unikernel: Unikernel) -> None:
    operation = ended(unikernel, 2 * MINUTE, Kind.CONFIGURE)
    fail(check, 3)
    CheckResult.objects.filter(pk=CheckResult.objects.latest("pk").pk).update(operation=operation)
    assert sweep() == []


def test_results_that_say_nothing_do_not_count(check: Check) -> None:
    fail(check, 3)
    CheckResult.objects.filter(pk=CheckResult.objects.latest("pk").pk).update(outcome=INCONCLUSIVE)
    assert sweep() == []


@pytest.mark.parametrize(
    ("before", "begun"),
    [
        ([], 1),
        ([PAUSES[1] - MINUTE], 0),
        ([PAUSES[1] + MINUTE], 1),
        ([PAUSES[2] - MINUTE, PAUSES[2] * 2], 0),
        ([PAUSES[2] + MINUTE, PAUSES[2] * 2], 1),
        ([timedelta(hours=5), timedelta(hours=6), timedelta(hours=7)], 0),
        ([timedelta(hours=5), timedelta(hours=6), DAY + MINUTE], 1),
        ([DAY + MINUTE] * 3, 1),
    ],
    ids=[
        "first",
        "too soon",
        "second",
        "too soon for a third",
        "third",
        "a fourth",
        "one is old",
        "all are old",
    ],
)
def test_pauses_grow_and_there_are_three_in_a_day(
    check: Check, unikernel: Unikernel, before: list[timedelta], begun: int
) -> None:
    for ago in before:
        ended(unikernel, ago)
    fail(check, 3)
    assert len(sweep()) == begun


def test_an_outage_of_days_is_not_met_with_three_restarts_a_day(check: Check, unikernel: Unikernel) -> None:
    for days in (2, 3, 4):
        ended(unikernel, timedelta(days=days))
    fail(check, 3, since=timedelta(days=5))
    assert sweep() == []
    assert sweep() == []
    assert told() == [f"It was restarted by itself {MOST} times: a person has to look."]


def test_restarts_by_people_are_not_counted(check: Check, unikernel: Unikernel, dave: Any) -> None:
    for _ in range(MOST):
        ended(unikernel, MINUTE, credential="session", requested_by=dave)
    fail(check, 3)
    assert len(sweep()) == 1


def test_what_cannot_be_restarted_is_told_once_in_an_outage(check: Check) -> None:
    Unikernel.objects.update(changed_outside=True)
    fail(check, 3)
    assert (sweep(), sweep()) == ([], [])
    (reason,) = told()
    assert "Adopt it first" in reason


def test_somebody_else_who_was_first_is_left_alone(
    check: Check, unikernel: Unikernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation that begins after the last look at them."""
    fail(check, 3)
    monkeypatch.setattr(restarts, "_left_alone", lambda _: True)
    ended(unikernel, MINUTE, Kind.CONFIGURE, state=State.CHECK, finished_at=None)
    assert sweep() == []
    assert told() == []


def test_a_flapping_unikernel_is_restarted_no_more_than_three_times_in_a_day(
    check: Check, unikernel: Unikernel
) -> None:
    """Every hour it goes down, is restarted, and answers again."""
    for hour in range(24, 0, -1):
        fail(check, 3)
        for operation in sweep():
            at = timezone.now() - timedelta(hours=hour) + MINUTE
            Operation.objects.filter(pk=operation.pk).update(created_at=at, finished_at=at)
        Check.objects.update(state=Check.State.UP, failures=0)
    assert Operation.objects.count() == MOST
