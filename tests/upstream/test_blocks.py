"""Block devices over the original's routes, on a simulated instance."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.actors import SYSTEM
from tests.api.house import House
from tests.api.world import World
from tests.upstream.script import Script
from unikernels.blocks.services import block_add
from unikernels.models import Block

DATA = {"albatross_instance": "fra-1", "block_name": "data"}


def test_a_device_is_removed_once(world: World, script: Script) -> None:
    block_add(actor=SYSTEM, team=world.team, instance=world.instance, name="data", megabytes=1)
    answer = script.post("/api/block/delete", DATA)
    assert (answer["status"], answer["data"]) == (200, "removed block")
    again = script.post("/api/block/delete", DATA)
    assert (again["status"], again["data"]) == (500, "failure: remove block: not found")


def test_what_is_in_use_is_left_alone(house: House, script: Script) -> None:
    Block.objects.update(active=True)
    answer = script.post("/api/block/delete", DATA)
    assert answer["status"] == 500
    assert answer["data"].startswith("failure: remove block: ")
    assert Block.objects.exists()


@pytest.mark.parametrize(
    ("changes", "status", "data"),
    [
        ({"block_name": "a_b"}, 400, "Couldn't convert block name: invalid label"),
        ({"block_name": None}, 400, "Couldn't find block name in json"),
        ({"albatross_instance": "eu-7"}, 404, "Couldn't find albatross instance with name: eu-7"),
        ({"albatross_instance": "eu 7!"}, 400, "Couldn't convert instance name: invalid label"),
    ],
)
def test_every_request_is_answered(
    changes: dict[str, Any], status: int, data: str, house: House, script: Script
) -> None:
    answer = script.post("/api/block/delete", DATA | changes)
    assert answer["status"] == status
    assert answer["data"].startswith(data)
