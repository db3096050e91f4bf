"""Block devices of teams."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from mollymawk.rest.orders import ID, NAME, Orders
from mollymawk.rest.pages import Key, page
from mollymawk.rest.plans import rehearsed
from mollymawk.rest.schema import changes, reads
from mollymawk.rest.shapes import Page, PageQuery, Strict
from unikernels.access import block_of, blocks_of, instance_of
from unikernels.api.base import Endpoint
from unikernels.api.fields import LabelField
from unikernels.blocks.services import block_add, block_remove, check_block_add, check_block_remove
from unikernels.blocks.uses import askers_of, uses_of
from unikernels.configuration import MAX_MEMORY
from unikernels.models import Block


class BlockOut(serializers.Serializer[Any]):
    """A block device, as last seen."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    full_name = serializers.CharField(help_text="path and name on the instance")
    team = serializers.CharField(allow_null=True)
    instance = serializers.CharField()
    size = serializers.IntegerField(help_text="MB")
    active = serializers.BooleanField(help_text="a running unikernel has it")


class UseOut(serializers.Serializer[Any]):
    """A unikernel that runs with a block device."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class AskerOut(UseOut):
    """A unikernel of which some versions name a block device."""

    versions = serializers.ListField(child=serializers.IntegerField(), help_text="their numbers")
    current = serializers.BooleanField(help_text="the version that runs, or ran last, is one of them")


class BlockDetail(BlockOut):
    """A block device, and who needs it."""

    used_by = UseOut(many=True, help_text="what runs with it now")
    asked_by = AskerOut(many=True, help_text="kept versions that name it")


def detail(block: Block) -> dict[str, Any]:
    """A block device with who needs it."""
    uses, askers = uses_of([block])[block.instance_id, block.path, block.name], askers_of(block)
    return show(block) | {
        "used_by": [{"id": use.pk, "name": use.name} for use in uses],
        "asked_by": [
            {"id": one.pk, "name": one.name, "versions": sorted(one.numbers), "current": one.current}
            for one in askers
        ],
    }


def show(block: Block) -> dict[str, Any]:
    """A block device, as the API tells it."""
    return {
        "id": block.pk,
        "name": block.name,
        "full_name": str(block.full_name),
        "team": block.team.name if block.team else None,
        "instance": block.instance.name,
        "size": block.size,
        "active": block.active,
    }


ORDERS = Orders("id", {"id": ID, "name": NAME, "size": Key("size"), "instance": Key("instance__name", str)})


class Blocks(Endpoint):
    """All block devices that the caller may see."""

    class Query(PageQuery):
        """Which ones, in which order."""

        team = serializers.CharField(required=False)
        instance = serializers.CharField(required=False)
        active = serializers.BooleanField(required=False, allow_null=True, default=None)
        q = serializers.CharField(required=False, max_length=63, help_text="a part of the name")
        ordering = ORDERS.field()

    class Out(Page):
        """A page of block devices."""

        items = BlockOut(many=True)

    class In(Strict):
        """What to make, where, for whom."""

        team = serializers.CharField(required=False, help_text="not needed with a token")
        instance = serializers.CharField()
        name = LabelField()
        size = serializers.IntegerField(min_value=1, max_value=MAX_MEMORY, help_text="MB")

    @reads("listBlocks", query=Query, answer=Out)
    def get(self, request: Request) -> Response:
        """List block devices."""
        query = self.query(self.Query)
        rows = self.narrowed(
            blocks_of(self.actor), query, instance="instance__name", active="active", q="name__icontains"
        )
        return Response(page(rows, request=request, order=ORDERS.of(query), query=query, show=show))

    @changes("createBlock", scope=Scope.BLOCKS, body=In, status=201, answer=BlockOut)
    def post(self, request: Request) -> Response:
        """Create a block device."""
        dry, actor, body = self.dry_run(), self.actor, self.body(self.In)
        team = self.team(body.get("team"), Scope.BLOCKS)
        instance = instance_of(actor, body["instance"])
        wanted: dict[str, Any] = {"actor": actor, "team": team, "instance": instance, "name": body["name"]}
        if dry:
            step = f"Create block device {body['name']} of {body['size']} MB on {instance}."
            return rehearsed(lambda: check_block_add(**wanted, megabytes=body["size"]), step)
        block = block_add(**wanted, megabytes=body["size"])
        place = request.build_absolute_uri(reverse("api:block", args=[block.pk]))
        return Response(show(block), status=201, headers={"Location": place})


class OneBlock(Endpoint):
    """One block device."""

    @reads("getBlock", answer=BlockDetail)
    def get(self, request: Request, pk: int) -> Response:
        """Show a block device, and who needs it."""
        return Response(detail(block_of(self.actor, pk)))

    @changes("deleteBlock", scope=Scope.BLOCKS, status=204, answer=None)
    def delete(self, request: Request, pk: int) -> Response:
        """Remove a block device and what is on it."""
        dry, actor = self.dry_run(), self.actor
        block = block_of(actor, pk, Scope.BLOCKS)
        if dry:
            step = f"Remove {block} and its {block.size} MB of data."
            return rehearsed(lambda: check_block_remove(actor=actor, block=block), step)
        block_remove(actor=actor, block=block)
        return Response(status=204)
