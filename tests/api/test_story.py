"""The whole way of a program: upload, deploy, follow, configure, restart, destroy; on a real wire."""

from __future__ import annotations

from typing import Any

from albatross.simulator import SimulatedInstance
from albatross.simulator.images import build_image
from tests.api.world import World

IMAGE = build_image(devices=[("service", "net")], behaviour={"lines": ["hello"]})


def upload(world: World, image: bytes) -> str:
    answer = world.deployer.client.post("/api/v1/images/", image, content_type="application/octet-stream")
    return str(answer.json()["digest"])


def deploy(world: World, digest: str, **configuration: Any) -> dict[str, Any]:
    body = {
        "instance": "fra-1",
        "name": "hello",
        "image": digest,
        "configuration": {"memory": 16, "networks": {"service": "service"}} | configuration,
        "accept": ["new-abi"],
    }
    answer = world.deployer.post("unikernels/", body)
    assert answer.status_code == 202, answer.content
    return world.work(answer.json()["id"])


def test_a_unikernel_is_deployed_configured_restarted_and_destroyed(
    world: World, simulated: SimulatedInstance
) -> None:
    digest = upload(world, IMAGE)
    operation = deploy(world, digest)
    assert (operation["state"], operation["exit_code"]) == ("succeeded", 0)
    assert {step["status"] for step in operation["steps"]} == {"done"}
    assert operation["events"]
    path = f"unikernels/{operation['unikernel']}"
    seen = world.deployer.get(f"{path}/").json()
    assert (seen["state"], seen["digest"], seen["version"]) == ("running", digest, 1)
    assert set(simulated.running()) == {"robur:hello"}

    wanted = {"memory": 32, "networks": {"service": "service"}, "arguments": ["--color=red"]}
    answer = world.deployer.post(f"{path}/configure/", {"configuration": wanted})
    assert world.work(answer.json()["id"])["state"] == "succeeded"
    seen = world.deployer.get(f"{path}/").json()
    assert (seen["memory"], seen["version"], seen["arguments"]) == (32, 2, ["--color=red"])

    answer = world.deployer.post(f"{path}/restart/")
    assert world.work(answer.json()["id"])["state"] == "succeeded"
    assert world.deployer.get(f"{path}/").json()["started"] != seen["started"]

    answer = world.deployer.post(f"{path}/destroy/")
    assert world.work(answer.json()["id"])["state"] == "succeeded"
    assert world.deployer.get(f"{path}/").json()["state"] == "stopped"
    assert not simulated.running()


def test_a_deploy_that_ends_at_once_is_no_success_and_shows_the_console(world: World) -> None:
    behaviour = {"lines": ["no such key"], "exit": 1, "exit_after": 0.05}
    bad = build_image(devices=[("service", "net")], behaviour=behaviour)
    operation = deploy(world, upload(world, bad))
    assert (operation["state"], operation["running"], operation["exit_code"]) == ("failed", "no", 9)
    assert operation["verdict"]["tone"] == "bad"
    assert any("no such key" in line for line in operation["console"])


def test_a_configuration_that_does_not_run_goes_back(world: World, simulated: SimulatedInstance) -> None:
    first = deploy(world, upload(world, IMAGE))
    wanted = {
        "memory": 16,
        "networks": {"service": "service"},
        "arguments": ["--exit=1", "--exit-after=0.05"],
    }
    answer = world.deployer.post(f"unikernels/{first['unikernel']}/configure/", {"configuration": wanted})
    operation = world.work(answer.json()["id"])
    assert (operation["state"], operation["exit_code"]) == ("rolled_back", 6)
    assert operation["verdict"]["tone"] == "bad"
    assert set(simulated.running()) == {"robur:hello"}
    seen = world.deployer.get(f"unikernels/{first['unikernel']}/").json()
    assert (seen["version"], seen["unstable"], seen["arguments"]) == (1, True, [])
