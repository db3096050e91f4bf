"""Writing to block devices and reading them: what arrives is measured first, then an operation begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import Actor
from accounts.models import Team
from accounts.scopes import Scope
from mollymawk.errors import Invalid, Refused
from mollymawk.rest.parsers import JSONParser, StreamParser
from mollymawk.rest.plans import plan, rehearsed
from mollymawk.rest.schema import changes
from mollymawk.rest.shapes import ChangeQuery, NoBody
from unikernels.access import block_of
from unikernels.api.base import Endpoint
from unikernels.api.operations import OperationSummary, accepted
from unikernels.blocks.files import file_of, file_receive, measured, tidy
from unikernels.blocks.packing import Packing
from unikernels.blocks.transfers import block_download, block_upload, check_transfer, plan_block_upload
from unikernels.models import Block, BlockFile

_CHUNK = 256 * 1024  # bytes of a body that are held at a time


@dataclass(frozen=True, slots=True)
class _Content:
    """What comes as the body: nothing of it is read before it is asked for."""

    stream: IO[bytes]
    name: str
    packing: Packing

    @property
    def pieces(self) -> Iterator[bytes]:
        """Its bytes."""
        return iter(lambda: self.stream.read(_CHUNK), b"")

    def keep(self, actor: Actor, team: Team, room: int) -> BlockFile:
        """The file that it becomes."""
        return file_receive(
            actor=actor, team=team, name=self.name, pieces=self.pieces, packing=self.packing, room=room
        )

    def measure(self, team: Team, room: int) -> BlockFile:
        """The row of a file with it, of which nothing is kept."""
        size = measured(self.name, self.pieces, packing=self.packing, room=room)
        return BlockFile(team=team, name=tidy(self.name), size=size)


class Upload(Endpoint):
    """The content of a block device."""

    parser_classes: list[type[BaseParser]] = [StreamParser, JSONParser]

    class Query(ChangeQuery):
        """What is written, and how."""

        file = serializers.IntegerField(
            required=False, min_value=1, help_text="a file that is kept here, in place of a body"
        )
        name = serializers.CharField(required=False, max_length=200, help_text="of what is sent")
        packing = serializers.ChoiceField([packing.value for packing in Packing], default=Packing.AUTO.value)
        dump_first = serializers.BooleanField(default=False, help_text="keep the old content as a file here")
        verify = serializers.BooleanField(default=False, help_text="read it again afterwards and compare")

    @changes(
        "uploadBlock",
        scope=Scope.BLOCKS,
        query=Query,
        body={"application/octet-stream": OpenApiTypes.BINARY, "application/json": NoBody},
        status=202,
        answer=OperationSummary,
    )
    def post(self, request: Request, pk: int) -> Response:
        """Replace the content of a block device.

        The body is the content, plain or packed; the rest of the device is filled with zeros. It is taken
        in whole and measured before the instance hears of it. `dump_first` keeps the old content.
        """
        query, actor = self.query(self.Query), self.actor
        block = block_of(actor, pk, Scope.BLOCKS)
        check_transfer(actor=actor, block=block)
        assert block.team is not None  # or it would have been refused
        options = {"dump_first": query["dump_first"], "verify": query["verify"]}
        if query["dry_run"]:
            return Response(_rehearsed(actor, block, self._source(query), options))
        source = self._source(query)
        file = source.keep(actor, block.team, block.capacity) if isinstance(source, _Content) else source
        return accepted(request, block_upload(actor=actor, block=block, file=file, **options))

    def _source(self, query: dict[str, Any]) -> BlockFile | _Content:
        """The file that is named, or what is sent."""
        if "file" in query:
            if "stream" in self.request.data:
                text = "Name a file that is kept here, or send the content, not both."
                raise Invalid(text, fields={"file": [text]})
            self.body(NoBody)
            return file_of(self.actor, query["file"], Scope.BLOCKS)
        data = self.request.data
        stream = data.get("stream") if isinstance(data, dict) else None
        if stream is None:
            raise Invalid(
                "There is no content.", fields={"file": ["Send it as the body (application/octet-stream)."]}
            )
        return _Content(stream, query.get("name") or "content.img", Packing(query["packing"]))


def _rehearsed(
    actor: Actor, block: Block, source: BlockFile | _Content, options: dict[str, bool]
) -> dict[str, Any]:
    assert block.team is not None
    try:
        file = source.measure(block.team, block.capacity) if isinstance(source, _Content) else source
        return plan(*plan_block_upload(actor=actor, block=block, file=file, **options))
    except Refused as error:
        return plan(refusals=error.reasons or [str(error)])


class Download(Endpoint):
    """Reading a block device."""

    @changes("downloadBlock", scope=Scope.BLOCKS, status=202, answer=OperationSummary)
    def post(self, request: Request, pk: int) -> Response:
        """Read the content of a block device into a file here.

        When the operation has succeeded, its `files` tell the file.
        """
        self.body(NoBody)
        dry, actor = self.dry_run(), self.actor
        block = block_of(actor, pk, Scope.BLOCKS)
        if dry:
            step = f"Read the {block.size:,} MB of {block} into a file here."
            return rehearsed(lambda: check_transfer(actor=actor, block=block), step)
        return accepted(request, block_download(actor=actor, block=block))
