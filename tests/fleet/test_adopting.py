"""Taking over what somebody else started, as it runs."""

from __future__ import annotations

import pytest

from accounts.actors import Actor
from accounts.models import Team, User
from albatross.messages import Arguments
from albatross.models import Instance
from albatross.simulator import SimulatedInstance
from mollymawk.errors import Conflict, Forbidden, Missing, Refused
from tests.fleet.conftest import Run, end, hello, replace, working
from unikernels.inventory.services import adopt, reconcile
from unikernels.models import Image, Unikernel, Version
from unikernels.versions import arguments_of, configuration_of

pytestmark = pytest.mark.django_db


def test_what_runs_is_adopted_as_it_is(seen: Instance, dave: User, host: SimulatedInstance) -> None:
    version = adopt(actor=Actor(dave, "session"), unikernel=hello())
    assert (version.number, version.origin, version.created_by) == (1, Version.Origin.ADOPTED, dave)
    assert version.digest == host.running()["robur:hello"].digest.hex()
    assert version.image is None
    assert configuration_of(version).memory == 16
    assert arguments_of(version) == ["--name-of=it"]
    assert hello().current == version


def test_bytes_that_the_store_holds_are_linked(seen: Instance, dave: User) -> None:

    image = Image.objects.create(digest=hello().digest, size=1, target="hvt", abi_version=2, devices=[])
    assert adopt(actor=Actor(dave, "session"), unikernel=hello()).image == image


def test_viewers_adopt_nothing_and_strangers_see_nothing(seen: Instance, bob: User, charlie: User) -> None:
    with pytest.raises(Forbidden):
        adopt(actor=Actor(bob, "session"), unikernel=hello())
    with pytest.raises(Missing):
        adopt(actor=Actor(charlie, "session"), unikernel=hello())


def test_what_is_managed_is_not_adopted_again(managed: Instance, dave: User) -> None:
    with pytest.raises(Conflict, match="managed already"):
        adopt(actor=Actor(dave, "session"), unikernel=hello())


def test_what_was_changed_outside_can_be_taken_as_the_next_version(
    managed: Instance, dave: User, host: SimulatedInstance, run: Run
) -> None:
    replace(host, run)
    reconcile(managed)
    assert adopt(actor=Actor(dave, "session"), unikernel=hello()).number == 2
    reconcile(managed)
    assert not hello().changed_outside


def test_what_is_nobodys_cannot_be_adopted(instance: Instance, run: Run, root: User) -> None:
    run("other:hello")
    reconcile(instance)
    with pytest.raises(Refused, match="belongs to no team"):
        adopt(actor=Actor(root, "session"), unikernel=hello())


def test_what_does_not_run_cannot_be_adopted(seen: Instance, host: SimulatedInstance, dave: User) -> None:
    end(host, "robur:hello")
    reconcile(seen)
    reconcile(seen)
    with pytest.raises(Refused, match="does not run"):
        adopt(actor=Actor(dave, "session"), unikernel=hello())


def test_what_an_operation_works_on_is_not_adopted(seen: Instance, dave: User) -> None:
    working(hello())
    with pytest.raises(Conflict, match="under way"):
        adopt(actor=Actor(dave, "session"), unikernel=hello())


def test_a_configuration_that_we_could_not_send_is_not_adopted(
    instance: Instance, robur: Team, run: Run, dave: User
) -> None:
    run("robur:hello", arguments=Arguments(memory=2))
    reconcile(instance)
    with pytest.raises(Refused) as raised:
        adopt(actor=Actor(dave, "session"), unikernel=hello())
    assert any("memory" in reason for reason in raised.value.reasons)


def test_a_bhyve_machine_is_shown_and_not_adopted(seen: Instance, dave: User) -> None:
    Unikernel.objects.update(observed=hello().observed | {"type": "bhyve"})
    with pytest.raises(Refused, match="BHyve"):
        adopt(actor=Actor(dave, "session"), unikernel=hello())
