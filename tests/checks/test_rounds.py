"""Rounds: all checks of a unikernel at once, what they say together, and what is kept of it."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from albatross.simulator import SimulatedInstance
from tests.checks.conftest import check_of, start
from tests.checks.servers import answering, hanging, http, request_of, serving
from unikernels.checks import rounds
from unikernels.checks.probes import Found
from unikernels.checks.rounds import Result, configured, judged, run
from unikernels.checks.settings import parse
from unikernels.models import Check, CheckResult, Operation, Unikernel
from unikernels.operations.machine import Kind

PASSED, FAILED, INCONCLUSIVE = CheckResult.Outcome


def results(*outcomes: CheckResult.Outcome) -> list[Result]:
    at = datetime(2026, 11, 22, tzinfo=timezone.get_default_timezone())
    return [Result(Check(name=f"c{n}"), at, Found(o, 0.01, f"{o}.")) for n, o in enumerate(outcomes)]


@pytest.mark.parametrize(
    ("outcomes", "outcome", "text"),
    [
        ((PASSED,), PASSED, "1 check passed within 10 ms."),
        ((PASSED, PASSED), PASSED, "2 checks passed within 10 ms."),
        ((PASSED, FAILED), FAILED, "c1: failed."),
        ((FAILED, INCONCLUSIVE, FAILED), FAILED, "c0: failed. c2: failed."),
        ((PASSED, INCONCLUSIVE), INCONCLUSIVE, "c1: inconclusive."),
        ((), INCONCLUSIVE, "It has no check."),
    ],
)
def test_what_results_say_together(
    outcomes: tuple[CheckResult.Outcome, ...], outcome: CheckResult.Outcome, text: str
) -> None:
    said = judged(results(*outcomes))
    assert (said.outcome, said.text) == (outcome, text)
    assert len(said.results) == len(outcomes)


def test_a_unikernel_with_and_without_checks(unikernel: Unikernel) -> None:
    assert not configured(unikernel)
    check_of(unikernel, "tcp", "tcp", address="10.0.0.2:22")
    assert configured(unikernel)
    Check.objects.all().delete()
    assert run(unikernel, timeout=1).outcome == INCONCLUSIVE


def test_a_round_asks_everything_and_keeps_what_it_found(unikernel: Unikernel, here: str) -> None:
    with serving(here, answering(http(200, b"hello"))) as server:
        web = check_of(unikernel, "web", "http", url=server.url, text="hello")
        gone = check_of(unikernel, "words", "http", url=server.url, text="good bye")
        check_of(unikernel, "forbidden", "tcp", address="127.0.0.1:5432")
        said = run(unikernel, timeout=5)
    assert said.outcome == FAILED
    assert said.text == "words: It answered 200, and “good bye” is not in it."
    kept = {result.check_row_id: result for result in CheckResult.objects.all()}
    assert len(kept) == 3
    assert kept[web.pk].outcome == PASSED
    assert kept[gone.pk].outcome == FAILED
    assert kept[web.pk].latency > 0
    assert all(result.operation is None for result in kept.values())


def test_the_checks_are_asked_side_by_side(unikernel: Unikernel, here: str) -> None:
    together = threading.Barrier(3, timeout=4)

    def handle(connection: Any) -> None:
        request_of(connection)
        together.wait()
        connection.sendall(http(200))

    with serving(here, handle) as server:
        for number in range(3):
            check_of(unikernel, f"web {number}", "http", url=server.url)
        assert run(unikernel, timeout=5).outcome == PASSED, "none is answered before all have asked"


def test_what_an_operation_asked_for_says_so(unikernel: Unikernel, here: str) -> None:
    operation = Operation.objects.create(
        kind=Kind.UPGRADE, unikernel=unikernel, credential="system", deadline_at=timezone.now()
    )
    with serving(here, hanging) as server:
        check_of(unikernel, "tcp", "tcp", address=server.place)
        run(unikernel, timeout=5, operation=operation)
    assert operation.results.get().outcome == PASSED


def test_a_round_changes_nothing_about_how_a_check_stands(unikernel: Unikernel, here: str) -> None:
    with serving(here, hanging) as server:
        check = check_of(unikernel, "tcp", "tcp", address=server.place)
        run(unikernel, timeout=5)
    before = (check.state, check.failures, check.due_at)
    check.refresh_from_db()
    assert (check.state, check.failures, check.due_at) == before


def test_settings_that_cannot_be_read_any_more_are_inconclusive(unikernel: Unikernel) -> None:
    Check.objects.create(unikernel=unikernel, name="old", kind="http", settings={"host": "a"})
    said = run(unikernel, timeout=1)
    assert said.outcome == INCONCLUSIVE
    assert "settings" in said.text


def test_a_fault_of_ours_is_inconclusive_and_stops_no_other_check(
    unikernel: Unikernel, here: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:

    def faulty(kind: str, data: Any) -> Any:
        return parse(kind, data) if kind == "tcp" else 1 / 0

    monkeypatch.setattr(rounds, "parse", faulty)
    with serving(here, hanging) as server:
        check_of(unikernel, "good", "tcp", address=server.place)
        check_of(unikernel, "bad", "http", url=server.url)
        said = run(unikernel, timeout=5)
    outcomes = {result.check.name: result.found.outcome for result in said.results}
    assert outcomes == {"good": PASSED, "bad": INCONCLUSIVE}
    assert "ZeroDivisionError" in caplog.text


def test_results_of_a_check_that_was_removed_meanwhile_are_not_kept(unikernel: Unikernel, here: str) -> None:
    with serving(here, hanging) as server:
        kept = check_of(unikernel, "kept", "tcp", address=server.place)
        removed = check_of(unikernel, "removed", "tcp", address=server.place)
        found = rounds.tried([kept, removed], 5)
    Check.objects.filter(pk=removed.pk).delete()
    rounds.keep(found)
    assert CheckResult.objects.get().check_row == kept


# --- simulated unikernels ------------------------------------------------------------------------------


def test_a_simulated_web_server_passes_and_one_with_another_text_fails(
    unikernel: Unikernel, simulated: SimulatedInstance, simulated_network: str
) -> None:
    address = simulated_network.replace("0/24", "7")
    start(simulated, address, {"http": {"text": "Hello from build 1"}})
    url = f"http://{address}:8080/"
    check = check_of(unikernel, "web", "http", url=url, text="build 1")
    assert run(unikernel, timeout=5).outcome == PASSED
    Check.objects.filter(pk=check.pk).update(settings={"url": url, "text": "build 2"})
    assert run(unikernel, timeout=5).outcome == FAILED


@pytest.mark.parametrize("silence", ["close", "hang"])
def test_a_simulated_unikernel_that_answers_every_second_request(
    unikernel: Unikernel, simulated: SimulatedInstance, simulated_network: str, silence: str
) -> None:
    address = simulated_network.replace("0/24", "8")
    start(simulated, address, {"http": {}, "answers": 0.5, "silence": silence})
    check_of(unikernel, "web", "http", url=f"http://{address}:8080/")
    said = [run(unikernel, timeout=0.3).outcome for _ in range(4)]
    assert said == [FAILED, PASSED, FAILED, PASSED]
