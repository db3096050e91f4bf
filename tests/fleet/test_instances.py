from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.actors import COMMAND, Actor
from accounts.models import Event, Team, User
from albatross.certificates import generate_ca, server_certificate
from albatross.edge import client_for
from albatross.models import Instance
from albatross.simulator import SimulatedInstance
from albatross.simulator.faults import Fault, Kind
from mollymawk.errors import Conflict, Forbidden, Invalid, Refused, Unavailable
from mollymawk.keyring import unseal
from tests.fleet.conftest import POLICY, Run, end, way_to
from unikernels.instances.services import (
    instance_add,
    instance_remove,
    instance_retry,
    instance_test,
    instance_update,
)
from unikernels.inventory.services import reconcile
from unikernels.models import Unikernel

pytestmark = pytest.mark.django_db


def add(host: SimulatedInstance, **other: Any) -> Instance:
    return instance_add(actor=COMMAND, **{"name": "mars", **way_to(host), **other})


def test_an_instance_is_added_once_it_answered(host: SimulatedInstance) -> None:
    instance = add(host, check_networks=["10.0.0.0/24", "fd00::/64"])
    assert Instance.objects.get() == instance
    assert instance.check_networks == ["10.0.0.0/24", "fd00::/64"]
    assert {record.command for record in host.observed.records("arrived")} == {
        "policy_info",
        "unikernel_info",
    }
    assert Event.objects.get().kind == "instance.added"


def test_the_key_is_kept_sealed(host: SimulatedInstance) -> None:
    instance = add(host)
    assert "PRIVATE" not in instance.sealed_key
    assert unseal(instance.sealed_key).strip() == host.key_pem.strip()


def test_names_are_folded(host: SimulatedInstance) -> None:
    instance = add(host, name=" Mars.Example ")
    assert instance.name == "mars.example"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "-mars"),
        ("name", "ma/rs"),
        ("name", "m" * 64),
        ("address", ""),
        ("address", "host:port"),
        ("address", "::1:1025"),
        ("address", "127.0.0.1:70000"),
        ("server_ca", ""),
        ("certificate", "a file name"),
        ("key", ""),
        ("check_networks", ["10.0.0.1/24"]),
        ("check_networks", ["everything"]),
        ("check_networks", ["10.0.0.0/24"] * 65),
    ],
)
def test_what_cannot_be_understood_is_told_for_its_field(
    host: SimulatedInstance, field: str, value: Any
) -> None:
    with pytest.raises(Invalid) as raised:
        add(host, **{field: value})
    assert raised.value.fields.keys() == {field}
    assert not Instance.objects.exists()


def test_all_wrong_fields_are_told_at_once(host: SimulatedInstance) -> None:
    with pytest.raises(Invalid) as raised:
        add(host, name="", address="", key="")
    assert raised.value.fields.keys() == {"name", "address", "key"}


def test_a_name_that_is_taken_is_a_conflict(host: SimulatedInstance) -> None:
    add(host)
    with pytest.raises(Conflict, match="mars"):
        add(host)


def test_a_key_that_does_not_fit_is_refused(host: SimulatedInstance) -> None:
    other = generate_ca("other")
    with pytest.raises(Invalid, match="key does not belong"):
        add(host, key=other.key_pem.decode())


def test_a_certificate_that_is_no_ca_is_refused(host: SimulatedInstance) -> None:
    pair = server_certificate(generate_ca("other"))
    with pytest.raises(Invalid, match="not a CA"):
        add(host, certificate=pair.certificate_pem.decode(), key=pair.key_pem.decode())


def test_a_delegated_certificate_is_refused_with_words(host: SimulatedInstance) -> None:
    root = generate_ca("root")
    delegated = root.intermediate("robur", POLICY, now=datetime.now(UTC))
    certificate = (delegated.certificate_pem + root.certificate_pem).decode()
    with pytest.raises(Invalid, match="delegated for robur"):
        add(
            host,
            server_ca=root.certificate_pem.decode(),
            certificate=certificate,
            key=delegated.key_pem.decode(),
        )


def test_a_server_of_another_ca_is_refused(host: SimulatedInstance) -> None:
    with pytest.raises(Refused, match="not signed by the CA") as raised:
        add(host, server_ca=generate_ca("other").certificate_pem.decode())
    assert raised.value.extra == {"trouble": "certificate"}


def test_a_ca_that_the_instance_does_not_trust_is_refused(host: SimulatedInstance) -> None:
    other = generate_ca("other")
    with pytest.raises(Refused, match="refused our certificate") as raised:
        add(host, certificate=other.certificate_pem.decode(), key=other.key_pem.decode())
    assert raised.value.extra == {"trouble": "credentials"}


