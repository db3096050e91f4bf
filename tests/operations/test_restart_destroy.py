"""Restarting and destroying."""

import pytest

from albatross.simulator import Fault, Kind
from mollymawk.errors import Refused
from unikernels.models import Unikernel
from unikernels.operations import services
from unikernels.operations.machine import Running, State


def restart(house, unikernel):
    return house.finish(services.restart(actor=house.actor, unikernel=unikernel))


def destroy(house, unikernel):
    return house.finish(services.destroy(actor=house.actor, unikernel=unikernel))


def test_a_restart_is_another_process_of_the_same_version(house) -> None:
    unikernel = house.running()
    started = unikernel.started
    assert restart(house, unikernel).state == State.SUCCEEDED
    unikernel.refresh_from_db()
    assert unikernel.started != started
    assert (unikernel.current.number, unikernel.state) == (1, "running")


def test_a_restart_whose_answer_is_lost_is_not_done_twice(house) -> None:
    unikernel = house.running()
    house.simulated.faults.add(Fault(Kind.CLOSE_AFTER, command="unikernel_restart"))
    assert restart(house, unikernel).state == State.SUCCEEDED
    assert len(house.sends()) == 2


def test_a_restart_that_leaves_nothing_recreates_the_current_version(house) -> None:
    unikernel = house.running()
    house.simulated.faults.add(Fault(Kind.CREATE_FAILS, command="unikernel_restart"))
    assert restart(house, unikernel).state == State.SUCCEEDED
    assert house.digest() == unikernel.digest


def test_a_restart_that_brings_nothing_back_says_so(house) -> None:
    unikernel = house.running()
    house.simulated.faults.add(Fault(Kind.CREATE_FAILS, command="unikernel_*", times=None))
    operation = restart(house, unikernel)
    assert (operation.state, operation.running) == (State.FAILED, Running.NO)


def test_a_destroyed_unikernel_is_gone_and_its_versions_are_kept(house) -> None:
    unikernel = house.running()
    assert destroy(house, unikernel).state == State.SUCCEEDED
    unikernel.refresh_from_db()
    assert (unikernel.state, unikernel.versions.count(), house.digest()) == ("stopped", 1, None)


def test_a_destroyed_unikernel_can_be_deployed_again(house) -> None:
    unikernel = house.running()
    destroy(house, unikernel)
    again = house.finish(house.deploy(unikernel.current.image))
    assert again.state == State.SUCCEEDED
    assert again.unikernel_id == unikernel.pk
    assert again.target.number == 2


def test_a_destroy_whose_answer_is_lost_has_still_succeeded(house) -> None:
    unikernel = house.running()
    house.simulated.faults.add(Fault(Kind.CLOSE_AFTER, command="unikernel_destroy"))
    assert destroy(house, unikernel).state == State.SUCCEEDED


def test_a_destroy_that_never_arrives_leaves_it_running_and_says_so(house) -> None:
    unikernel = house.running()
    house.simulated.faults.add(Fault(Kind.CLOSE_BEFORE, command="unikernel_destroy", times=None))
    operation = destroy(house, unikernel)
    assert (operation.state, operation.running) == (State.FAILED, Running.YES)
    assert Unikernel.objects.get(pk=unikernel.pk).state == "running"


def test_what_ended_by_itself_before_a_destroy_is_an_abort(house) -> None:
    unikernel = house.running()
    from albatross.messages import UnikernelDestroy

    house.simulated.run("robur:hello", UnikernelDestroy())
    operation = destroy(house, unikernel)
    assert operation.state == State.ABORTED
    assert "does not run" in operation.reason


def test_what_does_not_run_is_not_restarted(house) -> None:
    unikernel = house.running()
    destroy(house, unikernel)
    unikernel.refresh_from_db()
    with pytest.raises(Refused, match="Deploy it again"):
        services.restart(actor=house.actor, unikernel=unikernel)
