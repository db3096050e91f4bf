"""The rollback window: one press goes back; the guard does it by itself; nothing else opens or closes it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Event
from albatross.messages import Config, UnikernelCreate, UnikernelDestroy
from albatross.simulator import Fault, Kind, build_image
from mollymawk.errors import Conflict, Refused
from tests.operations.conftest import House
from unikernels.configuration import Configuration
from unikernels.images import store
from unikernels.models import Operation, RollbackWindow, Unikernel
from unikernels.operations import services
from unikernels.operations.machine import Running, State
from unikernels.operations.story import verdict
from unikernels.windows import guard


@pytest.fixture
def upgraded(house: House) -> Unikernel:
    """Runs version 2, its window open."""
    unikernel = house.running()
    newer = house.image({"lines": ["newer"]})
    operation = house.finish(services.upgrade(actor=house.actor, unikernel=unikernel, to=newer))
    assert operation.state == State.SUCCEEDED, operation.reason
    unikernel.refresh_from_db()
    return unikernel


def roll_back(house: House, unikernel: Unikernel) -> Operation:
    return house.finish(services.rollback(actor=house.actor, unikernel=unikernel))


def round_of_the_guard() -> Operation | None:
    RollbackWindow.objects.update(due_at=timezone.now())
    begun = None
    for pk in guard.due():
        begun = guard.watch(pk)
    return begun


def test_one_press_goes_back(house: House, upgraded: Unikernel) -> None:
    operation = roll_back(house, upgraded)
    assert operation.state == State.SUCCEEDED, operation.reason
    first = upgraded.versions.get(number=1)
    assert house.digest() == first.digest
    upgraded.refresh_from_db()
    assert upgraded.current == first
    opener = Operation.objects.get(kind="upgrade")
    assert opener.reverted
    assert "taken back" in verdict(opener).sentence
    assert verdict(operation).sentence == "Version 1 of hello runs again and stays up."


def test_pressing_twice_is_refused_with_words(house: House, upgraded: Unikernel) -> None:
    first = services.rollback(actor=house.actor, unikernel=upgraded)
    with pytest.raises(Conflict, match="rollback"):
        services.rollback(actor=house.actor, unikernel=upgraded)
    house.finish(first)
    with pytest.raises(Refused, match="went back already: version 1 runs"):
        services.rollback(actor=house.actor, unikernel=upgraded)


def test_without_a_window_it_is_refused_with_words(house: House) -> None:
    with pytest.raises(Refused, match="no rollback window is open"):
        services.rollback(actor=house.actor, unikernel=house.running())


def test_a_window_whose_time_is_over_closes(house: House, upgraded: Unikernel) -> None:
    RollbackWindow.objects.update(until=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Refused, match="no rollback window is open"):
        services.rollback(actor=house.actor, unikernel=upgraded)
    assert round_of_the_guard() is None
    assert not RollbackWindow.objects.exists()
    assert Event.objects.filter(kind="unikernel.window-closed").count() == 1


def test_a_rollback_opens_no_window(house: House, upgraded: Unikernel) -> None:
    roll_back(house, upgraded)
    assert not RollbackWindow.objects.exists()


def test_a_later_change_replaces_the_window(house: House, upgraded: Unikernel) -> None:
    configuration = Configuration(memory=64)
    house.finish(services.configure(actor=house.actor, unikernel=upgraded, configuration=configuration))
    assert RollbackWindow.objects.get().to.number == 2


def test_a_destroy_closes_the_window(house: House, upgraded: Unikernel) -> None:
    house.finish(services.destroy(actor=house.actor, unikernel=upgraded))
    assert not RollbackWindow.objects.exists()


def test_a_restart_by_a_person_keeps_the_window(house: House, upgraded: Unikernel) -> None:
    house.finish(services.restart(actor=house.actor, unikernel=upgraded))
    house.instance.__class__.objects.update(seen_at=timezone.now())
    assert round_of_the_guard() is None
    assert RollbackWindow.objects.get().results == [True]


def test_an_aborted_change_keeps_the_window(house: House, upgraded: Unikernel) -> None:
    operation = services.restart(actor=house.actor, unikernel=upgraded)
    services.cancel(actor=house.actor, operation=operation)
    house.finish(operation)
    assert RollbackWindow.objects.get().to.number == 1


def test_the_guard_goes_back_when_it_ended_by_itself(house: House, upgraded: Unikernel) -> None:
    house.instance.__class__.objects.update(seen_at=timezone.now())
    Unikernel.objects.filter(pk=upgraded.pk).update(state=Unikernel.Presence.MISSING, started=None)
    house.simulated.run("robur:hello", UnikernelDestroy())
    assert round_of_the_guard() is None  # one failure is none
    begun = round_of_the_guard()
    assert begun is not None
    assert "does not run any more" in begun.cause
    done = house.finish(begun)
    assert Operation.objects.get(kind="upgrade").reverted
    assert done.state == State.SUCCEEDED, done.reason
    assert house.digest() == upgraded.versions.get(number=1).digest


def test_an_instance_that_was_not_seen_is_no_reason(house: House, upgraded: Unikernel) -> None:
    Unikernel.objects.filter(pk=upgraded.pk).update(state=Unikernel.Presence.MISSING)
    house.instance.__class__.objects.update(seen_at=timezone.now() - timedelta(hours=1))
    for _ in range(5):
        assert round_of_the_guard() is None


def test_each_round_is_made_once(house: House, upgraded: Unikernel) -> None:
    RollbackWindow.objects.update(due_at=timezone.now())
    assert [len(guard.due()), len(guard.due())] == [1, 0]


def test_what_was_changed_outside_is_not_rolled_back(house: House, upgraded: Unikernel) -> None:
    operation = services.rollback(actor=house.actor, unikernel=upgraded)
    house.simulated.run("robur:hello", UnikernelDestroy())
    house.simulated.run("robur:hello", UnikernelCreate(Config(image=build_image(padding=7))))
    done = house.finish(operation)
    assert done.state == State.ABORTED
    assert "changed outside" in done.reason


def test_a_rollback_whose_target_cannot_run_leaves_what_ran(house: House, upgraded: Unikernel) -> None:
    newer = house.digest()
    house.simulated.faults.add(Fault(Kind.CREATE_FAILS, command="unikernel_*create", times=1))
    done = roll_back(house, upgraded)
    assert done.state == State.ROLLED_BACK, done.reason
    assert house.digest() == newer


def test_a_rollback_without_its_bytes_is_refused(house: House, upgraded: Unikernel) -> None:
    store.remove(upgraded.versions.get(number=1).digest)
    with pytest.raises(Refused, match="not in the store"):
        services.rollback(actor=house.actor, unikernel=upgraded)


def test_a_rollback_that_was_sent_is_not_cancelled(house: House, upgraded: Unikernel) -> None:
    operation = house.finish(services.rollback(actor=house.actor, unikernel=upgraded), until=State.PROVE)
    with pytest.raises(Refused, match="going back already"):
        services.cancel(actor=house.actor, operation=operation)
    assert house.finish(operation).running in {"", Running.YES}


def test_a_rollback_waits_for_an_instance_that_is_away(house: House, upgraded: Unikernel) -> None:
    house.simulated.faults.add(Fault(Kind.REFUSE, times=8))
    operation = roll_back(house, upgraded)
    assert operation.state == State.SUCCEEDED, operation.reason


def test_the_guard_begins_only_once(house: House, upgraded: Unikernel) -> None:
    house.instance.__class__.objects.update(seen_at=timezone.now())
    Unikernel.objects.filter(pk=upgraded.pk).update(started=1)
    begun = [round_of_the_guard(), round_of_the_guard()][-1]
    assert begun is not None
    services.cancel(actor=house.actor, operation=begun)
    house.finish(begun)
    Unikernel.objects.filter(pk=upgraded.pk).update(started=1)
    assert [round_of_the_guard() for _ in range(3)] == [None] * 3
    assert not Operation.objects.get(kind="upgrade").reverted
