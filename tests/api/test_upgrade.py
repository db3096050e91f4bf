"""Upgrade and rollback: builds, images and kept versions in place of what runs, and back."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.actors import COMMAND
from accounts.models import User
from albatross.simulator import SimulatedInstance
from tests.api.caller import Caller
from tests.api.house import House, image_of_team, managed
from tests.api.world import World
from tests.cast import ClientOf
from unikernels.builds import polling
from unikernels.builds.services import build_find
from unikernels.builds.simulator.server import Server
from unikernels.models import Builder, Operation, RollbackWindow, Unikernel

NEW: dict[str, Any] = {"memory": 64, "networks": {"service": "service"}}


def deployed(world: World, job: str, **words: str) -> str:
    """The path of a unikernel with a build of *job*; the newest, or ``build=`` another one."""
    body = {
        "instance": "fra-1",
        "name": "web",
        "build": {"job": job, **words},
        "configuration": {"memory": 32, "networks": {"service": "service"}},
        "accept": ["new-abi"],
    }
    answer = world.deployer.post("unikernels/", body)
    assert answer.status_code == 202, answer.content
    operation = world.work(answer.json()["id"])
    assert operation["state"] == "succeeded", operation
    return f"unikernels/{operation['unikernel']}"


def older(builds: Server, job: str) -> str:
    """The uuid of the build of *job* before the newest."""
    return builds.catalogue.builds(job)[1].uuid


def upgraded(world: World, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = world.deployer.post(f"{path}/upgrade/", body)
    assert answer.status_code == 202, answer.content
    return world.work(answer.json()["id"])


def test_a_job_is_deployed_upgraded_and_rolled_back(
    world: World, builder: Builder, builds: Server, simulated: SimulatedInstance
) -> None:
    path = deployed(world, "static-website", build=older(builds, "static-website"))
    first = world.deployer.get(f"{path}/").json()
    assert first["versions"][0]["build"]["job"] == "static-website"
    assert first["window"] is None

    operation = upgraded(world, path, {"build": {}})  # the newest build of the job that runs
    assert (operation["kind"], operation["state"]) == ("upgrade", "succeeded")
    assert operation["progress"]["fetched"] == operation["progress"]["size"]
    seen = world.deployer.get(f"{path}/").json()
    assert seen["version"] == 2
    assert seen["digest"] != first["digest"]
    assert (seen["window"]["to"], seen["window"]["operation"]) == (1, operation["id"])

    plan = world.deployer.post(f"{path}/rollback/", dry_run="true").json()
    assert plan["possible"] is True
    assert plan["changes"]["image"] == {"was": seen["digest"][:8], "now": first["digest"][:8]}
    answer = world.deployer.post(f"{path}/rollback/")
    assert answer.status_code == 202
    assert world.work(answer.json()["id"])["state"] == "succeeded"
    back = world.deployer.get(f"{path}/").json()
    assert (back["version"], back["digest"], back["window"]) == (1, first["digest"], None)
    again = world.deployer.post(f"{path}/rollback/")
    assert again.status_code == 422
    assert "already" in again.json()["detail"]


def test_an_upgrade_that_does_not_run_goes_back(
    world: World, builder: Builder, builds: Server, simulated: SimulatedInstance
) -> None:
    path = deployed(world, "static-website")
    before = world.deployer.get(f"{path}/").json()
    behaviour = {"exit": 1, "exit_after": 0.05, "lines": ["no such key"]}
    bad = image_of_team(world.team, behaviour=behaviour)
    operation = upgraded(world, path, {"image": bad.image.digest})
    assert (operation["state"], operation["exit_code"]) == ("rolled_back", 6)
    assert any("no such key" in line for line in operation["console"])
    seen = world.deployer.get(f"{path}/").json()
    assert (seen["digest"], seen["version"], seen["unstable"]) == (before["digest"], 1, True)
    assert seen["window"] is None


def test_a_kept_version_is_put_in_place_again(world: World, builder: Builder, builds: Server) -> None:
    path = deployed(world, "static-website", build=older(builds, "static-website"))
    upgraded(world, path, {"build": {"build": "latest", "job": "static-website", "server": "builds"}})
    RollbackWindow.objects.all().delete()
    operation = upgraded(world, path, {"version": 1})
    assert (operation["kind"], operation["state"], operation["target"]) == ("upgrade", "succeeded", 1)
    answer = world.deployer.post(f"{path}/upgrade/", {"version": 1})
    assert answer.status_code == 422
    assert "This is what runs." in str(answer.json())


def test_the_platform_of_what_runs_is_kept(world: World, builder: Builder, builds: Server) -> None:
    """The newest build of all is on another platform: following it, jobs would flip between platforms."""
    oldest = builds.catalogue.builds("dns-primary-git")[-1]
    path = deployed(world, "dns-primary-git", build=oldest.uuid)
    upgraded(world, path, {"build": {}})
    told = world.deployer.get(f"{path}/").json()["versions"][0]["build"]
    assert told["platform"] == oldest.platform
    newest = build_find(actor=COMMAND, builder=builder, job="dns-primary-git")
    assert (newest.platform, newest.uuid) != (oldest.platform, told["uuid"])


def test_a_builder_that_is_away_is_told_and_nothing_begins(
    world: World, builder: Builder, builds: Server
) -> None:
    path = deployed(world, "static-website")
    Builder.objects.update(url="http://127.0.0.1:1")
    count = Operation.objects.count()
    answer = world.deployer.post(f"{path}/upgrade/", {"build": {"job": "hello"}})
    assert answer.status_code == 422
    assert "builder" in answer.json()["detail"]
    assert Operation.objects.count() == count


def test_polling_tells_of_the_newer_build(world: World, builder: Builder, builds: Server) -> None:
    path = deployed(world, "static-website", build=older(builds, "static-website"))
    polling.poll(builder.pk)
    seen = world.deployer.get(f"{path}/").json()
    assert seen["standing"] == "update"
    newest = builds.catalogue.builds("static-website")[0]
    assert seen["newest"]["uuid"] == newest.uuid


# --- in the house: what is refused ------------------------------------------------------------------


def test_the_configuration_may_change_with_it(house: House, deployer: Caller) -> None:
    body = {"image": house.spare.image.digest, "configuration": NEW, "accept": ["failing-checks"]}
    plan = deployer.post(f"unikernels/{house.unikernel.pk}/upgrade/", body, dry_run="true").json()
    assert plan["possible"] is True
    assert {"image", "memory"} <= plan["changes"].keys()
    assert not house.unikernel.operations.exists()
    assert deployer.post(f"unikernels/{house.unikernel.pk}/upgrade/", body).status_code == 202
    target = Operation.objects.get(unikernel=house.unikernel).target
    assert target is not None
    assert (target.digest, target.configuration["memory"]) == (house.spare.image.digest, 64)


def test_without_one_the_configuration_stays(house: House, deployer: Caller) -> None:
    body = {"image": house.spare.image.digest}
    assert deployer.post(f"unikernels/{house.unikernel.pk}/upgrade/", body).status_code == 202
    target = Operation.objects.get(unikernel=house.unikernel).target
    assert target is not None
    assert target.configuration == house.version.configuration


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "image"),
        ({"image": "0" * 64, "version": 1}, "image"),
        ({"image": "00"}, "image"),
        ({"version": 0}, "version"),
        ({"version": 2**40}, "version"),
        ({"build": "latest"}, "build"),
        ({"build": {"build": "newest"}}, "build/build"),
        ({"build": {"build": "0000"}}, "build/build"),
        ({"build": {"name": "hello"}}, "build/name"),
        ({"version": 1, "accept": ["anything"]}, "accept/0"),
        ({"version": 1, "configuration": {"memory": 0}}, "configuration/memory"),
    ],
)
def test_what_cannot_be_understood_is_named(
    body: dict[str, Any], pointer: str, house: House, deployer: Caller
) -> None:
    answer = deployer.post(f"unikernels/{house.unikernel.pk}/upgrade/", body)
    assert answer.status_code == 400
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]


@pytest.mark.parametrize(
    "body", [{"version": 99}, {"image": "0" * 64}, {"build": {"server": "nowhere", "job": "hello"}}]
)
def test_what_is_not_there_is_missing(body: dict[str, Any], house: House, deployer: Caller) -> None:
    assert deployer.post(f"unikernels/{house.unikernel.pk}/upgrade/", body).status_code == 404


def test_a_build_needs_a_job_and_a_builder(house: House, deployer: Caller) -> None:
    path = f"unikernels/{house.unikernel.pk}/upgrade/"
    told = deployer.post(path, {"build": {"job": "hello"}})
    assert (told.status_code, told.json()["errors"][0]["pointer"]) == (400, "build/server")
    assert house.builder.name == "builds"
    told = deployer.post(path, {"build": {}})
    assert (told.status_code, told.json()["errors"][0]["pointer"]) == (400, "build/job")
    Builder.objects.create(name="other", url="https://other.example.org")
    told = deployer.post(path, {"build": {"job": "hello"}})
    assert (told.status_code, told.json()["errors"][0]["pointer"]) == (400, "build/server")


@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_one_under_way_is_a_conflict(dry_run: str, house: House, deployer: Caller) -> None:
    path = f"unikernels/{house.busy.pk}"
    upgrade = deployer.post(f"{path}/upgrade/", {"image": house.spare.image.digest}, dry_run=dry_run)
    rollback = deployer.post(f"{path}/rollback/", dry_run=dry_run)
    for answer in (upgrade, rollback):
        assert answer.status_code == 409
        assert answer.json()["operation"] == house.operation.pk


def test_what_runs_is_not_put_in_place_again(house: House, deployer: Caller) -> None:
    answer = deployer.post(f"unikernels/{house.unikernel.pk}/upgrade/", {"version": 1})
    assert answer.status_code == 422
    plan = deployer.post(f"unikernels/{house.unikernel.pk}/upgrade/", {"version": 1}, dry_run="true").json()
    assert plan["refusals"] == ["This is what runs."]


def test_without_a_window_there_is_nothing_to_roll_back(house: House, deployer: Caller) -> None:
    answer = deployer.post(f"unikernels/{house.unikernel.pk}/rollback/")
    assert answer.status_code == 422
    plan = deployer.post(f"unikernels/{house.unikernel.pk}/rollback/", dry_run="true").json()
    assert plan["possible"] is False
    assert plan["refusals"] == [answer.json()["detail"]]


def test_a_rollback_takes_no_words(house: House, deployer: Caller) -> None:
    answer = deployer.post(f"unikernels/{house.window.unikernel_id}/rollback/", {"to": 1})
    assert answer.status_code == 400


def test_what_does_not_run_is_not_upgraded(house: House, deployer: Caller) -> None:
    Unikernel.objects.filter(pk=house.unikernel.pk).update(state="stopped", started=None)
    path = f"unikernels/{house.unikernel.pk}/upgrade/"
    assert deployer.post(path, {"image": house.spare.image.digest}).status_code == 422


@pytest.mark.parametrize("body", [{"image": "0" * 64}, {"build": {"job": "hello"}}])
def test_what_is_unmanaged_is_never_upgraded(
    body: dict[str, Any], house: House, root: User, client_of: ClientOf
) -> None:
    caller, path = Caller(client_of(root)), f"unikernels/{house.unmanaged.pk}"
    assert caller.post(f"{path}/upgrade/", body).status_code in {400, 422}
    assert caller.post(f"{path}/rollback/").status_code == 422
    assert not Operation.objects.filter(unikernel=house.unmanaged).exists()


def test_versions_of_others_are_missing(house: House, deployer: Caller) -> None:
    managed(house.busy, house.spare.image)
    path = f"unikernels/{house.unikernel.pk}/upgrade/"
    assert deployer.post(path, {"version": 2}).status_code == 404
