"""Deploying, listing, restarting and destroying over the original's routes, on a simulated instance."""

from __future__ import annotations

import json

from albatross.simulator.images import build_image
from tests.api.world import World
from tests.upstream.script import CONFIG, Script
from unikernels.inventory.services import reconcile
from unikernels.models import Version

IMAGE = build_image(devices=[("service", "net")])


def test_the_life_of_a_unikernel(world: World, script: Script) -> None:
    answer = script.create(IMAGE)
    assert (answer["status"], answer["title"], answer["data"]) == (200, "200", "created unikernel")
    reconcile(world.instance)
    (listed,) = script.get("/api/unikernels")["data"]["data"]
    assert [item["name"] for item in listed] == ["hello"]
    place = "/api/unikernel/restart?unikernel=hello&instance=fra-1"
    assert script.post(place, {})["data"] == "created unikernel"
    changed = {"arguments": json.dumps(CONFIG | {"memory": 24})}
    assert script.post(place, changed)["status"] == 200
    assert Version.objects.filter(unikernel__name="hello").count() == 2
    gone = script.post("/api/unikernel/destroy", {"name": "hello", "albatross_instance": "fra-1"})
    assert (gone["status"], gone["data"]) == (200, "destroyed unikernel")
    again = script.post("/api/unikernel/destroy", {"name": "hello", "albatross_instance": "fra-1"})
    assert again["status"] == 500
