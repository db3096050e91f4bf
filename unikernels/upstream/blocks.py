"""``/api/block/delete``."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase

from accounts.actors import Actor
from albatross.models import Instance
from unikernels.access import blocks_of
from unikernels.blocks.services import block_remove
from unikernels.models import Block
from unikernels.upstream.door import failing, instance_named, label, read_json, route, team_of, texts
from unikernels.upstream.envelope import Stop, reply

NO_NAME = "Couldn't find block name in json"
BAD_INSTANCE = "Couldn't convert instance name: "
NO_INSTANCE = "Couldn't find albatross instance with name: "
BAD_NAME = "Couldn't convert block name: "


@route("POST")
def delete(request: HttpRequest, actor: Actor) -> HttpResponseBase:
    """Remove a device and what is on it."""
    block = _named(request, actor)
    if block is None:
        raise Stop(500, "failure: remove block: not found")
    with failing("failure: remove block: "):
        block_remove(actor=actor, block=block)
    return reply(200, "removed block")


def _named(request: HttpRequest, actor: Actor) -> Block | None:
    """The device that the body names, if the team has it."""
    team_of(actor)
    body = read_json(request)
    name, where = texts(body, "block_name", "albatross_instance", wrong=NO_NAME)
    instance = instance_named(actor, where, bad=BAD_INSTANCE, unknown=NO_INSTANCE)
    return _block(actor, instance, label(name, BAD_NAME))


def _block(actor: Actor, instance: Instance, name: str) -> Block | None:
    team = team_of(actor)
    return blocks_of(actor).filter(team=team, path=team.domain, instance=instance, name=name).first()