def test_where_nothing_listens_nothing_is_added(host: SimulatedInstance) -> None:
    host.stop()
    with pytest.raises(Refused, match="cannot be reached") as raised:
        add(host)
    assert raised.value.extra == {"trouble": "network"}
    assert not Instance.objects.exists()


@pytest.mark.parametrize("kind", [Kind.GARBAGE, Kind.UNKNOWN_ALTERNATIVE, Kind.CLOSE_BEFORE])
def test_what_speaks_another_language_is_not_added(host: SimulatedInstance, kind: Kind) -> None:
    host.faults.add(Fault(kind))
    with pytest.raises(Refused) as raised:
        add(host)
    assert raised.value.extra == {"trouble": "incompatible"}


def test_only_superusers_add_test_change_and_remove(
    host: SimulatedInstance, instance: Instance, alice: User
) -> None:
    actor = Actor(alice, "session")
    for attempt in (
        lambda: instance_add(actor=actor, name="mars", **way_to(host)),
        lambda: instance_test(actor=actor, instance=instance),
        lambda: instance_update(actor=actor, instance=instance, name="venus"),
        lambda: instance_retry(actor=actor, instance=instance),
        lambda: instance_remove(actor=actor, instance=instance),
    ):
        with pytest.raises(Forbidden):
            attempt()


def test_a_test_tells_what_is_there_and_writes_nothing(instance: Instance, run: Run, root: User) -> None:
    run("robur:hello")
    events = Event.objects.count()
    tested = instance_test(actor=Actor(root, "session"), instance=instance)
    assert (tested.unikernels, tested.policies) == (1, 2)
    assert Event.objects.count() == events
    assert not Unikernel.objects.exists()


def test_a_test_of_what_does_not_answer_says_why(host: SimulatedInstance, instance: Instance) -> None:
    host.stop()
    with pytest.raises(Unavailable, match="cannot be reached"):
        instance_test(actor=COMMAND, instance=instance)


def test_a_new_name_needs_no_test(host: SimulatedInstance, instance: Instance) -> None:
    host.stop()
    instance_update(actor=COMMAND, instance=instance, name="venus", check_networks=["10.0.0.0/8"])
    assert Instance.objects.get().name == "venus"
    assert Event.objects.filter(kind="instance.changed").get().data == {"fields": ["check_networks", "name"]}


def test_a_new_way_is_tested_before_it_is_saved(host: SimulatedInstance, instance: Instance) -> None:
    before = instance.address
    with pytest.raises(Refused):
        instance_update(actor=COMMAND, instance=instance, address="127.0.0.1:1")
    assert Instance.objects.get().address == before


def test_a_new_key_makes_a_new_client(instance: Instance, host: SimulatedInstance) -> None:
    client = client_for(instance)
    assert client_for(Instance.objects.get()) is client
    instance_update(actor=COMMAND, instance=instance, key=host.key_pem)
    assert client_for(instance) is not client


def test_nothing_new_changes_nothing(instance: Instance) -> None:
    instance_update(actor=COMMAND, instance=instance, name="earth", address=instance.address)
    assert not Event.objects.filter(kind="instance.changed").exists()


def test_retry_lets_the_watcher_look_at_once(instance: Instance, host: SimulatedInstance) -> None:
    host.stop()
    reconcile(instance)
    later = instance.next_look_at
    instance_retry(actor=COMMAND, instance=instance)
    instance.refresh_from_db()
    assert instance.failures == 0
    assert instance.next_look_at < later


def test_an_instance_goes_with_what_is_nobodys(instance: Instance, run: Run) -> None:
    run("other:thing")
    reconcile(instance)
    instance_remove(actor=COMMAND, instance=instance)
    assert not Instance.objects.exists()
    assert not Unikernel.objects.exists()
    assert Event.objects.filter(kind="instance.removed").get().data["address"]


def test_an_instance_with_managed_unikernels_stays(instance: Instance, robur: Team, run: Run) -> None:
    run("robur:hello")
    reconcile(instance)
    with pytest.raises(Refused) as raised:
        instance_remove(actor=COMMAND, instance=instance)
    assert raised.value.reasons == ["robur:hello (robur)"]
    assert Instance.objects.exists()


def test_stopped_unikernels_go_with_their_instance(
    instance: Instance, host: SimulatedInstance, robur: Team, run: Run
) -> None:
    run("robur:hello")
    reconcile(instance)
    end(host, "robur:hello")
    Unikernel.objects.update(state=Unikernel.Presence.STOPPED)
    instance_remove(actor=COMMAND, instance=instance)
    assert not Unikernel.objects.exists()
