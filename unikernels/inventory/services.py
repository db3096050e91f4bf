"""Looking at an instance, and taking over what somebody else started."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from accounts.actors import Actor, require
from accounts.models import Team
from accounts.scopes import Scope
from albatross.errors import AlbatrossError
from albatross.messages import Info, Typ
from albatross.models import Instance
from mollymawk.errors import Conflict, Invalid, Refused
from mollymawk.keyring import SealBroken
from unikernels.configuration import Configuration, from_info, parse
from unikernels.events import DISMISSED, record_of
from unikernels.instances.health import mark_degraded, mark_seen
from unikernels.inventory.blocks import apply_blocks
from unikernels.inventory.observed import observed_of
from unikernels.inventory.policies import apply_policies
from unikernels.inventory.report import Report, ask
from unikernels.inventory.unikernels import apply_unikernels
from unikernels.models import Image, Operation, Unikernel, Version
from unikernels.versions import version_add


def reconcile(instance: Instance, *, watcher: str | None = None) -> bool:
    """Ask *instance* once and write what changed; False when it could not be asked (which is noted).

    *instance* is freshly read. With *watcher*, nothing is written once it is not that watcher's any
    more: then ``NotWatched`` is raised.
    """
    began = timezone.now()
    try:
        report = ask(instance)
    except (AlbatrossError, SealBroken) as error:
        with transaction.atomic():
            mark_degraded(instance, error, began, watcher=watcher)
        return False
    with transaction.atomic():
        mark_seen(instance, report.asked_at, watcher=watcher)
        teams = teams_of(report)
        apply_policies(instance, report, teams)
        apply_blocks(instance, report, teams)
        apply_unikernels(instance, report, teams)
    return True


def teams_of(report: Report) -> Mapping[str | None, Team]:
    """The teams that own a domain of *report*, by domain."""
    domains = {name.domain for name in (*report.unikernels, *report.blocks)}
    domains |= {path.partition(":")[0] for path in report.policies}
    return {team.domain: team for team in Team.objects.filter(domain__in=domains - {None, ""})}


def adopt(*, actor: Actor, unikernel: Unikernel) -> Version:
    """Make what runs there the first version of *unikernel*, or the next one if it was changed outside.

    Its image is known to us only if the store holds the bytes. Raises ``Refused`` with the reason.
    """
    require(actor, unikernel.team, Scope.DEPLOY, unikernel=unikernel.name)
    with transaction.atomic():
        unikernel = Unikernel.objects.select_related("team", "instance", "current").get(pk=unikernel.pk)
        configuration = _adoptable(unikernel)
        version = version_add(
            unikernel=unikernel,
            digest=unikernel.digest,
            image=Image.objects.filter(digest=unikernel.digest).first(),
            configuration=configuration,
            origin=Version.Origin.ADOPTED,
            user=actor.user,
        )
        Version.objects.filter(pk=version.pk).update(ran_at=timezone.now())
        # Without its fingerprint it is compared with the new version at the next look.
        Unikernel.objects.filter(pk=unikernel.pk).update(
            current=version, changed_outside=False, unstable=False, fingerprint=""
        )
        record_of(
            unikernel,
            actor=actor,
            kind="unikernel.adopted",
            reason=str(unikernel),
            data={"version": version.number, "digest": version.digest},
        )
    return version


def dismiss(*, actor: Actor, unikernel: Unikernel) -> None:
    """*unikernel* is missing, and it is well so: from now on it counts as stopped, and is no problem any more.

    Its versions are kept, as after a destroy, and if it comes back that is seen. Raises ``Refused`` when
    it is not missing and ``Conflict`` while an operation is under way.
    """
    require(actor, unikernel.team, Scope.DEPLOY, unikernel=unikernel.name)
    with transaction.atomic():
        if Operation.objects.filter(unikernel=unikernel, finished_at=None).exists():
            raise Conflict("An operation is under way on it.")
        missing = Unikernel.objects.filter(pk=unikernel.pk, state=Unikernel.Presence.MISSING)
        stopped = {"state": Unikernel.Presence.STOPPED, "unstable": False, "changed_outside": False}
        if not missing.update(state_since=timezone.now(), **stopped):
            raise Refused(f"{unikernel} is not missing.")
        record_of(unikernel, actor=actor, kind=DISMISSED, reason=str(unikernel))


def _adoptable(unikernel: Unikernel) -> Configuration:
    """The configuration that is adopted; ``Refused`` or ``Conflict`` when it cannot be."""
    info = observed_of(unikernel)
    if unikernel.team is None:
        raise Refused(f"{unikernel} belongs to no team: make a team with the domain of its name first.")
    if info is None or unikernel.state != Unikernel.Presence.RUNNING:
        raise Refused(f"{unikernel} does not run.")
    if Operation.objects.filter(unikernel=unikernel, finished_at=None).exists():
        raise Conflict("An operation is under way on it.")
    if unikernel.current is not None and not unikernel.changed_outside:
        raise Conflict(f"{unikernel} is managed already (version {unikernel.current.number}).")
    return _configuration(info)


def _configuration(info: Info) -> Configuration:
    if info.typ is not Typ.SOLO5:
        raise Refused("This is a BHyve machine: it is shown, and cannot be managed.")
    configuration = from_info(info)
    try:
        return parse({**configuration.to_json(), "arguments": list(configuration.arguments)})
    except Invalid as error:
        reasons = [f"{field}: {text}" for field, texts in error.fields.items() for text in texts]
        raise Refused("What runs could not be deployed like this from here.", reasons=reasons) from error
