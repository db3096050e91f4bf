"""Block devices over the original's routes, on a simulated instance."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.api.house import House
from tests.api.world import World
from tests.upstream.script import Script
from unikernels.inventory.services import reconcile
from unikernels.models import Block, BlockFile, Operation

MIB = 2**20
CONTENT = bytes(range(256)) * 16
OTHER = b"\x07" * 5000
NAMED = {"albatross_instance": "fra-1", "block_name": "store"}


def send(script: Script, path: str, content: bytes | None, **changes: Any) -> Any:
    wanted = {"block_name": "store", "block_size": 1, "block_compressed": False} | changes
    parts: dict[str, Any] = {"albatross_instance": "fra-1", "molly_csrf": "", "json_data": json.dumps(wanted)}
    if content is not None:
        parts["block_data"] = SimpleUploadedFile("store.bin", content)
    return script.form(f"/api/block/{path}", parts)


def download(script: Script, **changes: Any) -> tuple[Any, bytes]:
    """The answer, and the bytes of it."""
    body = NAMED | {"compression_level": 0} | changes
    answer = script.waited(script.api.post("/api/block/download", body, format="json"))
    return answer, b"".join(answer.streaming_content)


def test_the_life_of_a_block_device(world: World, script: Script) -> None:
    answer = send(script, "create", CONTENT)
    assert (answer["status"], answer["data"], answer["outcome"]) == (200, "set block device", "succeeded")
    reconcile(world.instance)

    told, content = download(script)
    assert told.headers["Content-Disposition"] == 'attachment; filename="store_dump"'
    assert told.headers["Content-Length"] == str(MIB)
    assert content == CONTENT.ljust(MIB, b"\0")

    assert send(script, "upload", zlib.compress(OTHER), block_compressed=True)["data"] == "set block device"
    _, packed = download(script, compression_level=6)
    assert zlib.decompress(packed) == OTHER.ljust(MIB, b"\0")

    assert script.post("/api/block/delete", NAMED)["data"] == "removed block"
    again = script.post("/api/block/delete", NAMED)
    assert (again["status"], again["data"]) == (500, "failure: remove block: not found")


def test_the_old_content_is_kept_first(world: World, script: Script) -> None:
    send(script, "create", CONTENT)
    reconcile(world.instance)
    assert send(script, "upload", gzip.compress(OTHER), block_compressed=True)["status"] == 200
    kept = BlockFile.objects.filter(source=BlockFile.Source.DUMPED)
    assert [file.size for file in kept] == [MIB]


def test_without_data_it_is_full_of_zeros(world: World, script: Script) -> None:
    assert send(script, "create", None)["data"] == "created block device"
    assert Block.objects.get(name="store").size == 1


def test_what_does_not_fit_leaves_nothing_behind(world: World, script: Script) -> None:
    answer = send(script, "create", bytes(MIB + 1))
    assert (answer["status"], answer["data"].startswith("unexpected field. got ")) == (400, True)
    assert not Block.objects.exists()
    assert not BlockFile.objects.exists()


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("download", {"albatross_instance": "eu-7", "block_name": "data"}, 404),  # 96: the process ended
        ("download", {"albatross_instance": "fra-1", "block_name": "nope"}, 404),
        ("download", {"albatross_instance": "fra-1", "block_name": "data", "compression_level": 10}, 400),
        ("download", {"albatross_instance": "fra-1"}, 400),
        ("delete", {"albatross_instance": "fra-1", "block_name": "a_b"}, 400),
        ("delete", {"albatross_instance": "eu-7", "block_name": "data"}, 404),
    ],
)
def test_every_request_is_answered(
    path: str, body: dict[str, Any], status: int, house: House, script: Script
) -> None:
    assert script.post(f"/api/block/{path}", body)["status"] == status


@pytest.mark.parametrize("json_data", ["[]", "{", "{}", '{"block_name": "x", "block_size": "1"}'])
def test_what_is_asked_for_has_to_be_said(json_data: str, house: House, script: Script) -> None:
    parts = {"albatross_instance": "fra-1", "json_data": json_data}
    assert script.form("/api/block/create", parts)["status"] == 400


def test_what_is_in_use_is_left_alone(house: House, script: Script) -> None:
    Block.objects.update(active=True)
    body = {"albatross_instance": "fra-1", "block_name": "data"}
    assert script.post("/api/block/delete", body)["status"] == 500
    assert script.post("/api/block/download", body)["status"] == 500
    assert Block.objects.exists()
    assert not Operation.objects.filter(kind__startswith="block").exists()
