"""Unikernels that are looked after: those of a team."""

from __future__ import annotations

from accounts.actors import Actor
from accounts.models import Role
from mollymawk.errors import Refused
from unikernels.access import unikernel_of
from unikernels.models import Unikernel


def managed_of(actor: Actor, pk: int) -> Unikernel:
    """The unikernel *pk*, for a deployer of its team; what belongs to no team is refused in words."""
    thing = unikernel_of(actor, pk, Role.DEPLOYER)
    if thing.team is None:
        raise Refused(f"{thing.name} belongs to no team here: it is shown, never changed.")
    return thing
