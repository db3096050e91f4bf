from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.actors import Actor
from accounts.models import Event, Team, User
from albatross.messages import (
    Arguments,
    BlockAdd,
    BlockDevice,
    BlockDevices,
    BlockInfo,
    Config,
    UnikernelCreate,
)
from albatross.models import Instance
from albatross.simulator import SimulatedInstance
from albatross.simulator.faults import Fault, Kind
from albatross.simulator.images import build_image
from mollymawk.errors import Conflict, Forbidden, Invalid, Missing, Refused, Unavailable
from mollymawk.keyring import seal_json
from unikernels.blocks.services import block_add, block_remove
from unikernels.inventory.services import reconcile
from unikernels.models import Block, Operation, Unikernel, Version

pytestmark = pytest.mark.django_db


@pytest.fixture
def seen(instance: Instance) -> Instance:
    reconcile(instance)
    return instance


@pytest.fixture
def deployer(dave: User) -> Actor:
    return Actor(dave, "session")


def on(host: SimulatedInstance) -> dict[str, int]:
    """The block devices on the host and their sizes."""
    told = host.run(":", BlockInfo())
    assert isinstance(told, BlockDevices)
    return {str(block.name): block.size for block in told.blocks}


def test_a_block_device_is_made_and_kept(
    seen: Instance, host: SimulatedInstance, robur: Team, deployer: Actor
) -> None:
    block = block_add(actor=deployer, team=robur, instance=seen, name="Data", megabytes=16)
    assert on(host) == {"robur:data": 16}
    assert (str(block), block.size, block.active, block.team) == ("robur:data", 16, False, robur)
    assert Event.objects.get(kind="block.added").actor == deployer.user
    reconcile(seen)
    assert Block.objects.get() == block


def test_a_block_device_is_removed(
    seen: Instance, host: SimulatedInstance, robur: Team, deployer: Actor
) -> None:
    block = block_add(actor=deployer, team=robur, instance=seen, name="data", megabytes=16)
    subject = f"block:{block.pk}"
    block_remove(actor=deployer, block=block)
    assert on(host) == {}
    assert not Block.objects.exists()
    assert Event.objects.get(kind="block.removed").subject == subject


