"""``block_list``, ``block_add``, ``block_remove``, ``block_upload``, ``block_download``, ``block_files``."""

from __future__ import annotations

from pathlib import Path

import pytest

from albatross.simulator import SimulatedInstance
from tests.api.house import House
from tests.api.world import World
from tests.commands.conftest import Run
from unikernels.models import Block, BlockFile, Operation

MB = 2**20
NEW = b"zones of robur\n" * 9_000
DATA = ("robur:data", "fra-1")


@pytest.fixture
def block(world: World, run: Run) -> Block:
    """An empty block device of 1 MB."""
    assert run("block_add", "data", "fra-1", 1, "--team", "robur", "--dry-run").code == 0
    assert not Block.objects.exists()
    ran = run("block_add", "data", "fra-1", 1, "--team", "robur", "--json")
    assert (ran.code, ran.json["full_name"]) == (0, "robur:data"), ran.err
    return Block.objects.get()


def test_content_is_written_kept_and_read(block: Block, run: Run, tmp_path: Path) -> None:
    image, back = tmp_path / "zones.img", tmp_path / "back.img"
    image.write_bytes(NEW)
    plan = run("block_upload", *DATA, image, "--dump-first", "--dry-run")
    assert (plan.code, f"write {len(NEW):,} bytes" in plan.out) == (0, True), plan.err
    assert not BlockFile.objects.exists()
    wrote = run("block_upload", *DATA, image, "--dump-first", "--verify", "--yes", "--here")
    assert wrote.code == 0, wrote.err
    read = run("block_download", *DATA, "--output", back, "--here")
    assert read.code == 0, read.err
    assert back.read_bytes() == NEW.ljust(MB, b"\0")
    assert run("block_download", *DATA, "--output", back, "--here").code == 2  # it would overwrite
    assert run("block_files", "--team", "robur").out.count("robur") == 3
    number = BlockFile.objects.first().pk  # type: ignore[union-attr]  # three of them
    assert run("block_files", "--remove", number).code == 2  # nobody to ask
    assert run("block_files", "--remove", number, "--yes").code == 0
    assert run("block_files", "--remove", number, "--yes").code == 3


def test_one_is_removed_when_somebody_says_yes(block: Block, run: Run) -> None:
    assert "robur:data" in run("block_list").out
    assert run("block_remove", *DATA).code == 2
    assert run("block_remove", *DATA, "--dry-run").code == 0
    assert Block.objects.exists()
    assert run("block_remove", *DATA, "--yes").code == 0
    assert run("block_remove", *DATA, "--yes").code == 3
    assert run("block_list", "--json").json == []


def test_a_file_that_is_too_large_is_refused(house: House, run: Run, tmp_path: Path) -> None:
    image = tmp_path / "large.img"
    image.write_bytes(bytes(16 * MB + 1))
    assert run("block_upload", *DATA, image, "--dry-run").code == 4
    ran = run("block_upload", *DATA, image, "--yes")
    assert (ran.code, "more than 16,777,216 bytes" in ran.err) == (4, True), ran.err
    assert run("block_upload", *DATA, tmp_path / "none.img", "--yes").code == 2
    assert not Operation.objects.filter(block=house.block).exists()


def test_a_dead_instance_ends_a_download_as_nothing_touched(
    block: Block, run: Run, simulated: SimulatedInstance, tmp_path: Path
) -> None:
    simulated.stop()
    ran = run("block_download", *DATA, "--output", tmp_path / "back.img", "--here", "--json")
    assert ran.code in {7, 8}, ran.err
    assert not (tmp_path / "back.img").exists()
