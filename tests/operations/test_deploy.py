"""Deploying, against a simulated instance over real sockets."""

from accounts.models import Event
from albatross.simulator import Fault, Kind
from unikernels.models import Unikernel
from unikernels.operations.machine import Running, State
from unikernels.operations.story import exit_code, verdict


def test_a_unikernel_is_deployed_and_seen_to_stay_up(house) -> None:
    image = house.image()
    operation = house.finish(house.deploy(image, memory=64, arguments=("--hello=Hi",)))

    assert (operation.state, operation.running, operation.reason) == (State.SUCCEEDED, "", "")
    unikernel = Unikernel.objects.get(pk=operation.unikernel_id)
    assert unikernel.state == Unikernel.Presence.RUNNING
    assert unikernel.current == operation.target
    assert unikernel.digest == image.digest == house.digest()
    assert house.sends() == [image.digest]
    assert exit_code(operation) == 0
    assert verdict(operation).tone == "ok"
    steps = [event.now for event in Event.objects.filter(operation=operation.pk).order_by("id")]
    assert steps == ["fetch", "verify", "preflight", "capture", "swap", "observe", "prove", "succeeded"]


def test_one_that_ends_at_once_is_a_failure_and_shows_its_last_lines(house) -> None:
    crasher = house.image({"lines": ["about to fall"], "exit": 1, "exit_after": 0.0})
    operation = house.finish(house.deploy(crasher))

    assert (operation.state, operation.running) == (State.FAILED, Running.NO)
    assert any("about to fall" in line for line in operation.memo["console"])
    assert exit_code(operation) == 9
    assert operation.unikernel.__class__.objects.get(pk=operation.unikernel_id).state == "missing"


def test_a_reply_that_is_lost_changes_nothing(house) -> None:
    house.simulated.faults.add(Fault(Kind.CLOSE_AFTER, command="unikernel_create"))
    operation = house.finish(house.deploy())
    assert operation.state == State.SUCCEEDED
    assert len(house.sends()) == 1


def test_an_unreachable_instance_is_an_abort_with_nothing_touched(house) -> None:
    house.simulated.stop()
    operation = house.finish(house.deploy())
    assert operation.state == State.ABORTED
    assert verdict(operation).sentence.startswith("Nothing was touched.")
    house.simulated.start()
    assert house.sends() == []


def test_a_refusal_of_the_instance_is_an_abort_in_its_words(house) -> None:
    house.simulated.faults.add(
        Fault(Kind.FAIL, command="unikernel_create", text="maximum amount of unikernels (4) reached")
    )
    operation = house.finish(house.deploy())
    assert operation.state == State.ABORTED
    assert "maximum amount of unikernels (4) reached" in operation.reason
