"""Files with the content of block devices: what is kept here for a while."""

from __future__ import annotations

from typing import Any, cast

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from mollymawk import streaming
from mollymawk.rest.orders import ID, NAME, Orders
from mollymawk.rest.pages import Key, page
from mollymawk.rest.plans import rehearsed
from mollymawk.rest.schema import changes, gives_file, reads
from mollymawk.rest.shapes import Page, PageQuery
from unikernels.api.base import Endpoint
from unikernels.blocks.files import file_of, file_open, file_remove, files_of
from unikernels.models import BlockFile


class BlockFileOut(serializers.Serializer[Any]):
    """The content of a block device as a file: sent in, or read from the instance."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    team = serializers.CharField()
    block = serializers.IntegerField(allow_null=True, help_text="read from it; null: sent in, or it is gone")
    origin = serializers.ChoiceField(BlockFile.Source.values)
    size = serializers.IntegerField(help_text="bytes, unpacked")
    sha256 = serializers.CharField(help_text="of the unpacked content")
    created_at = serializers.DateTimeField()
    until = serializers.DateTimeField(help_text="removed after that, unless a transfer needs it")


def show(file: BlockFile) -> dict[str, Any]:
    """A file, as the API tells it."""
    return {
        "id": file.pk,
        "name": file.name,
        "team": file.team.name,
        "block": file.block_id,
        "origin": file.source,
        "size": file.size,
        "sha256": file.sha256,
        "created_at": file.created_at,
        "until": file.until,
    }


ORDERS = Orders("-id", {"id": ID, "name": NAME, "size": Key("size")})


class BlockFiles(Endpoint):
    """All files with content that the caller may see, newest first."""

    class Query(PageQuery):
        """Which ones, in which order."""

        team = serializers.CharField(required=False)
        block = serializers.IntegerField(required=False, min_value=1, help_text="read from this one")
        origin = serializers.ChoiceField(BlockFile.Source.values, required=False)
        q = serializers.CharField(required=False, max_length=200, help_text="a part of the name")
        ordering = ORDERS.field()

    class Out(Page):
        """A page of files."""

        items = BlockFileOut(many=True)

    @reads("listBlockFiles", query=Query, answer=Out)
    def get(self, request: Request) -> Response:
        """List files with the content of block devices."""
        query = self.query(self.Query)
        rows = self.narrowed(files_of(self.actor), query, block="block", origin="source", q="name__icontains")
        return Response(page(rows, request=request, order=ORDERS.of(query), query=query, show=show))


class OneBlockFile(Endpoint):
    """One file."""

    @reads("getBlockFile", answer=BlockFileOut)
    def get(self, request: Request, pk: int) -> Response:
        """Show a file."""
        return Response(show(file_of(self.actor, pk)))

    @changes("deleteBlockFile", scope=Scope.BLOCKS, status=204, answer=None)
    def delete(self, request: Request, pk: int) -> Response:
        """Remove a file. The block device is not touched."""
        dry, actor = self.dry_run(), self.actor
        file = file_of(actor, pk, Scope.BLOCKS)
        if dry:
            return rehearsed(lambda: file_remove(actor=actor, file=file), f"Remove {file.name}.")
        file_remove(actor=actor, file=file)
        return Response(status=204)


class Content(Endpoint):
    """The bytes of a file."""

    @gives_file("readBlockFile", scope=Scope.BLOCKS)
    def get(self, request: Request, pk: int) -> Response:
        """Download a file. Role deployer: it may hold secrets."""
        file = file_of(self.actor, pk, Scope.BLOCKS)
        pieces, size = file_open(actor=self.actor, file=file)
        answer = streaming.download(pieces, size=size, name=file.name)
        return cast("Response", answer)  # what finishes an answer only adds headers to it
