"""Block devices: made and removed on the instance at once, within the quota."""

from __future__ import annotations

from typing import Any

import pytest

from albatross.simulator import SimulatedInstance
from tests.api.caller import Caller
from tests.api.house import House
from tests.api.world import World
from unikernels.models import Block, Version

NEW: dict[str, Any] = {"instance": "fra-1", "name": "data", "size": 8}


def test_a_block_device_is_made_and_removed(world: World) -> None:
    answer = world.deployer.post("blocks/", NEW)
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["full_name"], body["size"], body["active"]) == ("robur:data", 8, False)
    path = f"blocks/{body['id']}/"
    assert answer.headers["Location"].endswith(f"/api/v1/{path}")
    assert world.deployer.get(path).json() == body | {"used_by": [], "asked_by": []}
    assert world.deployer.get("blocks/", instance="fra-1", team="robur").json()["items"] == [body]
    assert world.deployer.post("blocks/", NEW).status_code == 409
    assert world.deployer.delete(path).status_code == 204
    assert world.deployer.delete(path).status_code == 404


def test_a_dry_run_makes_and_removes_nothing(world: World) -> None:
    assert world.deployer.post("blocks/", NEW, dry_run="true").json()["possible"] is True
    assert not Block.objects.exists()
    block = world.deployer.post("blocks/", NEW).json()
    assert world.deployer.delete(f"blocks/{block['id']}/", dry_run="true").json()["possible"] is True
    assert Block.objects.exists()


@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_one_beyond_the_quota_is_refused(dry_run: str, world: World) -> None:
    answer = world.deployer.post("blocks/", NEW | {"size": 65}, dry_run=dry_run)
    if dry_run == "true":
        assert answer.json()["possible"] is False
        assert "64 MB" in answer.json()["refusals"][0]
    else:
        assert answer.status_code == 422
        assert "64 MB" in answer.json()["detail"]
    assert not Block.objects.exists()


def test_who_needs_it_is_told(house: House, deployer: Caller) -> None:
    thing, block, version = house.unikernel, house.block, house.unikernel.current
    assert version is not None
    thing.observed = thing.observed | {"blocks": [{"name": "data", "host_device": block.name}]}
    thing.save()
    configuration = version.configuration | {"blocks": {"data": block.name}}
    Version.objects.filter(pk=version.pk).update(configuration=configuration)
    Block.objects.update(active=True)
    told = deployer.get(f"blocks/{block.pk}/").json()
    here = {"id": thing.pk, "name": thing.name}
    assert told["used_by"] == [here]
    assert told["asked_by"] == [here | {"versions": [version.number], "current": True}]


@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_one_in_use_stays(dry_run: str, house: House, deployer: Caller) -> None:
    Block.objects.update(active=True)
    answer = deployer.delete(f"blocks/{house.block.pk}/", dry_run=dry_run)
    if dry_run == "true":
        assert answer.json()["possible"] is False
    else:
        assert answer.status_code == 422
    assert Block.objects.exists()


def test_an_instance_that_does_not_answer_is_told(world: World, simulated: SimulatedInstance) -> None:
    simulated.stop()
    assert world.deployer.post("blocks/", NEW).status_code == 502
    assert not Block.objects.exists()


@pytest.mark.parametrize(
    ("change", "pointer"),
    [({"size": 0}, "size"), ({"size": 1.5}, "size"), ({"name": "a:b"}, "name"), ({"mb": 1}, "mb")],
)
def test_what_is_wrong_is_named(change: dict[str, Any], pointer: str, house: House, deployer: Caller) -> None:
    answer = deployer.post("blocks/", NEW | change)
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
