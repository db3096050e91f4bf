"""Scheduled rounds: who is asked when, ups and downs, and what happens beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as project
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actors import SYSTEM
from accounts.models import Event, Letter
from mollymawk.celery import app
from tests.checks.conftest import check_of
from tests.checks.servers import Served, answering, by_path, http, serving
from unikernels.checks import schedule
from unikernels.checks.probes import Found
from unikernels.checks.rounds import Result
from unikernels.checks.schedule import CONFIRM_SECONDS, forget_stopped, prune, sweep, take_in
from unikernels.checks.services import check_change
from unikernels.checks.tasks import sweep as task
from unikernels.letters.checks import is_news
from unikernels.models import Check, CheckResult, Operation, Unikernel
from unikernels.operations.machine import Kind

UNKNOWN, UP, DOWN = Check.State
PASSED, FAILED, INCONCLUSIVE = CheckResult.Outcome
Presence = Unikernel.Presence


@pytest.fixture
def check(unikernel: Unikernel) -> Check:
    return check_of(unikernel, "web", "http", url="http://10.0.0.2/")


def claimed(check: Check) -> Check:
    """*check* as a sweep holds it."""
    (held,) = Check.objects.filter(pk=check.pk).select_related("unikernel__instance", "unikernel__team")
    return held


def say(check: Check, *outcomes: CheckResult.Outcome) -> Check:
    """Take in results of *check*, one after the other, as sweeps would."""
    for outcome in outcomes:
        take_in([Result(claimed(check), timezone.now(), Found(outcome, 0.01, f"It {outcome}."))])
    check.refresh_from_db()
    return check


def flips() -> list[tuple[str, str, str]]:
    kinds = Event.objects.filter(kind__in=["check.up", "check.down", "check.unknown"]).order_by("id")
    return list(kinds.values_list("kind", "was", "reason"))


def begin(unikernel: Unikernel, **fields: Any) -> Operation:
    return Operation.objects.create(
        kind=Kind.UPGRADE, unikernel=unikernel, credential="system", deadline_at=timezone.now(), **fields
    )


# --- who is asked --------------------------------------------------------------------------------------


@contextmanager
def a_web_server(here: str) -> Iterator[Served]:
    served: list[Served] = []
    with serving(here, by_path(served, {b"/": http(200)})) as server:
        served.append(server)
        yield server


def test_what_is_due_is_asked_once_and_then_a_round_later(unikernel: Unikernel, here: str) -> None:
    with a_web_server(here) as server:
        check = check_of(unikernel, "web", "http", url=server.url)
        assert (sweep(), sweep()) == (1, 0)
    check.refresh_from_db()
    assert check.state == UP
    assert check.due_at > timezone.now() + timedelta(seconds=check.seconds - 10)
    assert CheckResult.objects.get().outcome == PASSED
    assert len(server.requests) == 1


def test_what_another_sweep_claimed_is_not_asked_again(unikernel: Unikernel, here: str) -> None:
    with a_web_server(here) as server:
        check = check_of(unikernel, "web", "http", url=server.url)
        stale = claimed(check)
        assert sweep() == 1
        assert not schedule._claim(stale, timezone.now())
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("state", "asked"),
    [(Presence.RUNNING, 1), (Presence.MISSING, 1), (Presence.STOPPED, 0), (Presence.NEW, 0)],
)
def test_what_is_not_stopped_is_asked(unikernel: Unikernel, here: str, state: str, asked: int) -> None:
    Unikernel.objects.update(state=state)
    with a_web_server(here) as server:
        check_of(unikernel, "web", "http", url=server.url)
        assert sweep() == asked
    assert len(server.requests) == asked


def test_nothing_is_asked_while_an_operation_is_under_way(unikernel: Unikernel, here: str) -> None:
    operation = begin(unikernel)
    with a_web_server(here) as server:
        check_of(unikernel, "web", "http", url=server.url)
        assert sweep() == 0
        Operation.objects.filter(pk=operation.pk).update(finished_at=timezone.now() - timedelta(seconds=1))
        assert sweep() == 1


def test_more_than_a_batch_is_asked_in_one_sweep(
    unikernel: Unikernel, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "SIDE_BY_SIDE", 2)
    with a_web_server(here) as server:
        for number in range(5):
            check_of(unikernel, f"web {number}", "http", url=server.url)
        assert sweep() == 5
    assert CheckResult.objects.filter(outcome=PASSED).count() == 5


def test_a_sweep_that_took_its_time_leaves_the_rest_to_the_next(
    unikernel: Unikernel, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "SIDE_BY_SIDE", 2)
    monkeypatch.setattr(schedule, "BUDGET", -1.0)
    with a_web_server(here) as server:
        for number in range(3):
            check_of(unikernel, f"web {number}", "http", url=server.url)
        assert (sweep(), sweep(), sweep()) == (2, 1, 0)


def test_a_sweep_with_nothing_to_do_asks_the_database_little(unikernel: Unikernel, check: Check) -> None:
    Check.objects.update(due_at=timezone.now() + timedelta(hours=1))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert task() == 0
    assert len(queries) <= 6


# --- up and down ---------------------------------------------------------------------------------------


def test_one_failure_is_not_down_and_is_tried_again_soon(check: Check) -> None:
    say(check, PASSED)
    Check.objects.update(due_at=timezone.now() + timedelta(minutes=5))
    say(check, FAILED)
    assert (check.state, check.failures) == (UP, 1)
    assert check.due_at <= timezone.now() + timedelta(seconds=CONFIRM_SECONDS)


def test_two_failures_are_down_and_one_pass_is_up(check: Check) -> None:
    say(check, PASSED, FAILED, FAILED, FAILED, PASSED)
    assert (check.state, check.failures) == (UP, 0)
    assert flips() == [
        ("check.up", "unknown", "web: It passed."),
        ("check.down", "up", "web: It failed."),
        ("check.up", "down", "web: It passed."),
    ]


def test_what_we_could_not_ask_is_neither(check: Check) -> None:
    say(check, PASSED, FAILED, INCONCLUSIVE, INCONCLUSIVE)
    assert (check.state, check.failures) == (UP, 1)
    say(check, FAILED)
    assert check.state == DOWN


def test_what_says_nothing_for_long_is_unknown(check: Check) -> None:
    say(check, PASSED, INCONCLUSIVE, INCONCLUSIVE)
    assert check.state == UP
    say(check, INCONCLUSIVE)
    assert check.state == UNKNOWN
    assert flips()[-1] == ("check.unknown", "up", "web: It inconclusive.")


def test_a_change_of_state_is_all_or_nothing(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    say(check, PASSED, FAILED)

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("no news today")

    monkeypatch.setattr(schedule, "is_news", broken)
    say(check, FAILED)
    assert (check.state, len(flips())) == (UP, 1)
    monkeypatch.undo()
    say(check, FAILED)
    assert (check.state, len(flips())) == (DOWN, 2)


def test_one_check_that_makes_us_fail_does_not_stop_the_others(
    unikernel: Unikernel, check: Check, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = check_of(unikernel, "zzz", "http", url="http://10.0.0.2/")

    def broken(told: Check, **more: Any) -> bool:
        if told.name == "web":
            raise RuntimeError("no news today")
        return is_news(told, **more)

    monkeypatch.setattr(schedule, "is_news", broken)
    found = Found(PASSED, 0.01, "It passed.")
    take_in([Result(claimed(one), timezone.now(), found) for one in (check, other)])
    states = dict(Check.objects.values_list("name", "state"))
    assert states == {"web": UNKNOWN, "zzz": UP}
    assert "was not taken in" in caplog.text


# --- beside it -----------------------------------------------------------------------------------------


def test_a_result_from_before_an_operation_that_began_meanwhile_does_not_count(check: Check) -> None:
    held, asked = claimed(check), timezone.now()
    begin(check.unikernel)
    take_in([Result(held, asked, Found(FAILED, 5, "It failed."))])
    check.refresh_from_db()
    assert check.failures == 0
    assert not CheckResult.objects.exists()


def test_a_result_from_before_an_operation_that_even_ended_does_not_count(check: Check) -> None:
    held, asked = claimed(check), timezone.now()
    begin(check.unikernel, finished_at=timezone.now())
    take_in([Result(held, asked, Found(FAILED, 5, "It failed."))])
    assert not CheckResult.objects.exists()


def test_an_operation_elsewhere_does_not_matter(check: Check) -> None:
    begin(Unikernel.objects.create(instance=check.unikernel.instance, path="robur", name="other"))
    assert say(check, FAILED).failures == 1


def test_a_result_of_the_question_before_does_not_answer_the_new_one(check: Check) -> None:
    say(check, FAILED)
    held = claimed(check)
    check_change(actor=SYSTEM, check=check, settings={"url": "http://10.0.0.3/"})
    take_in([Result(held, timezone.now(), Found(FAILED, 0.01, "It failed."))])
    check.refresh_from_db()
    assert (check.state, check.failures) == (UNKNOWN, 0)


def test_a_check_that_was_removed_meanwhile_is_forgotten(check: Check) -> None:
    held = claimed(check)
    Check.objects.all().delete()
    take_in([Result(held, timezone.now(), Found(PASSED, 0.01, "It passed."))])
    assert flips() == []


@pytest.mark.parametrize("state", [Presence.STOPPED, Presence.NEW])
def test_of_what_was_stopped_nothing_is_known(check: Check, state: str) -> None:
    say(check, PASSED)
    Unikernel.objects.update(state=state)
    forget_stopped()
    forget_stopped()
    check.refresh_from_db()
    assert check.state == UNKNOWN
    assert [kind for kind, _, _ in flips()] == ["check.up", "check.unknown"]
    assert not Letter.objects.exists()


def test_what_runs_or_is_being_changed_is_not_forgotten(check: Check) -> None:
    say(check, PASSED)
    forget_stopped()
    Unikernel.objects.update(state=Presence.STOPPED)
    begin(check.unikernel)
    forget_stopped()
    check.refresh_from_db()
    assert check.state == UP


def test_old_results_go_and_ups_and_downs_stay(check: Check) -> None:
    say(check, PASSED, PASSED)
    old, new = CheckResult.objects.order_by("pk")
    days = timedelta(days=project.CHECK_RESULT_DAYS)
    CheckResult.objects.filter(pk=old.pk).update(at=timezone.now() - days - timedelta(seconds=1))
    CheckResult.objects.filter(pk=new.pk).update(at=timezone.now() - days + timedelta(minutes=1))
    assert prune() == 1
    assert list(CheckResult.objects.all()) == [new]
    assert len(flips()) == 1


def test_the_schedule_knows_the_sweep(unikernel: Unikernel, here: str) -> None:
    assert task.name in {entry["task"] for entry in app.conf.beat_schedule.values()}
    with serving(here, answering(http(200))) as server:
        check_of(unikernel, "web", "http", url=server.url)
        assert task() == 1
