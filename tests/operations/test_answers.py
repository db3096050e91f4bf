"""Configured checks decide: before a change, after it, and while the rollback window is open."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from mollymawk.errors import Refused
from tests.operations.conftest import House
from unikernels.models import Check, CheckResult, Operation, RollbackWindow, Unikernel
from unikernels.operations import services
from unikernels.operations.machine import Running, State
from unikernels.operations.story import steps_of, verdict
from unikernels.windows import guard

GOOD = {"http": {"text": "hello"}}
SILENT: dict[str, Any] = {"http": {"text": "hello"}, "answers": 0}


@pytest.fixture
def address(simulated_network: str) -> str:
    return f"{simulated_network.rpartition('.')[0]}.77"


@pytest.fixture
def web(house: House, address: str) -> Unikernel:
    """Runs, and answers its check."""
    thing = house.running(house.image(GOOD), arguments=(f"--ipv4={address}/24",))
    Check.objects.create(
        unikernel=thing,
        name="page",
        kind=Check.Kind.HTTP,
        settings={
            "url": f"http://{address}:8080/",
            "connect": None,
            "status": [200, 399],
            "text": "",
            "verify": True,
        },
    )
    return thing


def upgrade(house: House, thing: Unikernel, behaviour: dict[str, Any], **options: Any) -> Operation:
    image = house.image(behaviour | {"lines": ["newer"]})
    return services.upgrade(actor=house.actor, unikernel=thing, to=image, **options)


def test_an_upgrade_that_answers_succeeds_and_says_so(house: House, web: Unikernel) -> None:
    operation = house.finish(upgrade(house, web, GOOD))
    assert operation.state == State.SUCCEEDED, operation.reason
    assert verdict(operation).sentence == "Version 2 of hello runs and passes its checks."
    assert [step.name for step in steps_of(operation)][-2] == "answers"
    rounds = operation.memo["rounds"]
    assert len(rounds) >= 3
    assert CheckResult.objects.filter(operation=operation).count() == len(rounds) + 1


def test_an_upgrade_that_does_not_answer_goes_back(house: House, web: Unikernel, settings: Any) -> None:
    settings.OPERATION_TIMINGS = settings.OPERATION_TIMINGS | {"prove_limit": 1.5}
    before = house.digest()
    operation = house.finish(upgrade(house, web, SILENT))
    assert operation.state == State.ROLLED_BACK, operation.reason
    assert house.digest() == before
    assert "did not pass its checks" in operation.reason


def test_what_does_not_answer_before_is_not_touched(house: House, web: Unikernel) -> None:
    Check.objects.update(settings=Check.objects.get().settings | {"text": "something else"})
    sends = house.sends()
    operation = house.finish(upgrade(house, web, GOOD))
    assert operation.state == State.ABORTED
    assert "does not answer as it is" in operation.reason
    assert house.sends() == sends


def test_a_person_may_go_on_although_it_does_not_answer(house: House, web: Unikernel) -> None:
    house.finish(
        services.configure(
            actor=house.actor,
            unikernel=web,
            configuration=_with_argument(web, "--answers=0"),
            accept=["failing-checks"],
        )
    )
    operation = house.finish(upgrade(house, web, GOOD, accept=["failing-checks"]))
    assert operation.accepted == ["failing-checks"]
    assert operation.state == State.SUCCEEDED, operation.reason


def test_what_cannot_be_asked_is_not_healthy(house: House, web: Unikernel) -> None:
    check = Check.objects.get()
    Check.objects.update(settings=check.settings | {"url": "http://127.0.0.1:8080/"})
    operation = house.finish(upgrade(house, web, GOOD))
    assert operation.state == State.ABORTED
    assert "could not be made" in operation.reason


def test_a_rollback_is_not_stopped_by_failing_checks_and_never_calls_them_a_success(
    house: House, web: Unikernel, settings: Any
) -> None:
    house.finish(upgrade(house, web, GOOD))
    settings.OPERATION_TIMINGS = settings.OPERATION_TIMINGS | {"prove_limit": 0.4}
    Check.objects.update(settings=Check.objects.get().settings | {"text": "nobody says this"})
    operation = house.finish(services.rollback(actor=house.actor, unikernel=web))
    assert (operation.state, operation.running) == (State.FAILED, Running.YES)
    web.refresh_from_db()
    assert web.current is not None
    assert web.current.number == 1
    assert house.digest() == web.current.digest
    assert "hello runs." in verdict(operation).sentence
    with pytest.raises(Refused):
        services.rollback(actor=house.actor, unikernel=web)


def test_two_failing_rounds_in_the_window_go_back_by_themselves(house: House, web: Unikernel) -> None:
    newer = house.finish(upgrade(house, web, GOOD))
    Check.objects.update(settings=Check.objects.get().settings | {"text": "nobody says this"})
    begun = None
    for _ in range(2):
        assert begun is None
        RollbackWindow.objects.update(due_at=timezone.now())
        (pk,) = guard.due()
        begun = guard.watch(pk)
    assert begun is not None
    assert begun.credential == "system"
    assert begun.cause.startswith("Version 2 failed 2 of the last 2 rounds: page:")
    house.finish(begun)
    newer.refresh_from_db()
    assert (newer.state, newer.reverted) == (State.SUCCEEDED, True)


def test_a_process_that_ends_while_it_is_proven_goes_back(
    house: House, web: Unikernel, settings: Any
) -> None:
    settings.OPERATION_TIMINGS = settings.OPERATION_TIMINGS | {"pass_span": 1.0}
    operation = house.finish(upgrade(house, web, GOOD | {"exit_after": 0.25, "exit": 1}))
    assert operation.state == State.ROLLED_BACK, operation.reason


def _with_argument(thing: Unikernel, argument: str) -> Any:
    from dataclasses import replace

    from unikernels.versions import configuration_of

    assert thing.current is not None
    configuration = configuration_of(thing.current)
    return replace(configuration, arguments=(*configuration.arguments, argument))
