"""Deploy in steps: an image, what it needs, the plan, go."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.api.house import image_of_team
from tests.pages.stage import alice, robur, stage, world
from tests.pages.world import World
from unikernels.models import Operation, TeamImage, Unikernel
from unikernels.versions import arguments_of

__all__ = ["alice", "robur", "stage", "world"]

GOOD = {
    "name": "shop",
    "net-0": "service",
    "memory": "64",
    "cpuids": ["0", "1"],
    "arguments": "--ipv4=10.0.0.7/24\r\n\r\n--password=swordfish",
    "restart": "codes",
    "exit_codes": "1, 2",
    "add_name": "on",
}


def path_of(copy: TeamImage) -> str:
    return f"/deploy/robur/{copy.image.digest}/"


def with_action(action: str, **fields: Any) -> dict[str, Any]:
    return GOOD | {"action": action} | fields


def test_images_of_the_teams_are_offered_first(world: World, deployer: Client) -> None:
    page = deployer.get("/deploy/").text

    assert path_of(world.web_image) in page
    assert "net service, block storage" in page


def test_who_is_viewer_everywhere_deploys_nothing(world: World, viewer: Client) -> None:
    client = viewer

    assert client.get(path_of(world.web_image)).status_code == 403
    assert client.post(path_of(world.web_image), with_action("go")).status_code == 403


def test_each_device_of_the_image_has_its_choice(world: World, deployer: Client) -> None:
    page = deployer.get(path_of(world.store_image)).text

    assert "Network device “service”" in page
    assert '<option value="service" selected>' in page
    assert "spare (64 MB)" in page
    assert "data (256 MB)" not in page  # another unikernel has it


def test_the_plan_tells_what_will_be_done_and_changes_nothing(world: World, deployer: Client) -> None:
    page = deployer.post(path_of(world.web_image), with_action("plan")).text

    assert "see it run and stay up for 10 s" in page
    assert "robur:shop" in page
    assert "on exit code 1, 2" in page
    assert 'value="go"' in page
    assert not Unikernel.objects.filter(name="shop").exists()


def test_the_plan_offers_the_same_as_curl_command_and_workflow(world: World, deployer: Client) -> None:
    page = deployer.post(path_of(world.web_image), with_action("plan")).text

    assert "./manage.py deploy" in page
    assert "--restart=1,2" in page
    assert "secrets.MOLLYMAWK_TOKEN" in page


def test_going_makes_one_operation_with_what_was_asked(world: World, deployer: Client) -> None:
    response = deployer.post(path_of(world.web_image), with_action("go"))

    operation = Operation.objects.get(unikernel__name="shop")
    assert response.headers["Location"] == f"/operations/{operation.pk}/"
    target = operation.target
    assert target is not None
    assert arguments_of(target) == ["--ipv4=10.0.0.7/24", "--password=swordfish"]
    assert target.configuration["memory"] == 64
    assert target.configuration["cpuids"] == [0, 1]
    assert target.configuration["restart"] == [1, 2]
    assert target.configuration["networks"] == {"service": "service"}
    assert target.configuration["may_exit"] is False


def test_pressing_go_twice_leads_to_the_same_operation(world: World, deployer: Client) -> None:
    client = deployer
    first = client.post(path_of(world.web_image), with_action("go"))
    second = client.post(path_of(world.web_image), with_action("go"))

    assert second.headers["Location"] == first.headers["Location"]
    assert Operation.objects.filter(unikernel__name="shop").count() == 1


def test_what_would_not_work_is_told_with_all_reasons_and_offers_no_go(
    world: World, deployer: Client
) -> None:
    asked = with_action("plan", memory="2000", name="static-website")
    page = deployer.post(path_of(world.web_image), asked).text

    assert "This would not work." in page
    assert "robur:static-website runs already" in page
    assert "2000 MB are asked for" in page
    assert 'value="go"' not in page
    assert 'value="back"' in page


def test_going_anyway_is_refused_with_the_same_reasons(world: World, deployer: Client) -> None:
    response = deployer.post(path_of(world.web_image), with_action("go", memory="2000"))

    assert response.status_code == 422
    assert "2000 MB are asked for" in response.text
    assert not Operation.objects.filter(unikernel__name="shop").exists()


def test_an_abi_that_never_ran_there_is_a_question_that_has_to_be_answered(
    world: World, deployer: Client
) -> None:
    strange = image_of_team(world.team, target="hvt", version=9)
    client = deployer
    page = client.post(path_of(strange), with_action("plan")).text
    assert 'value="new-abi" required' in page

    refused = client.post(path_of(strange), with_action("go"))
    assert refused.status_code == 422
    assert 'value="new-abi" required' in refused.text

    accepted = client.post(path_of(strange), with_action("go", accept="new-abi"))
    assert accepted.status_code == 302
    assert Operation.objects.get(unikernel__name="shop").accepted == ["new-abi"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("memory", "2", "greater than or equal to 4"),
        ("memory", "many", "Enter a whole number"),
        ("net-0", "mgmt", "not one of the available choices"),
        ("net-0", "", "required"),
        ("exit_codes", "one", "An exit code is a whole number between 0 and 255."),
        ("exit_codes", "", "An exit code is a whole number"),
        ("cpuids", "7", "not one of the available choices"),
        ("arguments", "a\0b", "Null characters are not allowed"),
        ("name", "", "required"),
        ("name", "-x", "does not begin with a hyphen"),
    ],
)
def test_a_wrong_field_is_told_beside_it_and_the_input_is_kept(
    world: World, deployer: Client, field: str, value: str, words: str
) -> None:
    response = deployer.post(path_of(world.web_image), with_action("plan", **{field: value}))

    assert response.status_code == 422
    assert words in response.text
    assert field == "arguments" or "--password=swordfish" in response.text
    assert field == "name" or 'value="shop"' in response.text


def test_going_back_from_the_plan_keeps_the_input(world: World, deployer: Client) -> None:
    page = deployer.post(path_of(world.web_image), with_action("back")).text

    assert 'value="shop"' in page
    assert 'value="64"' in page
    assert "--password=swordfish" in page
    assert 'value="plan"' in page


def test_another_instance_has_its_own_choices(world: World, deployer: Client) -> None:
    page = deployer.get(f"{path_of(world.store_image)}?instance=hel-2").text

    assert "There is none" in page
    assert "/quotas/robur/hel-2/meters/" in page


def test_a_team_without_a_quota_is_told_who_grants_one(charlie: User, stranger: Client, world: World) -> None:
    copy = image_of_team(charlie.personal_team)
    page = stranger.get(f"/deploy/charlie/{copy.image.digest}/").text

    assert "There is no place for it yet" in page


def test_the_bars_follow_the_memory_that_is_typed(world: World, deployer: Client) -> None:
    client, path = deployer, "/quotas/robur/fra-1/meters/"
    now = client.get(path).text
    more = client.get(f"{path}?memory=100").text
    instead = client.get(f"{path}?memory=100&without={world.web.pk}").text

    assert "352 / 1,024 MB" in now
    assert "452 / 1,024 MB" in more
    assert "404 / 1,024 MB" in instead
    assert "too much" in client.get(f"{path}?memory=999").text


@pytest.mark.parametrize(
    "rubbish", ["memory=-1", "memory=%F0%9F%98%80", "memory=99999999999999999999", "without=x"]
)
def test_the_bars_take_rubbish_calmly(world: World, deployer: Client, rubbish: str) -> None:
    assert deployer.get(f"/quotas/robur/fra-1/meters/?{rubbish}").status_code == 200
