"""Instances: seen by those who have something there, added by superusers after a real test."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from albatross.models import Instance
from albatross.simulator import SimulatedInstance
from mollymawk.keyring import unseal
from tests.api.caller import Caller
from tests.api.house import House, instance_row
from tests.cast import ClientOf


@pytest.fixture
def superuser(root: User, client_of: ClientOf) -> Caller:
    return Caller(client_of(root))


def pair(host: SimulatedInstance, **changes: Any) -> dict[str, Any]:
    body = {
        "name": "fra-2",
        "address": host.address,
        "server_ca": host.server_ca,
        "certificate": host.ca_pem,
        "key": host.key_pem,
        "check_networks": ["10.0.0.0/24"],
    }
    return body | changes


def test_members_see_where_their_team_has_something(house: House, deployer: Caller) -> None:
    instance_row("secret")
    items = deployer.get("instances/").json()["items"]
    assert [item["name"] for item in items] == ["fra-1"]
    assert items[0]["status"] == "online"
    assert deployer.get("instances/secret/").status_code == 404
    assert deployer.get("instances/fra-1/").json() == items[0]


def test_no_key_is_ever_told(house: House, superuser: Caller) -> None:
    told = superuser.get("instances/fra-1/").json()
    assert not {"key", "sealed_key", "certificate", "server_ca"} & told.keys()


def test_an_instance_is_tested_and_added(simulated: SimulatedInstance, superuser: Caller) -> None:
    answer = superuser.post("instances/", pair(simulated))
    assert answer.status_code == 201, answer.content
    assert answer.headers["Location"] == "http://testserver/api/v1/instances/fra-2/"
    instance = Instance.objects.get(name="fra-2")
    assert unseal(instance.sealed_key).strip() == simulated.key_pem.strip()
    assert "PRIVATE" not in answer.content.decode()
    assert superuser.post("instances/", pair(simulated)).status_code == 409


def test_a_dry_run_adds_nothing(simulated: SimulatedInstance, superuser: Caller) -> None:
    answer = superuser.post("instances/", pair(simulated), dry_run="true")
    assert answer.json()["possible"] is True
    assert not Instance.objects.exists()


def test_one_that_does_not_answer_is_not_added(simulated: SimulatedInstance, superuser: Caller) -> None:
    answer = superuser.post("instances/", pair(simulated, address="127.0.0.1:1"))
    assert answer.status_code == 422
    assert answer.json()["trouble"] == "network"
    assert not Instance.objects.exists()


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": "a b"}, "name"),
        ({"address": "fra-2:99999"}, "address"),
        ({"server_ca": "none"}, "server_ca"),
        ({"key": ""}, "key"),
        ({"check_networks": ["10.0.0.1/24"]}, "check_networks"),
        ({"check_networks": "10.0.0.0/24"}, "check_networks"),
        ({"port": 1025}, "port"),
    ],
)
def test_what_is_wrong_is_named(
    change: dict[str, Any], pointer: str, simulated: SimulatedInstance, superuser: Caller
) -> None:
    answer = superuser.post("instances/", pair(simulated, **change))
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert simulated.key_pem.splitlines()[1] not in answer.content.decode()


def test_a_degraded_one_is_asked_again_now(house: House, superuser: Caller) -> None:
    Instance.objects.update(failures=5, status="degraded", trouble="network", trouble_text="No route.")
    told = superuser.get("instances/fra-1/").json()
    assert (told["status"], told["trouble"], told["trouble_text"]) == ("degraded", "network", "No route.")
    assert superuser.post("instances/fra-1/retry/", dry_run="true").status_code == 200
    assert Instance.objects.get().failures == 5
    assert superuser.post("instances/fra-1/retry/").status_code == 200
    assert Instance.objects.get().failures == 0