def test_viewers_may_not_and_strangers_see_nothing(
    seen: Instance, robur: Team, bob: User, charlie: User, deployer: Actor
) -> None:
    block = block_add(actor=deployer, team=robur, instance=seen, name="data", megabytes=16)
    for user, error in ((bob, Forbidden), (charlie, Missing)):
        actor = Actor(user, "session")
        with pytest.raises(error):
            block_add(actor=actor, team=robur, instance=seen, name="more", megabytes=1)
        with pytest.raises(error):
            block_remove(actor=actor, block=block)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a b"}, "name"),
        ({"name": "-a"}, "name"),
        ({"megabytes": 0}, "size"),
        ({"megabytes": 2**31}, "size"),
    ],
)
def test_what_cannot_be_a_device_is_told_for_its_field(
    seen: Instance, robur: Team, deployer: Actor, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as raised:
        block_add(
            **{"actor": deployer, "team": robur, "instance": seen, "name": "a", "megabytes": 1, **wrong}
        )
    assert raised.value.fields.keys() == {field}


def test_more_than_the_limits_is_refused_with_the_figures(
    seen: Instance, robur: Team, deployer: Actor
) -> None:
    block_add(actor=deployer, team=robur, instance=seen, name="one", megabytes=200)
    with pytest.raises(Refused, match="256 MB of blocks on earth, and uses 200 MB"):
        block_add(actor=deployer, team=robur, instance=seen, name="two", megabytes=57)


def test_without_a_policy_nothing_is_asked(seen: Instance, host: SimulatedInstance, deployer: Actor) -> None:
    assert deployer.user is not None
    team = deployer.user.personal_team
    before = len(host.observed.records("arrived"))
    with pytest.raises(Refused, match="no quota"):
        block_add(actor=deployer, team=team, instance=seen, name="data", megabytes=1)
    assert len(host.observed.records("arrived")) == before


def test_a_name_that_is_taken_is_a_conflict(seen: Instance, robur: Team, deployer: Actor) -> None:
    block_add(actor=deployer, team=robur, instance=seen, name="data", megabytes=1)
    with pytest.raises(Conflict):
        block_add(actor=deployer, team=robur, instance=seen, name="data", megabytes=1)


def test_the_words_of_the_instance_are_passed_on(
    seen: Instance, host: SimulatedInstance, robur: Team, deployer: Actor
) -> None:
    host.run("robur:data", BlockAdd(1))
    with pytest.raises(Refused, match="block device with same name already exists"):
        block_add(actor=deployer, team=robur, instance=seen, name="data", megabytes=1)
    assert not Block.objects.exists()


def test_an_instance_that_cannot_be_asked_is_unavailable(
    seen: Instance, host: SimulatedInstance, robur: Team, deployer: Actor
) -> None:
    host.stop()
    with pytest.raises(Unavailable, match="cannot be reached"):
        block_add(actor=deployer, team=robur, instance=seen, name="data", megabytes=1)


def test_a_lost_answer_is_no_failure_when_the_device_is_there(
    seen: Instance, host: SimulatedInstance, robur: Team, deployer: Actor
) -> None:
    host.faults.add(Fault(Kind.CLOSE_AFTER, command="block_add"))
    assert block_add(actor=deployer, team=robur, instance=seen, name="data", megabytes=1).size == 1
    host.faults.add(Fault(Kind.CLOSE_AFTER, command="block_remove"))
    block_remove(actor=deployer, block=Block.objects.get())
    assert on(host) == {}


def test_a_lost_command_is_no_success(
    seen: Instance, host: SimulatedInstance, robur: Team, deployer: Actor
) -> None:
    host.faults.add(Fault(Kind.CLOSE_BEFORE, command="block_add"))
    with pytest.raises(Unavailable, match="not done"):
        block_add(actor=deployer, team=robur, instance=seen, name="data", megabytes=1)
    assert not Block.objects.exists()


def use(host: SimulatedInstance) -> None:
    """Somebody runs a unikernel with ``robur:data``."""
    image = build_image(devices=[("storage", "block")], behaviour={})
    arguments = Arguments(memory=16, blocks=(BlockDevice("storage", "data"),))
    host.run("robur:hello", UnikernelCreate(Config(arguments, image=image)))


def test_a_device_in_use_stays(seen: Instance, host: SimulatedInstance, robur: Team, deployer: Actor) -> None:
    block = block_add(actor=deployer, team=robur, instance=seen, name="data", megabytes=1)
    use(host)
    with pytest.raises(Refused, match="remove block: is in use"):
        block_remove(actor=deployer, block=block)
    reconcile(seen)
    with pytest.raises(Refused, match="destroy that first"):
        block_remove(actor=deployer, block=Block.objects.get())
    assert on(host) == {"robur:data": 1}


def test_a_device_that_an_operation_needs_stays(
    seen: Instance, host: SimulatedInstance, robur: Team, deployer: Actor
) -> None:
    block = block_add(actor=deployer, team=robur, instance=seen, name="data", megabytes=1)
    unikernel = Unikernel.objects.create(instance=seen, team=robur, path="robur", name="hello")
    version = version_with(unikernel, {"storage": "data"})
    operation = Operation.objects.create(
        kind="deploy", unikernel=unikernel, target=version, deadline_at=timezone.now() + timedelta(hours=1)
    )
    with pytest.raises(Conflict, match="under way"):
        block_remove(actor=deployer, block=block)
    Operation.objects.filter(pk=operation.pk).update(finished_at=timezone.now())
    block_remove(actor=deployer, block=block)


def version_with(unikernel: Unikernel, blocks: dict[str, str]) -> Version:
    return Version.objects.create(
        unikernel=unikernel,
        number=1,
        digest="0" * 64,
        configuration={"blocks": blocks},
        sealed_arguments=seal_json([]),
        origin=Version.Origin.UPLOAD,
    )


def test_what_is_nobodys_is_removed_on_the_host(seen: Instance, host: SimulatedInstance, root: User) -> None:
    host.run("other:disk", BlockAdd(1))
    reconcile(seen)
    with pytest.raises(Refused, match="belongs to no team"):
        block_remove(actor=Actor(root, "session"), block=Block.objects.get())
