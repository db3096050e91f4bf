"""What can be put in place: an image of the team, a build of a builder, or a version that was kept."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts.actors import Actor
from mollymawk.errors import Invalid
from mollymawk.rest.shapes import Strict
from unikernels.builds.running import running_build
from unikernels.builds.services import build_find, builder_named, builders_of
from unikernels.models import Build, Builder, Unikernel

LATEST = "latest"
MAX_JOB = 255  # characters, as the column has


class BuildChoice(Strict):
    """A build of a builder. For an upgrade, what is left out is that of what runs."""

    server = serializers.CharField(
        required=False, help_text="name of the builder; not needed when there is only one"
    )
    job = serializers.CharField(max_length=MAX_JOB, required=False)
    build = serializers.RegexField(
        rf"\A({LATEST}|[0-9a-fA-F]{{8}}(-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}})\Z",
        default=LATEST,
        help_text=f"uuid, or {LATEST}",
    )


def one_of(*names: str) -> dict[str, Any]:
    """What the description says of a shape that ``only_one`` of *names* may stand in."""
    return {"allOf": [{"oneOf": [{"required": [name]} for name in names]}]}


def only_one(fields: dict[str, Any], *names: str) -> None:
    """Raise unless exactly one of *names* is among *fields*."""
    given = [name for name in names if name in fields]
    if len(given) != 1:
        raise ValidationError({(given or names)[0]: [f"Say one of: {', '.join(names)}."]})


def chosen_build(actor: Actor, choice: dict[str, Any], unikernel: Unikernel | None = None) -> Build:
    """The build of a validated ``BuildChoice``; what it leaves out is taken from what *unikernel* runs.

    The builder may be asked, for some seconds. Raises ``Invalid``, ``Missing`` and ``Refused``.
    """
    named = builder_named(actor, choice["server"]) if choice.get("server") else None
    running = running_build(unikernel, named) if unikernel else None
    builder = named or (running.builder if running else _only_builder(actor))
    job = choice.get("job") or (running.job if running else None)
    if not job:
        raise Invalid("Say which job.", fields={"build/job": ["This field is required."]})
    uuid = None if choice["build"] == LATEST else choice["build"]
    same_job = running is not None and running.job == job
    platform = running.platform if running and same_job and not uuid else None
    return build_find(actor=actor, builder=builder, job=job, uuid=uuid, platform=platform)


def _only_builder(actor: Actor) -> Builder:
    found = list(builders_of(actor)[:2])
    if len(found) != 1:
        text = "There are several builders; say which." if found else "There is no builder."
        raise Invalid(text, fields={"build/server": [text]})
    return found[0]
