"""Who may act: the lease, the fence, and what happens when a holder vanishes at any moment."""

from datetime import timedelta

import pytest
from django.utils import timezone

from unikernels.configuration import Configuration
from unikernels.models import Operation
from unikernels.operations import record, runner, services
from unikernels.operations.judge import Timings
from unikernels.operations.lease import CancelAsked, DeadlinePassed, Lease, LeaseLost
from unikernels.operations.machine import TERMINAL, State

T = Timings()


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


def lapse(operation: Operation) -> None:
    """Let the lease run out, as fifteen seconds would."""
    Operation.objects.filter(pk=operation.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def held(operation: Operation) -> Lease:
    """The lease on *operation*, which is free."""
    lease = Lease.acquire(operation.pk, T)
    assert lease is not None
    return lease


def test_only_one_holds_the_lease(house) -> None:
    operation = house.deploy()
    assert Lease.acquire(operation.pk, T) is not None
    assert Lease.acquire(operation.pk, T) is None


def test_a_lease_that_ran_out_is_taken_over_and_the_old_holder_writes_nothing(house) -> None:
    operation = house.deploy()
    old = held(operation)
    lapse(operation)
    new = held(operation)
    for act in (old.renew, lambda: old.write(reason="late"), lambda: old.arm({})):
        with pytest.raises(LeaseLost):
            act()
    old.release(due_in=99)
    new.write(reason="mine")
    operation.refresh_from_db()
    assert (operation.reason, operation.lease_until is not None) == ("mine", True)


def test_a_lease_that_ran_out_is_not_renewed_even_when_nobody_took_it(house) -> None:
    operation = house.deploy()
    lease = held(operation)
    lapse(operation)
    with pytest.raises(LeaseLost):
        lease.renew()


def test_the_guard_always_leaves_a_margin_before_the_lease_ends(house) -> None:
    lease = held(house.deploy())
    assert lease.guard() <= T.lease - T.lease_margin


def test_the_guard_stops_a_connection_before_the_lease_ends(house) -> None:
    operation = house.deploy()
    lease = held(operation)
    lease.until = timezone.now() + timedelta(seconds=T.lease_margin / 2)
    lapse(operation)
    with pytest.raises(LeaseLost):
        lease.guard()


def test_the_guard_renews_in_time(house) -> None:
    operation = house.deploy()
    lease = held(operation)
    lease.until -= timedelta(seconds=T.lease_renewal + 1)
    assert lease.guard() > T.lease - T.lease_margin - 1


def test_a_finished_operation_has_no_lease(house) -> None:
    operation = house.finish(house.deploy())
    assert Lease.acquire(operation.pk, T) is None


def test_a_cancel_stops_the_arming(house) -> None:
    operation = house.deploy()
    lease = held(operation)
    lease.cancellable = True
    services.cancel(actor=house.actor, operation=operation)
    with pytest.raises(CancelAsked):
        lease.arm({})


def test_a_deadline_stops_the_arming(house) -> None:
    operation = house.deploy()
    lease = held(operation)
    lease.write(deadline_at=timezone.now())
    with pytest.raises(DeadlinePassed):
        lease.arm({})


def test_a_lease_lost_while_streaming_never_ends_the_stream(house, monkeypatch) -> None:
    operation = house.deploy(house.image(padding=3_000_000))
    real = Lease.guard
    calls = []

    def guard(lease: Lease) -> float:
        calls.append(1)
        if len(calls) == 12:  # in the middle of the image
            lapse(operation)
            lease.until = timezone.now()
        return real(lease)

    monkeypatch.setattr(Lease, "guard", guard)
    runner.advance(operation.pk)
    assert len(calls) >= 12
    assert house.sends() == []
    monkeypatch.undo()
    assert house.finish(operation).state == State.SUCCEEDED
    assert len(house.sends()) == 1


@pytest.mark.parametrize("when", ["before the write", "after the write"])
@pytest.mark.parametrize("nth", range(1, 9))  # a run makes at least eight
def test_killed_around_any_write_of_a_configure_it_ends_truthfully(house, monkeypatch, nth, when) -> None:
    unikernel = house.running()
    operation = services.configure(
        actor=house.actor, unikernel=unikernel, configuration=Configuration(memory=64)
    )
    kill_at_write(monkeypatch, nth, when)
    with pytest.raises(Killed):
        house.finish(operation)
    monkeypatch.undo()
    lapse(operation)
    operation = house.finish(operation)

    assert operation.state == State.SUCCEEDED
    assert house.simulated.running()["robur:hello"].memory == 64
    assert len(house.sends()) == 2, "the deploy and one swap"


@pytest.mark.parametrize("nth", range(1, 8))
def test_killed_before_any_write_of_a_failing_configure_the_old_one_runs(house, monkeypatch, nth) -> None:
    unikernel = house.running()
    operation = services.configure(
        actor=house.actor,
        unikernel=unikernel,
        configuration=Configuration(arguments=("--exit=1", "--exit-after=0")),
    )
    kill_at_write(monkeypatch, nth, "before the write")
    with pytest.raises(Killed):
        house.finish(operation)
    monkeypatch.undo()
    lapse(operation)
    operation = house.finish(operation)
    assert operation.state in TERMINAL - {State.SUCCEEDED}
    assert house.digest() == unikernel.digest


def kill_at_write(monkeypatch, nth: int, when: str) -> None:
    writes = []
    real = record.write

    def killing(work, outcome):
        writes.append(1)
        if len(writes) == nth and when == "before the write":
            raise Killed
        state = real(work, outcome)
        if len(writes) == nth:
            raise Killed
        return state

    monkeypatch.setattr(record, "write", killing)


def test_killed_between_arming_and_the_commit_point_it_is_sent_once_more_and_only_then(
    house, monkeypatch
) -> None:
    operation = house.deploy()
    real = Lease.arm

    def arm(lease: Lease, memo) -> None:
        real(lease, memo)
        raise Killed

    monkeypatch.setattr(Lease, "arm", arm)
    with pytest.raises(Killed):
        house.finish(operation)
    monkeypatch.undo()
    lapse(operation)
    assert house.sends() == []
    operation = house.finish(operation)
    assert operation.state == State.SUCCEEDED
    assert (len(house.sends()), operation.memo["sends"]) == (1, 2)


def test_a_mistake_of_ours_puts_the_operation_aside_and_does_not_end_it(house, monkeypatch) -> None:
    operation = house.deploy()
    monkeypatch.setattr(record, "write", lambda work, outcome: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        runner.advance(operation.pk)
    monkeypatch.undo()
    operation.refresh_from_db()
    assert operation.lease_until is None
    assert operation.due_at > timezone.now() + timedelta(seconds=20)
    assert house.finish(operation).state == State.SUCCEEDED
