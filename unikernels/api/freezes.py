"""Freezes: nothing is upgraded by itself, of a team or of everybody. A way back is never stopped."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import team_of
from accounts.actors import require_superuser
from accounts.models import Team
from accounts.scopes import Scope
from mollymawk.rest.pages import BY_ID, page
from mollymawk.rest.plans import rehearsed
from mollymawk.rest.schema import SESSION, changes, reads
from mollymawk.rest.shapes import Page, PageQuery, Strict
from unikernels.api.base import Endpoint
from unikernels.models import Freeze
from unikernels.updates.services import MAX_REASON, freeze_lift, freeze_set


class FreezeIn(Strict):
    """Why."""

    reason = serializers.CharField(max_length=MAX_REASON, default="", allow_blank=True)


class FreezeOut(serializers.Serializer[Any]):
    """A freeze that stands."""

    team = serializers.CharField(allow_null=True, help_text="null: everybody")
    reason = serializers.CharField()
    by = serializers.CharField(allow_null=True)
    since = serializers.DateTimeField()


def show(freeze: Freeze) -> dict[str, Any]:
    """A freeze, as the API tells it."""
    return {
        "team": freeze.team.name if freeze.team else None,
        "reason": freeze.reason,
        "by": freeze.by.email if freeze.by else None,
        "since": freeze.since,
    }


class Freezes(Endpoint):
    """What is frozen."""

    class Out(Page):
        """A page of freezes."""

        items = FreezeOut(many=True)

    @reads("listFreezes", query=PageQuery, answer=Out)
    def get(self, request: Request) -> Response:
        """List freezes: that of the whole system, and those of the caller's teams."""
        query = self.query(PageQuery)
        rows = Freeze.objects.filter(Q(team=None) | Q(team__in=self.actor.teams()))
        rows = rows.select_related("team", "by")
        return Response(page(rows, request=request, order=BY_ID, query=query, show=show))


class FreezeEndpoint(Endpoint):
    """A switch."""

    def set(self, team: Team | None) -> Response:
        """Freeze, or tell the plan."""
        dry, actor, reason = self.dry_run(), self.actor, self.body(FreezeIn)["reason"]
        if dry:
            step = f"Upgrade nothing of {team or 'anybody'} by itself."
            return rehearsed(lambda: freeze_set(actor=actor, team=team, reason=reason), step)
        return Response(show(freeze_set(actor=actor, team=team, reason=reason)))

    def lift(self, team: Team | None) -> Response:
        """Lift a freeze, or tell the plan."""
        actor = self.actor
        if self.dry_run():
            step = f"Let upgrades of {team or 'everybody'} go on with the next opening of each."
            return rehearsed(lambda: freeze_lift(actor=actor, team=team), step)
        freeze_lift(actor=actor, team=team)
        return Response(status=204)


class SystemFreeze(FreezeEndpoint):
    """The switch of the whole system, for superusers."""

    @changes("freezeSystem", scope=SESSION, body=FreezeIn, answer=FreezeOut)
    def put(self, request: Request) -> Response:
        """Freeze automatic upgrades of everybody."""
        require_superuser(self.actor)
        return self.set(None)

    @changes("unfreezeSystem", scope=SESSION, status=204, answer=None)
    def delete(self, request: Request) -> Response:
        """Lift the freeze of the whole system. Freezes of teams stay."""
        require_superuser(self.actor)
        return self.lift(None)


class TeamFreeze(FreezeEndpoint):
    """The switch of a team, for its owners."""

    @changes("freezeTeam", scope=Scope.ADMIN, body=FreezeIn, answer=FreezeOut)
    def put(self, request: Request, team: str) -> Response:
        """Freeze automatic upgrades of a team."""
        return self.set(team_of(self.actor, team, Scope.ADMIN))

    @changes("unfreezeTeam", scope=Scope.ADMIN, status=204, answer=None)
    def delete(self, request: Request, team: str) -> Response:
        """Lift the freeze of a team."""
        return self.lift(team_of(self.actor, team, Scope.ADMIN))
