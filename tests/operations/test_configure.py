"""Configuring: the same image anew, and back again by itself when that does not work."""

import pytest

from albatross.simulator import Fault, Kind
from mollymawk.errors import Conflict, Refused
from unikernels.configuration import Configuration
from unikernels.models import Unikernel
from unikernels.operations import services
from unikernels.operations.machine import Running, State
from unikernels.operations.story import exit_code, steps_of, verdict
from unikernels.versions import configuration_of


def configure(house, unikernel, **fields):
    return services.configure(actor=house.actor, unikernel=unikernel, configuration=Configuration(**fields))


def test_the_new_configuration_runs_and_is_a_new_version(house) -> None:
    unikernel = house.running()
    operation = house.finish(configure(house, unikernel, memory=64, arguments=("--secret=x",)))

    assert operation.state == State.SUCCEEDED
    unikernel.refresh_from_db()
    assert unikernel.current.number == 2
    assert configuration_of(unikernel.current).memory == 64
    assert house.simulated.running()["robur:hello"].memory == 64
    assert len(house.sends()) == 2


def test_arguments_never_stand_in_the_clear_in_the_database(house) -> None:
    operation = house.finish(configure(house, house.running(), arguments=("--key=sesame",)))
    assert operation.state == State.SUCCEEDED
    from django.apps import apps

    for model in apps.get_models():
        assert "sesame" not in str(list(model._default_manager.values()))


def test_one_that_does_not_stay_up_is_rolled_back(house) -> None:
    unikernel = house.running(house.image({"lines": ["hello"]}))
    operation = house.finish(configure(house, unikernel, arguments=("--exit=1", "--exit-after=0")))

    assert operation.state == State.ROLLED_BACK
    assert exit_code(operation) == 6
    assert verdict(operation).tone == "bad"
    assert steps_of(operation)[-1].status == "failed"
    unikernel.refresh_from_db()
    assert (unikernel.unstable, unikernel.current.number, unikernel.state) == (True, 1, "running")
    info = house.simulated.running()["robur:hello"]
    assert info.arguments in (None, ())
    assert len(house.sends()) == 3


def test_a_create_that_fails_after_the_kill_is_rolled_back(house) -> None:
    unikernel = house.running()
    house.simulated.faults.add(Fault(Kind.CREATE_FAILS, command="unikernel_force_create"))
    operation = house.finish(configure(house, unikernel, memory=64))
    assert operation.state == State.ROLLED_BACK
    assert house.simulated.running()["robur:hello"].memory == 32


def test_going_back_tries_again_when_its_create_fails_too(house) -> None:
    unikernel = house.running()
    house.simulated.faults.add(Fault(Kind.CREATE_FAILS, command="unikernel_*create", times=3))
    operation = house.finish(configure(house, unikernel, memory=64))
    assert operation.state == State.ROLLED_BACK
    assert house.digest() == unikernel.digest


def test_when_nothing_can_be_brought_back_it_says_so(house) -> None:
    unikernel = house.running()
    house.simulated.faults.add(Fault(Kind.CREATE_FAILS, command="unikernel_*create", times=None))
    operation = house.finish(configure(house, unikernel, memory=64))
    assert (operation.state, operation.running) == (State.FAILED, Running.NO)
    unikernel.refresh_from_db()
    assert (unikernel.state, unikernel.unstable) == ("missing", True)
    assert "does not run" in verdict(operation).sentence


def test_a_refusal_before_the_kill_touches_nothing(house) -> None:
    unikernel = house.running()
    started = unikernel.started
    house.simulated.faults.add(
        Fault(Kind.FAIL, command="unikernel_force_create", text="block device :x not found")
    )
    operation = house.finish(configure(house, unikernel, memory=64))
    assert operation.state == State.ABORTED
    assert "block device :x not found" in operation.reason
    unikernel.refresh_from_db()
    assert (unikernel.started, unikernel.unstable, unikernel.current.number) == (started, False, 1)


def test_a_lost_reply_is_found_out_by_looking(house) -> None:
    unikernel = house.running()
    house.simulated.faults.add(Fault(Kind.CLOSE_AFTER, command="unikernel_force_create"))
    operation = house.finish(configure(house, unikernel, memory=64))
    assert operation.state == State.SUCCEEDED
    assert len(house.sends()) == 2


