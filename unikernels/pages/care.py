"""What looks after a unikernel, for its page: checks, what it does by itself, the space it takes."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from accounts.models import Role
from unikernels.images.keeping import space_by_unikernel
from unikernels.models import Unikernel
from unikernels.pages.checks import checks_card
from unikernels.pages.maintenance import Opening, openings
from unikernels.pages.request import PageRequest
from unikernels.pages.restarts import restarts
from unikernels.pages.update_mode import Mode, by_itself
from unikernels.updates.calendar import parse


def care_of(request: PageRequest, thing: Unikernel) -> dict[str, Any]:
    """What the partials ``checks``, ``by_itself`` and ``space`` need; nothing for what is unmanaged."""
    if thing.team is None:
        return {"cared": False}
    return {
        "cared": True,
        "can_care": request.actor.role_in(thing.team) in {Role.DEPLOYER, Role.OWNER},
        "updates_words": by_itself(thing),
        "opening": _opening(thing),
        "restarts_words": restarts(thing),
        "space": space_by_unikernel(thing.team).get(thing.pk, 0),
        **checks_card(request, thing),
    }


def _opening(thing: Unikernel) -> Opening | None:
    """When it may be upgraded by itself next, or now."""
    if thing.update_mode != Mode.AUTOMATIC:
        return None
    return openings(parse(thing.maintenance), timezone.now(), 1)[0]
