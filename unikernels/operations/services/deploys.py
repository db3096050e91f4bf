"""A new unikernel, or one that was stopped or lost."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from django.db import transaction

from accounts.actors import Actor, require
from accounts.models import Team
from accounts.scopes import Scope
from albatross.models import Instance
from albatross.names import MAX_LABEL, Name, parse_label
from mollymawk.errors import Invalid, Refused
from unikernels.configuration import Configuration
from unikernels.models import Operation, Unikernel
from unikernels.operations.machine import Kind
from unikernels.operations.plan import Plan
from unikernels.operations.services.asking import Request, accepted_of, begin, nothing_under_way, possible
from unikernels.operations.services.placing import Source, available, download_of, place, proof_of
from unikernels.versions import version_of_source


def plan_deploy(
    *,
    actor: Actor,
    team: Team,
    instance: Instance,
    name: str,
    image: Source,
    configuration: Configuration,
    accept: Collection[str] = (),
) -> Plan:
    """What a deploy would do, and why it would not work; nothing is changed."""
    full_name = _full_name(team, name)
    require(actor, team, Scope.DEPLOY, unikernel=full_name.label)
    available(team, image)
    plan = place(team, instance, full_name, image, configuration, fresh=True)
    row = _row(instance, full_name)
    if row is not None and row.team_id != team.pk:
        plan = replace(plan, refusals=(*plan.refusals, f"{full_name} belongs to somebody else."))
    steps = (
        *download_of(image),
        "check the image and the quota again",
        "send the image",
        proof_of(row),
    )
    return replace(plan, steps=steps)


def deploy(
    *,
    actor: Actor,
    team: Team,
    instance: Instance,
    name: str,
    image: Source,
    configuration: Configuration,
    accept: Collection[str] = (),
) -> Operation:
    """Put a new unikernel in place (or one that was stopped or lost): an image of the team, or a build.

    Raises ``Refused`` with every reason, ``Conflict`` when something is under way for it.
    """
    accepted = accepted_of(accept)
    plan = plan_deploy(
        actor=actor, team=team, instance=instance, name=name, image=image, configuration=configuration
    )
    possible(plan, accepted)
    full_name = _full_name(team, name)
    with transaction.atomic():
        unikernel, _ = Unikernel.objects.get_or_create(
            instance=instance,
            path=":".join(full_name.path),
            name=full_name.label,
            defaults={"team": team},
        )
        if unikernel.team_id != team.pk:
            raise Refused(f"{full_name} belongs to somebody else.")
        nothing_under_way(unikernel)
        version = version_of_source(
            unikernel=unikernel, source=image, configuration=configuration, user=actor.user
        )
        return begin(actor, Request(unikernel, Kind.DEPLOY, version, accepted=accepted))


def _full_name(team: Team, name: str) -> Name:
    try:
        return Name.of(team.domain, label=parse_label(name))
    except ValueError as error:
        text = f"A name has 1 to {MAX_LABEL} letters, digits, dots and hyphens, and does not begin with a hyphen."
        raise Invalid("The name is not valid.", fields={"name": [text]}) from error


def _row(instance: Instance, name: Name) -> Unikernel | None:
    return Unikernel.objects.filter(instance=instance, path=":".join(name.path), name=name.label).first()