def test_an_old_one_that_takes_its_time_to_end_is_waited_for(house) -> None:
    unikernel = house.running()
    house.simulated.faults.add(Fault(Kind.SLOW_EXIT, seconds=0.5))
    house.simulated.faults.add(Fault(Kind.CLOSE_AFTER, command="unikernel_force_create"))
    operation = house.finish(configure(house, unikernel, memory=64))
    assert operation.state == State.SUCCEEDED
    assert house.simulated.running()["robur:hello"].memory == 64


def test_a_stream_that_breaks_before_its_end_touches_nothing_and_is_tried_again(house) -> None:
    unikernel = house.running(house.image(padding=200_000))
    house.simulated.faults.add(Fault(Kind.BREAK_STREAM, after=50_000))
    operation = house.finish(configure(house, unikernel, memory=64))
    assert operation.state == State.SUCCEEDED
    assert len(house.sends()) == 2


def test_the_same_configuration_is_refused(house) -> None:
    with pytest.raises(Refused) as refusal:
        configure(house, house.running())
    assert refusal.value.reasons == ["This is the configuration it has."]


def test_too_much_memory_is_refused_with_the_figures(house) -> None:
    with pytest.raises(Refused) as refusal:
        configure(house, house.running(), memory=512)
    assert "256 MB of memory" in refusal.value.reasons[0]


def test_a_second_request_is_told_about_the_first(house) -> None:
    unikernel = house.running()
    first = configure(house, unikernel, memory=64)
    with pytest.raises(Conflict) as conflict:
        configure(house, unikernel, memory=128)
    assert conflict.value.extra == {"operation": first.pk}


def test_what_was_changed_outside_meanwhile_is_not_overwritten(house) -> None:
    unikernel = house.running()
    operation = configure(house, unikernel, memory=64)
    from albatross.messages import Config, UnikernelCreate, UnikernelDestroy
    from albatross.simulator import build_image

    house.simulated.run("robur:hello", UnikernelDestroy())
    house.simulated.run("robur:hello", UnikernelCreate(Config(image=build_image(padding=7))))
    operation = house.finish(operation)
    assert operation.state == State.ABORTED
    assert "changed outside" in operation.reason


def test_cancelled_before_the_commit_point_nothing_was_touched(house) -> None:
    unikernel = house.running()
    operation = configure(house, unikernel, memory=64)
    services.cancel(actor=house.actor, operation=operation)
    operation = house.finish(operation)
    assert (operation.state, exit_code(operation)) == (State.CANCELLED, 8)
    assert len(house.sends()) == 1


def test_cancelled_after_the_commit_point_it_goes_back(house) -> None:
    unikernel = house.running()
    operation = house.finish(configure(house, unikernel, memory=64), until=State.PROVE)
    assert operation.state == State.PROVE
    services.cancel(actor=house.actor, operation=operation)
    operation = house.finish(operation)
    assert operation.state == State.ROLLED_BACK
    assert house.simulated.running()["robur:hello"].memory == 32


def test_a_deadline_before_the_commit_point_is_an_abort(house, settings) -> None:
    unikernel = house.running()
    settings.OPERATION_TIMINGS = {**settings.OPERATION_TIMINGS, "forward_limit": -100.0}
    operation = house.finish(configure(house, unikernel, memory=64))
    assert operation.state == State.ABORTED
    assert len(house.sends()) == 1


def test_an_instance_that_is_gone_while_going_back_ends_in_not_known(house, settings) -> None:
    settings.OPERATION_TIMINGS = settings.OPERATION_TIMINGS | {"back_limit": 3.0}
    unikernel = house.running()
    operation = house.finish(configure(house, unikernel, memory=64), until=State.PROVE)
    house.simulated.stop()
    operation = house.finish(operation)
    assert (operation.state, operation.running) == (State.FAILED, Running.UNKNOWN)
    house.simulated.start()


def test_an_instance_that_comes_back_in_time_is_rolled_back(house) -> None:
    unikernel = house.running()
    operation = house.finish(configure(house, unikernel, memory=64), until=State.PROVE)
    house.simulated.stop()
    services.cancel(actor=house.actor, operation=operation)
    operation = house.finish(operation, until=State.PREFLIGHT)
    assert operation.going_back
    house.simulated.start()
    assert house.finish(operation).state == State.ROLLED_BACK
    assert Unikernel.objects.get(pk=unikernel.pk).state == "running"
