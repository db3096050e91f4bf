"""One team: shown, and deleted with all that is its own."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import team_of
from accounts.api import TeamOut, show_team
from accounts.models import Role
from accounts.scopes import Scope
from mollymawk.rest.plans import plan
from mollymawk.rest.schema import changes, reads
from mollymawk.rest.shapes import ChangeQuery
from unikernels.api.base import Endpoint
from unikernels.leaving.plan import Leaving
from unikernels.leaving.services import team_delete, team_plan


class LeaveQuery(ChangeQuery):
    """How to delete."""

    leave = serializers.BooleanField(
        default=False, help_text="what is on instances stays there, unmanaged; superusers only"
    )


def told(leaving: Leaving) -> Response:
    """The plan of deleting something."""
    return Response(plan(*leaving.steps, refusals=leaving.refusals, warnings=leaving.warnings))


class DeletedOut(serializers.Serializer[Any]):
    """It is deleted."""

    left = serializers.ListField(
        child=serializers.CharField(), help_text="domains that could not be closed on instances, and why"
    )


class OneTeam(Endpoint):
    """One team."""

    @reads("getTeam", answer=TeamOut)
    def get(self, request: Request, name: str) -> Response:
        """Show a team."""
        return Response(show_team(self.actor, team_of(self.actor, name)))

    @changes("deleteTeam", scope=Scope.ADMIN, query=LeaveQuery, answer=DeletedOut)
    def delete(self, request: Request, name: str) -> Response:
        """Delete a team.

        Refused while something of it runs or lies on an instance, or is under way; its plan says what.
        """
        query, actor = self.query(LeaveQuery), self.actor
        team = team_of(actor, name, Role.OWNER)
        if query["dry_run"]:
            return told(team_plan(actor=actor, team=team, leave=query["leave"]))
        return Response({"left": team_delete(actor=actor, team=team, leave=query["leave"])})
