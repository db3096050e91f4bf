"""What people decide about updates: the mode of a unikernel, and the freeze switches.

A freeze stops what would be upgraded without a person. It stops nothing that a person asks for, and
never a way back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import F

from accounts.actors import Actor, require, require_superuser
from accounts.events import record
from accounts.models import Team
from accounts.scopes import Scope
from mollymawk.errors import Invalid, Missing, Refused
from unikernels.events import record_of
from unikernels.models import Freeze, Unikernel
from unikernels.updates.calendar import Maintenance, parse, told

MAX_REASON = 200  # characters: the column, and what fits in a banner

Mode = Unikernel.UpdateMode


def update_mode_set(
    *,
    actor: Actor,
    unikernel: Unikernel,
    mode: str,
    maintenance: Maintenance | Mapping[str, Any] | None = None,
) -> Unikernel:
    """Say what happens when a newer build is there (``manual``, ``tell``, ``automatic``).

    Without *maintenance* the window stays as it was; ``automatic`` needs one. Raises ``Invalid`` with
    fields, ``Refused`` for what belongs to no team.
    """
    require(actor, unikernel.team, Scope.DEPLOY, unikernel=unikernel.name)
    if unikernel.team is None:
        raise Refused("This unikernel belongs to no team here: it is shown, never changed.")
    chosen = _mode(mode)
    window = unikernel.maintenance if maintenance is None else _window(maintenance).to_json()
    if chosen == Mode.AUTOMATIC and not window:
        raise Invalid(
            "Automatic upgrades need a maintenance window.",
            fields={"maintenance": ["Say when it may be upgraded."]},
        )
    was = (unikernel.update_mode, unikernel.maintenance)
    if was == (chosen, window):
        return unikernel
    with transaction.atomic():
        Unikernel.objects.filter(pk=unikernel.pk).update(update_mode=chosen, maintenance=window)
        record_of(
            unikernel,
            actor=actor,
            kind="unikernel.update-mode",
            was=was[0],
            now=chosen,
            reason=f"{chosen}: {told(parse(window))}" if chosen == Mode.AUTOMATIC else str(chosen),
            data={"maintenance": window},
        )
    unikernel.update_mode, unikernel.maintenance = chosen, window
    return unikernel


def freeze_set(*, actor: Actor, team: Team | None, reason: str = "") -> Freeze:
    """Upgrade nothing of *team* (None: of anybody) by itself until ``freeze_lift``.

    Setting it again changes the reason. For owners of the team; for all: superusers.
    """
    _may_freeze(actor, team)
    reason = " ".join(reason.split())
    if len(reason) > MAX_REASON:
        text = f"At most {MAX_REASON} characters."
        raise Invalid("The reason is too long.", fields={"reason": [text]})
    with transaction.atomic():
        _wait_for_round(team)
        freeze, new = Freeze.objects.get_or_create(team=team, defaults={"reason": reason, "by": actor.user})
        if not new and freeze.reason == reason:
            return freeze
        if not new:
            freeze.reason, freeze.by = reason, actor.user
            freeze.save(update_fields=["reason", "by"])
        _tell(actor, team, "frozen", reason)
    return freeze


def freeze_lift(*, actor: Actor, team: Team | None) -> None:
    """End a freeze. ``Missing`` when there is none; the other kind (team, system) stays."""
    _may_freeze(actor, team)
    with transaction.atomic():
        if not Freeze.objects.filter(team=team).delete()[0]:
            raise Missing("It is not frozen.")
        _tell(actor, team, "unfrozen", "")


def freeze_of(team: Team | None) -> Freeze | None:
    """What keeps *team* from automatic upgrades: the freeze of the whole system first, or its own."""
    system = Freeze.objects.filter(team=None).select_related("by").first()
    if system is not None or team is None:
        return system
    return Freeze.objects.filter(team=team).select_related("by", "team").first()


def _may_freeze(actor: Actor, team: Team | None) -> None:
    if team is None:
        require_superuser(actor)
    else:
        require(actor, team, Scope.ADMIN)


def _wait_for_round(team: Team | None) -> None:
    """Let what is being begun for *team* at this moment be begun: after a freeze nothing begins."""
    teams = Team.objects.all() if team is None else Team.objects.filter(pk=team.pk)
    teams.update(name=F("name"))


def _tell(actor: Actor, team: Team | None, what: str, reason: str) -> None:
    subject = "system" if team is None else f"team:{team.pk}"
    kind = f"system.{what}" if team is None else f"team.{what}"
    record(actor=actor, kind=kind, subject=subject, team=team, reason=reason)


def _mode(mode: str) -> Mode:
    try:
        return Mode(mode)
    except ValueError as error:
        known = ", ".join(Mode.values)
        raise Invalid("There is no such update mode.", fields={"mode": [f"Known: {known}."]}) from error


def _window(given: Maintenance | Mapping[str, Any]) -> Maintenance:
    return given if isinstance(given, Maintenance) else parse(given)
