"""Tags of what looks after unikernels: the freeze switch, which also stands on pages of other apps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template
from django.urls import reverse

from accounts.models import Team
from unikernels.models import Freeze
from unikernels.updates.services import MAX_REASON, freeze_of

register = template.Library()


@dataclass(frozen=True, slots=True)
class Switch:
    """A freeze switch as it stands. ``own`` is what it set, ``above`` the freeze of everything."""

    team: Team | None
    own: Freeze | None
    above: Freeze | None
    may: bool
    action: str
    longest: int = MAX_REASON

    @property
    def of_whom(self) -> str:
        """``of robur``, ``of all teams``."""
        return f"of {self.team}" if self.team else "of all teams"


def switch_of(team: Team | None, *, may: bool) -> Switch:
    """The switch of *team* (None: of the whole system); *may*: whether it can be pressed."""
    freeze = freeze_of(team)
    if team is None:
        return Switch(None, freeze, None, may, reverse("pages:freeze"))
    above = freeze if freeze and freeze.team_id is None else None
    own = Freeze.objects.filter(team=team).select_related("by").first() if above else freeze
    return Switch(team, own, above, may, reverse("pages:freeze-team", args=[team.name]))


@register.inclusion_tag("components/freeze.html")
def freeze_switch(team: Team | None, may: bool) -> dict[str, Any]:
    """The card with the switch of *team*; it can be pressed when *may*."""
    return {"switch": switch_of(team, may=may)}
