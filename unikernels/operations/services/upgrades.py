"""Another image in place of what runs: a build, an uploaded image, or a version that was kept."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from django.db import transaction

from accounts.actors import Actor, require
from accounts.scopes import Scope
from mollymawk.errors import Missing, Refused
from unikernels.configuration import Configuration
from unikernels.images import store
from unikernels.models import Build, Image, Operation, Unikernel, Version
from unikernels.operations.machine import Kind
from unikernels.operations.plan import Plan
from unikernels.operations.services.asking import (
    Request,
    accepted_of,
    begin,
    changeable,
    nothing_under_way,
    possible,
)
from unikernels.operations.services.placing import (
    Source,
    available,
    describe_changes,
    download_of,
    place,
    proof_of,
    short,
)
from unikernels.versions import configuration_of, version_of_source

Target = Build | Image | Version


def plan_upgrade(
    *,
    actor: Actor,
    unikernel: Unikernel,
    to: Target,
    configuration: Configuration | None = None,
    accept: Collection[str] = (),
) -> Plan:
    """What an upgrade would do, and why it would not work; nothing is changed."""
    require(actor, unikernel.team, Scope.UPGRADE, unikernel=unikernel.name)
    current = changeable(unikernel)
    source, wanted = _source(unikernel, to), _wanted(current, to, configuration)
    plan = place(unikernel.team, unikernel.instance, unikernel.full_name, source, wanted, fresh=False)
    changes = describe_changes(configuration_of(current), wanted)
    if current.digest != to.digest:
        changes["image"] = (short(current.digest), short(to.digest))
    if not changes:
        plan = replace(plan, refusals=(*plan.refusals, "This is what runs."))
    return replace(plan, steps=_steps(unikernel, source), changes=changes)


def upgrade(
    *,
    actor: Actor,
    unikernel: Unikernel,
    to: Target,
    configuration: Configuration | None = None,
    accept: Collection[str] = (),
    cause: str = "",
) -> Operation:
    """Put *to* in place of what runs; goes back by itself when it does not run or answer.

    *configuration* None: what the version has that runs now, or the kept one that is put in place.
    Raises ``Refused`` with every reason, ``Conflict`` when something is under way for it.
    """
    accepted = accepted_of(accept)
    plan = plan_upgrade(actor=actor, unikernel=unikernel, to=to, configuration=configuration)
    possible(plan, accepted)
    current = changeable(unikernel)
    with transaction.atomic():
        nothing_under_way(unikernel)
        target = _version(actor, unikernel, current, to, configuration)
        return begin(actor, Request(unikernel, Kind.UPGRADE, target, current, accepted, cause))


def _source(unikernel: Unikernel, to: Target) -> Source:
    """Where the bytes of *to* come from. Raises ``Missing`` and ``Refused``."""
    assert unikernel.team is not None
    source = _of_version(unikernel, to) if isinstance(to, Version) else to
    available(unikernel.team, source)
    return source


def _of_version(unikernel: Unikernel, version: Version) -> Source:
    if version.unikernel_id != unikernel.pk:
        raise Missing("It has no such version.")
    if version.image is not None and store.held(version.digest):
        return version.image
    if version.build is None:
        raise Refused(
            f"The bytes of version {version.number} are not kept any more, and no builder has them."
        )
    return version.build


def _wanted(current: Version, to: Target, configuration: Configuration | None) -> Configuration:
    return configuration or configuration_of(to if isinstance(to, Version) else current)


def _version(
    actor: Actor, unikernel: Unikernel, current: Version, to: Target, configuration: Configuration | None
) -> Version:
    """The version to put in place: the kept one itself when nothing about it is to be changed."""
    wanted = _wanted(current, to, configuration)
    if isinstance(to, Version) and wanted == configuration_of(to):
        return to
    return version_of_source(
        unikernel=unikernel,
        source=_source(unikernel, to),
        configuration=wanted,
        user=actor.user,
        build=to.build if isinstance(to, Version) else None,
    )


def _steps(unikernel: Unikernel, source: Source) -> tuple[str, ...]:
    return (
        *download_of(source),
        "check the image and the quota again",
        "hold the running image, as the way back",
        "replace the running unikernel; what the new one writes to block devices stays",
        f"{proof_of(unikernel)}, or go back",
    )
