"""Configure: the same image with another configuration."""

from __future__ import annotations

from typing import Any

from django.test import Client

from tests.pages.world import World
from unikernels.models import Operation

KEPT = {
    "net-0": "service",
    "memory": "48",
    "cpuids": ["0"],
    "arguments": "--ipv4=10.0.0.2/24\n--password=swordfish",
    "restart": "never",
    "add_name": "on",
}


def asked(action: str, **fields: Any) -> dict[str, Any]:
    return KEPT | {"action": action} | fields


def test_the_form_shows_what_it_runs_with(world: World, deployer: Client) -> None:
    page = deployer.get(f"/unikernels/{world.store.pk}/configure/").text

    assert 'value="64"' in page
    assert "--password=swordfish" in page
    assert '<option value="data" selected>' in page  # its own, though it is in use


def test_the_plan_tells_what_changes_and_never_an_argument(world: World, deployer: Client) -> None:
    fields = asked("plan", memory="96", arguments="--password=other")
    page = deployer.post(f"/unikernels/{world.web.pk}/configure/", fields).text
    changes = page[page.index("What changes") : page.index("What will be done")]

    assert "48" in changes
    assert "96" in changes
    assert "2 arguments" in changes
    assert "other" not in changes
    assert "hold the running image, as the way back" in page


def test_nothing_changed_is_nothing_to_do(world: World, deployer: Client) -> None:
    page = deployer.post(f"/unikernels/{world.web.pk}/configure/", asked("plan")).text

    assert "This is the configuration it has." in page


def test_going_makes_an_operation_with_a_way_back(world: World, deployer: Client) -> None:
    deployer.post(f"/unikernels/{world.web.pk}/configure/", asked("go", memory="96"))

    operation = Operation.objects.get(unikernel=world.web)
    assert operation.kind == "configure"
    assert operation.fallback == world.web.current


def test_an_older_configuration_can_be_filled_in(world: World, deployer: Client) -> None:
    page = deployer.get(f"/unikernels/{world.dns.pk}/configure/?version=2").text

    assert 'value="64"' in page
    assert '<option value="codes" selected>' in page


def test_a_version_that_is_not_there_is_missing(world: World, deployer: Client) -> None:
    assert deployer.get(f"/unikernels/{world.web.pk}/configure/?version=9").status_code == 404


def test_what_does_not_run_is_sent_to_deploy(world: World, deployer: Client) -> None:
    response = deployer.get(f"/unikernels/{world.old.pk}/configure/", follow=True)

    assert "Deploy it again." in response.text
