"""Block devices are written and read: measured first, then an operation, then a file."""

from __future__ import annotations

import gzip
import hashlib
from typing import Any

import pytest

from tests.api.caller import Caller, check
from tests.api.house import House
from tests.api.world import World
from unikernels.models import Block, BlockFile, Operation

MB = 2**20
NEW = b"zones of robur\n" * 9_000


def send(caller: Caller, block: int, data: bytes, query: str = "") -> Any:
    address = f"/api/v1/blocks/{block}/upload/"
    answer = caller.client.post(address + query, data, content_type="application/octet-stream")
    check("post", address, answer)
    return answer


def content(caller: Caller, file: int) -> bytes:
    answer = caller.client.get(f"/api/v1/block-files/{file}/content/")
    assert answer.status_code == 200
    data: bytes = answer.getvalue()
    assert answer.headers["Content-Length"] == str(len(data))
    return data


@pytest.fixture
def block(world: World) -> int:
    """An empty block device of 1 MB."""
    made = world.deployer.post("blocks/", {"instance": "fra-1", "name": "data", "size": 1})
    assert made.status_code == 201, made.content
    return int(made.json()["id"])


def test_what_is_written_is_read_again_and_the_old_content_is_kept(world: World, block: int) -> None:
    sent = send(
        world.deployer, block, gzip.compress(NEW, mtime=0), "?name=zones.gz&verify=true&dump_first=true"
    )
    assert sent.status_code == 202, sent.content
    assert sent.json()["block"] == block
    ended = world.work(sent.json()["id"])
    assert ended["state"] == "succeeded", ended
    kept = {file["what"]: file for file in ended["files"]}
    assert kept["new content"]["sha256"] == hashlib.sha256(NEW).hexdigest()
    assert content(world.deployer, kept["old content"]["id"]) == bytes(MB)
    read = world.work(world.deployer.post(f"blocks/{block}/download/").json()["id"])
    (file,) = read["files"]
    assert content(world.deployer, file["id"]) == NEW.ljust(MB, b"\0")
    assert {item["id"] for item in world.deployer.get("block-files/", block=block).json()["items"]} == {
        file["id"],
        kept["old content"]["id"],
    }
    both = world.deployer.get("operations/", block=block).json()["items"]
    assert [item["kind"] for item in both] == ["block_download", "block_upload"]


def test_a_file_that_is_kept_is_written_without_being_sent_again(world: World, block: int) -> None:
    first = world.work(send(world.deployer, block, NEW).json()["id"])
    file = first["files"][0]["id"]
    again = world.deployer.post(f"blocks/{block}/upload/", {}, file=file)
    assert again.status_code == 202, again.content
    assert world.work(again.json()["id"])["state"] == "succeeded"
    assert world.deployer.delete(f"block-files/{file}/").status_code == 204
    assert world.deployer.get(f"block-files/{file}/").status_code == 404


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"x" * (16 * MB + 1), "more than 16,777,216 bytes"),
        (gzip.compress(NEW, mtime=0)[:-20], "it is cut"),
        (gzip.compress(b"", mtime=0), "is empty"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_instance_hears_of_it(
    data: bytes, words: str, house: House, deployer: Caller
) -> None:
    answer = send(deployer, house.block.pk, data)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    assert not BlockFile.objects.exists()
    assert not Operation.objects.filter(block=house.block).exists()


def test_one_in_use_is_refused_before_the_content_is_taken(house: House, deployer: Caller) -> None:
    Block.objects.update(active=True)
    for answer in (
        send(deployer, house.block.pk, NEW),
        deployer.post(f"blocks/{house.block.pk}/download/"),
    ):
        assert answer.status_code == 422
        assert "in use" in answer.json()["detail"]
    assert not BlockFile.objects.exists()


def test_a_dry_run_measures_and_keeps_nothing(house: House, deployer: Caller) -> None:
    plan = send(deployer, house.block.pk, gzip.compress(NEW, mtime=0), "?dry_run=true&dump_first=true").json()
    assert plan["possible"] is True
    assert f"write {len(NEW):,} bytes" in " ".join(plan["steps"])
    assert "keep it here" in plan["steps"][0]
    too_much = send(deployer, house.block.pk, b"x" * (16 * MB + 1), "?dry_run=true").json()
    assert (too_much["possible"], len(too_much["refusals"])) == (False, 1)
    assert not BlockFile.objects.exists()


def test_nothing_sent_is_told(house: House, deployer: Caller) -> None:
    answer = deployer.post(f"blocks/{house.block.pk}/upload/", {})
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == ["file"]


def test_a_viewer_sees_files_and_does_not_read_them(house: House, viewer: Caller) -> None:
    assert viewer.get(f"block-files/{house.content.pk}/").status_code == 200
    assert viewer.get(f"block-files/{house.content.pk}/content/").status_code == 403
