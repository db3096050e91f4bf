"""Changes to what runs, with the image it has: another configuration, a restart, the end."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from django.db import transaction

from accounts.actors import Actor, require
from accounts.scopes import Scope
from mollymawk.errors import Refused
from unikernels.configuration import Configuration
from unikernels.models import Operation, Unikernel, Version
from unikernels.operations.machine import Kind
from unikernels.operations.plan import Plan
from unikernels.operations.services.asking import (
    UNMANAGED,
    Request,
    accepted_of,
    begin,
    changeable,
    nothing_under_way,
    possible,
)
from unikernels.operations.services.placing import describe_changes, place, proof_of
from unikernels.versions import configuration_of, version_add


def plan_configure(
    *, actor: Actor, unikernel: Unikernel, configuration: Configuration, accept: Collection[str] = ()
) -> Plan:
    """What a change of configuration would do; nothing is changed."""
    require(actor, unikernel.team, Scope.UPGRADE, unikernel=unikernel.name)
    current = changeable(unikernel)
    if current.image is None:
        plan = Plan(warnings=("The image is fetched from the instance first; its needs are checked then.",))
    else:
        plan = place(
            unikernel.team, unikernel.instance, unikernel.full_name, current.image, configuration, fresh=False
        )
    changes = describe_changes(configuration_of(current), configuration)
    if not changes:
        plan = replace(plan, refusals=(*plan.refusals, "This is the configuration it has."))
    steps = (
        "check the image and the quota again",
        "hold the running image, as the way back",
        "replace the running unikernel",
        f"{proof_of(unikernel)}, or go back",
    )
    return replace(plan, steps=steps, changes=changes)


def configure(
    *, actor: Actor, unikernel: Unikernel, configuration: Configuration, accept: Collection[str] = ()
) -> Operation:
    """The same image with another configuration; goes back by itself when that does not work."""
    accepted = accepted_of(accept)
    plan = plan_configure(actor=actor, unikernel=unikernel, configuration=configuration)
    possible(plan, accepted)
    current = changeable(unikernel)
    with transaction.atomic():
        nothing_under_way(unikernel)
        version = version_add(
            unikernel=unikernel,
            digest=current.digest,
            image=current.image,
            configuration=configuration,
            origin=Version.Origin.CONFIGURED,
            user=actor.user,
            build=current.build,
        )
        return begin(actor, Request(unikernel, Kind.CONFIGURE, version, current, accepted))


def restart(*, actor: Actor, unikernel: Unikernel, cause: str = "") -> Operation:
    """End it and start it again as it is. *cause*: why, when the system itself asks."""
    require(actor, unikernel.team, Scope.UPGRADE, unikernel=unikernel.name)
    current = changeable(unikernel)
    with transaction.atomic():
        nothing_under_way(unikernel)
        return begin(actor, Request(unikernel, Kind.RESTART, current, cause=cause))


def destroy(*, actor: Actor, unikernel: Unikernel) -> Operation:
    """End it. Its versions are kept, so it can be deployed again."""
    require(actor, unikernel.team, Scope.DEPLOY, unikernel=unikernel.name)
    if unikernel.team is None:
        raise Refused(UNMANAGED)
    if unikernel.state != Unikernel.Presence.RUNNING and not unikernel.started:
        raise Refused(f"{unikernel} does not run.")
    with transaction.atomic():
        nothing_under_way(unikernel)
        return begin(actor, Request(unikernel, Kind.DESTROY, None))
