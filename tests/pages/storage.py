"""Block devices with a past: transfers under way, done and broken off, and the files they left."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from accounts.actors import Actor
from tests.pages.world import World
from unikernels.blocks.files import file_receive
from unikernels.models import Block, BlockFile, Operation
from unikernels.operations.facts import Memo
from unikernels.operations.machine import Kind, State

MB = 2**20
CONTENT = b"zones of robur\n" * 5000


@dataclass
class Storage:
    """The block devices of a world: ``data`` is in use, ``spare`` has a past, ``mail`` is being written."""

    world: World

    def __post_init__(self) -> None:
        world = self.world
        self.mail, self.small = self.device("mail", 64), self.device("small", 2)
        self.file = self.kept("zones.img")
        self.old = BlockFile.objects.create(
            team=world.team,
            block=world.spare,
            source=BlockFile.Source.DUMPED,
            name="spare-before-7.img",
            size=64 * MB,
            sha256=hashlib.sha256(b"spare").hexdigest(),
            by=world.person,
            until=world.now + timedelta(days=5),
        )
        ended = world.now - timedelta(minutes=4)
        self.failed = self.transfer(
            world.spare,
            state=State.FAILED,
            reason="It was cancelled while it was written. The content of spare is changed: it is a part of"
            f" the new one, then zeros. The old content is kept: {self.old.name}.",
            memo=Memo(file=self.file.pk, dump=self.old.pk, ended_in=State.SWAP).to_json(),
            created_at=ended - timedelta(seconds=73),
            finished_at=ended,
        )
        self.moving = self.transfer(
            self.mail,
            state=State.SWAP,
            memo=Memo(file=self.file.pk, fetched=21 * MB, fetch_size=64 * MB).to_json(),
            armed_at=world.now,
        )

    def device(self, name: str, megabytes: int) -> Block:
        """A free block device."""
        world = self.world
        return Block.objects.create(
            instance=world.near, team=world.team, path=world.team.domain, name=name, size=megabytes
        )

    def kept(self, name: str, content: bytes = CONTENT) -> BlockFile:
        """A file with content, in the store."""
        actor = Actor(self.world.person, "session")
        return file_receive(actor=actor, team=self.world.team, name=name, pieces=[content])

    def transfer(self, block: Block, **fields: Any) -> Operation:
        """A transfer as the database has it; an upload that waits for a worker if nothing else is said."""
        facts: dict[str, Any] = {
            "kind": Kind.BLOCK_UPLOAD,
            "state": State.PREFLIGHT,
            "block": block,
            "block_name": str(block),
            "instance": block.instance,
            "team": block.team,
            "requested_by": self.world.person,
            "credential": "session",
            "deadline_at": self.world.now + timedelta(hours=1),
        }
        return Operation.objects.create(**(facts | fields))
