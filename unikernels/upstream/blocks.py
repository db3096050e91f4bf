"""``/api/block/{create,upload,download,delete}``.

What is uploaded is taken in whole, unpacked and measured before the instance hears of it, and what is
downloaded is read whole before the answer begins: a cut transfer is never taken for a good one.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponseBase

from accounts.actors import Actor
from accounts.models import Team
from accounts.scopes import Scope
from albatross.models import Instance
from mollymawk import streaming
from unikernels.access import blocks_of
from unikernels.blocks.files import file_open, file_receive, operation_file
from unikernels.blocks.models import MIB
from unikernels.blocks.packing import Packing
from unikernels.blocks.services import block_add, block_remove, check_block_add
from unikernels.blocks.transfers import block_download, block_upload
from unikernels.models import Block, BlockFile, Operation
from unikernels.operations.story import verdict
from unikernels.upstream.door import (
    failing,
    instance_named,
    label,
    read_json,
    read_object,
    route,
    team_of,
    texts,
)
from unikernels.upstream.ending import ended, plain, succeeded, when_done
from unikernels.upstream.envelope import Stop, reply
from unikernels.upstream.unikernels import FIELDS_MISSING, form_of

UNEXPECTED = "unexpected field. got "
NO_NAME = "Couldn't find block name in json"
BAD_INSTANCE = "Couldn't convert instance name: "
NO_INSTANCE = "Couldn't find albatross instance with name: "
BAD_NAME = "Couldn't convert block name: "
SET = "set block device"
MAX_LEVEL = 9  # of zlib

_GZIP_MAGIC = b"\x1f\x8b"


# --- create, upload ----------------------------------------------------------------------------------


@route("POST")
def create(request: HttpRequest, actor: Actor) -> HttpResponseBase:
    """A new device with what was sent; without data, or with an empty file, one full of zeros."""
    team, instance, wanted = _wanted(request, actor)
    name, megabytes = label(wanted["block_name"], "Invalid block name: "), wanted["block_size"]
    made = {"actor": actor, "team": team, "instance": instance, "name": name, "megabytes": megabytes}
    data = request.FILES.get("block_data")
    with failing(UNEXPECTED, status=400):
        check_block_add(**made)
        if data is None or not data.size:
            block_add(**made)
            return reply(200, "created block device")
        file = _received(actor, team, data, wanted, room=megabytes * MIB)
        block = block_add(**made)
        operation = block_upload(actor=actor, block=block, file=file, dump_first=False)
    return when_done(operation, plain(SET, f"an error with albatross. got {name} was made, but not filled: "))


@route("POST")
def upload(request: HttpRequest, actor: Actor) -> HttpResponseBase:
    """Other content for a device. The old one is kept here first, unless ``"dump_first": false`` is said."""
    team, instance, wanted = _wanted(request, actor)
    block = _block(actor, instance, label(wanted["block_name"], "Invalid block name: "))
    if block is None:
        raise Stop(400, f"{UNEXPECTED}failure: set block: not found")
    data = request.FILES.get("block_data")
    if data is None:
        raise Stop(400, FIELDS_MISSING)
    with failing(UNEXPECTED, status=400):
        file = _received(actor, team, data, wanted, room=block.capacity)
        keep = wanted.get("dump_first") is not False
        operation = block_upload(actor=actor, block=block, file=file, dump_first=keep)
    return when_done(operation, plain(SET, "an error with albatross. got "))


def _wanted(request: HttpRequest, actor: Actor) -> tuple[Team, Instance, dict[str, Any]]:
    """The team, where, and ``json_data``: name, size in MB, whether it is packed."""
    team = team_of(actor, Scope.BLOCKS)
    form = form_of(request, "albatross_instance", "json_data")
    unknown, bad = (
        "Couldn't find albatross instance with name ",
        "Couldn't convert name to albatross instance ",
    )
    instance = instance_named(actor, form["albatross_instance"], bad=bad, unknown=unknown)
    wanted = read_object(form["json_data"])
    size, packed = wanted.setdefault("block_size", 0), wanted.setdefault("block_compressed", False)
    named = isinstance(wanted.get("block_name"), str)
    if not named or not isinstance(size, int) or not isinstance(packed, bool):
        raise Stop(400, f"{UNEXPECTED}something else than block_name, block_size and block_compressed")
    return team, instance, wanted


def _received(
    actor: Actor, team: Team, data: UploadedFile[Any], wanted: dict[str, Any], *, room: int
) -> BlockFile:
    packing = Packing.PLAIN
    if wanted["block_compressed"]:
        packing = Packing.GZIP if data.read(2) == _GZIP_MAGIC else Packing.ZLIB
        data.seek(0)
    name = data.name or "block_data"
    return file_receive(actor=actor, team=team, name=name, pieces=data.chunks(), packing=packing, room=room)


# --- download, delete --------------------------------------------------------------------------------


@route("POST")
def download(request: HttpRequest, actor: Actor) -> HttpResponseBase:
    """What is on a device; packed with zlib when a ``compression_level`` above 0 is said."""
    block, name, body = _named(request, actor)
    level = body.get("compression_level", 0)
    if isinstance(level, bool) or not isinstance(level, int) or not 0 <= level <= MAX_LEVEL:
        raise Stop(400, f"compression_level is a number from 0 to {MAX_LEVEL}")
    if block is None:
        raise Stop(404, "failure: dump block: not found")
    with failing("failure: dump block: "):
        operation = block_download(actor=actor, block=block)

    def tell(operation: Operation) -> HttpResponseBase:
        file = operation_file(operation) if succeeded(operation) else None
        if file is None:
            return ended(operation, 500, f"failure: dump block: {verdict(operation).sentence}")
        return _content(actor, file, name, level)

    return when_done(operation, tell)


@route("POST")
def delete(request: HttpRequest, actor: Actor) -> HttpResponseBase:
    """Remove a device and what is on it."""
    block, _, _ = _named(request, actor)
    if block is None:
        raise Stop(500, "failure: remove block: not found")
    with failing("failure: remove block: "):
        block_remove(actor=actor, block=block)
    return reply(200, "removed block")


def _named(request: HttpRequest, actor: Actor) -> tuple[Block | None, str, dict[str, Any]]:
    """The device that the body names, its name, and the body."""
    team_of(actor, Scope.BLOCKS)
    body = read_json(request)
    name, where = texts(body, "block_name", "albatross_instance", wrong=NO_NAME)
    instance = instance_named(actor, where, bad=BAD_INSTANCE, unknown=NO_INSTANCE)
    name = label(name, BAD_NAME)
    return _block(actor, instance, name), name, body


def _block(actor: Actor, instance: Instance, name: str) -> Block | None:
    team = team_of(actor, Scope.BLOCKS)
    return blocks_of(actor).filter(team=team, path=team.domain, instance=instance, name=name).first()


def _content(actor: Actor, file: BlockFile, name: str, level: int) -> HttpResponseBase:
    pieces, size = file_open(actor=actor, file=file)
    response = streaming.download(_packed(pieces, level) if level else pieces, size=size, name=f"{name}_dump")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}_dump"'  # as it always was
    response.headers["Cache-Control"] = "no-store"
    if level:
        del response.headers["Content-Length"]
    return response


def _packed(pieces: Iterator[bytes], level: int) -> Iterator[bytes]:
    packer = zlib.compressobj(level)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()
