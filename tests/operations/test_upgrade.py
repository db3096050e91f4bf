"""Another image in place of what runs: arriving, going back, and what is refused at the door."""

from __future__ import annotations

import pytest

from accounts.models import Event
from albatross.messages import Config, UnikernelForceCreate
from albatross.simulator import Fault, Kind, build_image
from mollymawk.errors import Conflict, Refused
from tests.operations.conftest import House
from unikernels.configuration import Configuration
from unikernels.images import store
from unikernels.models import Operation, RollbackWindow, Unikernel, Version
from unikernels.operations import services
from unikernels.operations.machine import State
from unikernels.operations.story import exit_code, steps_of, verdict


def upgrade(house: House, unikernel: Unikernel, behaviour=None, **options):
    to = options.pop("to", None) or house.image(behaviour or {"lines": ["newer"]})
    return services.upgrade(actor=house.actor, unikernel=unikernel, to=to, **options)


def test_an_upgrade_puts_the_new_image_in_place_and_keeps_the_configuration(house: House) -> None:
    unikernel = house.running(memory=48)
    newer = house.image({"lines": ["newer"]})
    operation = house.finish(upgrade(house, unikernel, to=newer))
    assert operation.state == State.SUCCEEDED, operation.reason
    assert house.digest() == newer.digest
    assert house.simulated.running()["robur:hello"].memory == 48
    unikernel.refresh_from_db()
    assert unikernel.current is not None
    assert (unikernel.current.number, unikernel.current.origin) == (2, Version.Origin.UPLOAD)


def test_configuration_may_change_with_the_image(house: House) -> None:
    unikernel = house.running()
    operation = house.finish(upgrade(house, unikernel, configuration=Configuration(memory=64)))
    assert operation.state == State.SUCCEEDED
    assert house.simulated.running()["robur:hello"].memory == 64


def test_an_image_that_ends_at_once_goes_back_to_the_old_one(house: House) -> None:
    unikernel = house.running()
    before = house.digest()
    operation = house.finish(upgrade(house, unikernel, {"exit_after": 0, "exit": 1}))
    assert operation.state == State.ROLLED_BACK
    assert house.digest() == before
    unikernel.refresh_from_db()
    assert unikernel.unstable
    assert unikernel.current is not None
    assert unikernel.current.number == 1
    assert (verdict(operation).word, exit_code(operation)) == ("rolled back", 6)
    assert not RollbackWindow.objects.exists()


def test_what_runs_is_not_upgraded_to(house: House) -> None:
    image = house.image()
    unikernel = house.running(image)
    with pytest.raises(Refused) as refused:
        upgrade(house, unikernel, to=image)
    assert "This is what runs." in refused.value.reasons


def test_a_second_request_is_told_about_the_first(house: House) -> None:
    unikernel = house.running()
    first = upgrade(house, unikernel)
    with pytest.raises(Conflict, match=f"peration {first.pk}"):
        upgrade(house, unikernel, {"lines": ["another"]})


def test_a_kept_version_is_put_in_place_as_it_was(house: House) -> None:
    unikernel = house.running(memory=32)
    old = house.digest()
    house.finish(upgrade(house, unikernel, configuration=Configuration(memory=64)))
    unikernel.refresh_from_db()
    first = unikernel.versions.get(number=1)
    operation = house.finish(upgrade(house, unikernel, to=first))
    assert operation.state == State.SUCCEEDED
    assert operation.target == first
    assert (house.digest(), house.simulated.running()["robur:hello"].memory) == (old, 32)
    assert unikernel.versions.count() == 2


def test_a_version_whose_bytes_are_gone_is_refused_with_words(house: House) -> None:
    unikernel = house.running()
    house.finish(upgrade(house, unikernel))
    unikernel.refresh_from_db()
    first = unikernel.versions.get(number=1)
    store.remove(first.digest)
    with pytest.raises(Refused, match="not kept any more"):
        upgrade(house, unikernel, to=first)


def test_an_upgrade_over_an_adopted_unikernel_holds_its_bytes_first(house: House) -> None:
    unikernel = house.running()
    digest = house.digest()
    assert digest
    store.remove(digest)
    Version.objects.filter(unikernel=unikernel).update(image=None)
    unikernel.refresh_from_db()
    operation = house.finish(upgrade(house, unikernel, {"exit_after": 0, "exit": 1}))
    assert operation.state == State.ROLLED_BACK, operation.reason
    assert house.digest() == digest


def test_other_devices_are_refused_before_anything_is_sent(house: House) -> None:
    unikernel = house.running()
    sends = house.sends()
    with pytest.raises(Refused) as refused:
        upgrade(house, unikernel, to=house.image(devices=[("service", "net")]))
    assert "network device 'service'" in refused.value.reasons[0]
    assert house.sends() == sends


def test_cancelled_after_the_commit_point_it_goes_back(house: House) -> None:
    unikernel = house.running()
    before = house.digest()
    operation = house.finish(upgrade(house, unikernel), until=State.PROVE)
    services.cancel(actor=house.actor, operation=operation)
    operation = house.finish(operation)
    assert operation.state == State.ROLLED_BACK
    assert house.digest() == before


def test_a_reply_that_is_lost_does_not_send_it_twice(house: House) -> None:
    unikernel = house.running()
    newer = house.image({"lines": ["newer"]})
    house.simulated.faults.add(Fault(Kind.CLOSE_AFTER, command="unikernel_force_create"))
    operation = house.finish(upgrade(house, unikernel, to=newer))
    assert operation.state == State.SUCCEEDED, operation.reason
    assert house.sends().count(newer.digest) == 1


def test_the_steps_of_an_upgrade_are_told(house: House) -> None:
    operation = house.finish(upgrade(house, house.running()))
    names = [step.name for step in steps_of(operation)]
    assert names == ["check", "fetch", "verify", "preflight", "capture", "swap", "observe", "stays up", "end"]
    assert Event.objects.filter(operation=operation.pk, kind="operation.upgrade").count() == 1
    assert Operation.objects.get(pk=operation.pk).reverted is False


@pytest.fixture
def about_to_resend(house: House) -> Operation:
    """An upgrade whose first send had no effect, right before the second."""
    unikernel = house.running()
    house.simulated.faults.add(Fault(Kind.CLOSE_BEFORE, command="unikernel_force_create"))
    operation = house.finish(upgrade(house, unikernel), until=State.OBSERVE)
    Operation.objects.filter(pk=operation.pk).update(state=State.RESEND, armed_at=None)
    return operation


def put(house: House, image: bytes) -> None:
    config = Config(arguments=Configuration().to_arguments(), image=image)
    house.simulated.run("robur:hello", UnikernelForceCreate(config))


def test_what_arrived_meanwhile_is_not_sent_again(house: House, about_to_resend: Operation) -> None:
    assert about_to_resend.target is not None
    digest = about_to_resend.target.digest
    put(house, store.path_of(digest).read_bytes())
    operation = house.finish(about_to_resend)
    assert operation.state == State.SUCCEEDED, operation.reason
    assert house.sends().count(digest) == 1


def test_what_somebody_else_put_there_meanwhile_is_not_overwritten(
    house: House, about_to_resend: Operation
) -> None:
    put(house, build_image(padding=7))
    theirs = house.digest()
    operation = house.finish(about_to_resend)
    assert operation.state == State.FAILED
    assert "another program" in operation.reason
    assert house.digest() == theirs
