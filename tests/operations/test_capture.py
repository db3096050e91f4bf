"""The way back for what was not put in place from here: adopted, captured, configured, brought back."""

import hashlib

import pytest

from albatross.messages import Arguments, Config, UnikernelCreate
from albatross.simulator import Fault, Kind, build_image
from mollymawk.errors import Missing, Refused
from unikernels.configuration import Configuration
from unikernels.images import store
from unikernels.inventory.services import adopt, reconcile
from unikernels.models import Image, Unikernel
from unikernels.operations import services
from unikernels.operations.machine import State

FOREIGN = build_image(behaviour={"lines": ["made by somebody"]}, padding=50_000)
DIGEST = hashlib.sha256(FOREIGN).hexdigest()


@pytest.fixture
def adopted(house) -> Unikernel:
    """Runs on the instance, put there by somebody; adopted, its bytes not held."""
    house.simulated.run("robur:hello", UnikernelCreate(Config(Arguments(memory=48), image=FOREIGN)))
    reconcile(house.instance)
    unikernel = Unikernel.objects.get(name="hello")
    assert unikernel.team == house.team
    adopt(actor=house.actor, unikernel=unikernel)
    unikernel.refresh_from_db()
    assert unikernel.current is not None
    assert unikernel.current.image is None
    return unikernel


def configure(house, unikernel, accept=(), **fields):
    return services.configure(
        actor=house.actor, unikernel=unikernel, configuration=Configuration(**fields), accept=accept
    )


def test_its_bytes_are_fetched_once_before_it_is_touched(house, adopted) -> None:
    operation = house.finish(configure(house, adopted, memory=64))
    assert operation.state == State.SUCCEEDED, operation.reason
    assert store.path_of(DIGEST).read_bytes() == FOREIGN
    adopted.refresh_from_db()
    assert {version.image.digest for version in adopted.versions.all()} == {DIGEST}

    house.simulated.observed.clear()
    house.finish(configure(house, adopted, memory=96))
    assert house.simulated.observed.records("arrived", command="unikernel_get") == []


def test_it_is_brought_back_when_the_new_configuration_does_not_stay_up(house, adopted) -> None:
    operation = house.finish(configure(house, adopted, memory=64, arguments=("--exit=1", "--exit-after=0")))
    assert operation.state == State.ROLLED_BACK
    info = house.simulated.running()["robur:hello"]
    assert (info.digest.hex(), info.memory) == (DIGEST, 48)


@pytest.mark.parametrize("fault", [Kind.WRONG_DIGEST, Kind.STARTED_CHANGES])
def test_bytes_that_cannot_be_trusted_are_no_way_back(house, adopted, fault) -> None:
    house.simulated.faults.add(Fault(fault, command="unikernel_info", times=None))
    operation = house.finish(configure(house, adopted, memory=64))
    assert operation.state == State.ABORTED
    assert len(house.sends()) == 1
    assert not store.held(DIGEST)


def test_a_get_that_breaks_is_an_abort_with_nothing_touched(house, adopted) -> None:
    house.simulated.faults.add(Fault(Kind.TRUNCATE, command="unikernel_get", times=None))
    operation = house.finish(configure(house, adopted, memory=64))
    assert operation.state == State.ABORTED
    assert "could not be fetched" in operation.reason
    assert list((store.path_of(DIGEST).parent.parent / "staging").iterdir()) == []


def test_a_restart_holds_the_bytes_first(house, adopted) -> None:
    operation = house.finish(services.restart(actor=house.actor, unikernel=adopted))
    assert operation.state == State.SUCCEEDED
    assert store.held(DIGEST)


def test_a_destroy_holds_the_bytes_when_it_can_so_that_it_can_be_deployed_again(house, adopted) -> None:
    house.finish(services.destroy(actor=house.actor, unikernel=adopted))
    assert house.digest() is None
    again = house.finish(house.deploy(Image.objects.get(digest=DIGEST), memory=48))
    assert again.state == State.SUCCEEDED
    assert house.digest() == DIGEST


def test_a_destroy_goes_on_when_the_bytes_cannot_be_had(house, adopted) -> None:
    house.simulated.faults.add(Fault(Kind.FAIL, command="unikernel_get", times=None))
    operation = house.finish(services.destroy(actor=house.actor, unikernel=adopted))
    assert operation.state == State.SUCCEEDED
    assert house.digest() is None


def test_what_was_not_adopted_is_not_changed(house) -> None:
    house.simulated.run("robur:hello", UnikernelCreate(Config(image=FOREIGN)))
    reconcile(house.instance)
    unikernel = Unikernel.objects.get(name="hello")
    for change in (
        lambda: configure(house, unikernel, memory=64),
        lambda: services.restart(actor=house.actor, unikernel=unikernel),
    ):
        with pytest.raises(Refused, match="Adopt it first"):
            change()


def test_another_teams_image_cannot_be_deployed(house) -> None:
    image = house.image()
    image.copies.all().delete()
    with pytest.raises(Missing):
        house.deploy(image)
