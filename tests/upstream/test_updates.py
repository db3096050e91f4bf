"""Updating and rolling back over the original's routes: only what worked is called a success."""

from __future__ import annotations

import json
from typing import Any

import pytest

from albatross.simulator import SimulatedInstance
from albatross.simulator.images import build_image
from tests.api.house import House
from tests.api.world import World
from tests.upstream.script import CONFIG, Script
from unikernels.builds.simulator.server import Server
from unikernels.inventory.services import reconcile
from unikernels.models import Builder, Check, Operation, Unikernel

JOB = "static-website"


def asked(uuid: str, **changes: Any) -> dict[str, Any]:
    return {
        "albatross_instance": "fra-1",
        "unikernel_name": "web",
        "job": JOB,
        "to_be_updated_unikernel": uuid,
        "currently_running_unikernel": "whatever the page said",
        "http_liveliness_address": None,
        "dns_liveliness": None,
        "unikernel_arguments": None,
        "accept": ["new-abi"],  # the house's build says another one than what runs there
    } | changes


BACK = {"unikernel_name": "web", "albatross_instance": "fra-1"}


def test_a_job_is_created_updated_and_rolled_back(
    world: World, builder: Builder, builds: Server, script: Script
) -> None:
    newest, older = (build.uuid for build in builds.catalogue.builds(JOB)[:2])
    created = script.create(None, unikernel_name="web", deploy_mode=None, builder_job=JOB, binary="")
    assert created["data"] == "created unikernel"
    assert script.post("/api/unikernel/rollback", BACK)["status"] == 404  # nothing was updated yet

    answer = script.post("/api/unikernel/update", asked(older, unikernel_arguments=CONFIG | {"memory": 64}))
    assert (answer["status"], answer["title"]) == (200, "Update Successful")
    assert answer["data"] == f"Update successful. web is now running on build {older}"
    assert (answer["outcome"], Operation.objects.get(pk=answer["operation"]).kind) == ("succeeded", "upgrade")

    answer = script.post("/api/unikernel/rollback", BACK)
    assert (answer["status"], answer["title"]) == (200, "Rollback Successful")
    assert answer["data"] == f"Rollback successful. web is now running on build {newest}"

    answer = script.post("/api/unikernel/rollback", BACK)
    assert (answer["status"], answer["title"]) == (400, "Rollback Failed")
    assert "after 10 minutes" in answer["data"]


def test_an_update_that_goes_back_is_a_failure(
    world: World, simulated: SimulatedInstance, script: Script
) -> None:
    good = build_image(devices=[("service", "net")])
    assert script.create(good)["status"] == 200
    reconcile(world.instance)
    story = {"exit": 1, "exit_after": 0.05, "lines": ["no such key"]}
    bad = build_image(devices=[("service", "net")], behaviour=story)
    answer = script.create(bad, unikernel_force_create="true")
    assert (answer["status"], answer["success"], answer["outcome"]) == (500, False, "rolled_back")
    assert "Version 1 runs again." in answer["data"]
    reconcile(world.instance)
    assert Unikernel.objects.get(name="hello").state == Unikernel.Presence.RUNNING


def test_what_is_no_image_never_touches_what_runs(world: World, script: Script) -> None:
    assert script.create(build_image(devices=[("service", "net")]))["status"] == 200
    reconcile(world.instance)
    started = Unikernel.objects.get(name="hello").started
    answer = script.create(b"\x7fELF, and then nothing", unikernel_force_create="true")
    assert answer["status"] == 500
    assert answer["data"].startswith("Albatross Response Error: failure: hello.hvt is not taken")
    reconcile(world.instance)
    assert Unikernel.objects.get(name="hello").started == started


def test_the_checks_of_an_update_stay_with_the_unikernel(house: House, script: Script) -> None:
    uuid = house.newer.uuid
    body = asked(
        uuid, unikernel_name="hello", job="hello", http_liveliness_address="https://hello.example.org"
    )
    body["dns_liveliness"] = {"dns_address": "192.88.99.1", "dns_name": "hello.example.org"}
    begin(script, body)
    found = {check.name: (check.kind, check.settings) for check in Check.objects.all()}
    assert found["update-http"][1]["url"] == "https://hello.example.org"
    assert found["update-http"][1]["status"] == [200, 299]
    assert (found["update-dns"][0], found["update-dns"][1]["name"]) == ("dns", "hello.example.org")
    memo = Operation.objects.get(kind="upgrade").memo
    assert memo["asks"] is True


def test_checks_cannot_reach_what_is_ours(house: House, script: Script) -> None:
    body = asked(house.newer.uuid, unikernel_name="hello", job="hello")
    answer = script.post(
        "/api/unikernel/update", body | {"http_liveliness_address": "http://127.0.0.1:8000/"}
    )
    assert (answer["status"], answer["title"]) == (500, "Update Error")
    assert not Operation.objects.filter(kind="upgrade").exists()


def test_an_update_that_cannot_be_leaves_no_check_behind(house: House, script: Script) -> None:
    body = asked(
        house.newer.uuid, unikernel_name="hello", job="hello", unikernel_arguments=CONFIG | {"memory": 9999}
    )
    answer = script.post("/api/unikernel/update", body | {"http_liveliness_address": "https://example.org"})
    assert answer["status"] == 500
    assert not Check.objects.exists()


@pytest.mark.parametrize("body", [{"dns_liveliness": "here"}, {"unikernel_arguments": "{}"}, {"accept": 7}])
def test_what_cannot_be_understood_is_said(body: dict[str, Any], house: House, script: Script) -> None:
    wanted = asked(house.newer.uuid, unikernel_name="hello", job="hello")
    assert script.post("/api/unikernel/update", wanted | body)["status"] == 400


def test_what_takes_longer_than_a_minute_is_neither(
    house: House, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unikernels.upstream.ending.PATIENCE", 0.0)
    monkeypatch.setattr("tests.upstream.script.runner.advance", lambda operation: None)
    answer = script.post("/api/unikernel/restart?unikernel=hello&instance=fra-1", {})
    assert (answer["status"], answer["success"], answer["outcome"]) == (504, False, "running")
    assert f"/api/v1/operations/{answer['operation']}/" in answer["data"]


def test_the_window_closes(house: House, script: Script) -> None:
    house.window.delete()
    body = {"unikernel_name": "hello", "albatross_instance": "fra-1"}
    answer = script.post("/api/unikernel/rollback", body)
    assert (answer["status"], answer["title"]) == (400, "Rollback Failed")


def begin(script: Script, body: dict[str, Any]) -> None:
    """Ask for an update, and do not wait for its end."""
    answer = script.api.post("/api/unikernel/update", json.dumps(body), content_type="application/json")
    assert answer.status_code == 202, answer.content
