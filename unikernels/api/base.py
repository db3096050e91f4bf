"""What every endpoint of this app does the same way."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from accounts.access import team_of
from accounts.endpoint import PersonEndpoint
from accounts.models import Role, Team
from accounts.scopes import Need
from mollymawk.errors import Invalid
from unikernels.access import unikernel_of
from unikernels.models import Unikernel


class Endpoint(PersonEndpoint):
    """One address. Handlers act as ``actor``, for a team."""

    def team(self, name: str | None, need: Need = Role.VIEWER, *, unikernel: str | None = None) -> Team:
        """The team called *name*, or the one that the token is bound to, for what is meant with *unikernel*
        (see ``require``).
        """
        actor = self.actor
        if not name and actor.token is not None:
            name = actor.token.team.name
        if not name:
            raise Invalid("Say which team.", fields={"team": ["This field is required without a token."]})
        return team_of(actor, name, need, unikernel=unikernel)

    def unikernel(self, pk: int, need: Need) -> Unikernel:
        """The unikernel *pk*, to be changed as *need* says: plans stand on what it is now."""
        found = unikernel_of(self.actor, pk, need)
        self.stands_on(found.current_id, found.digest, found.state, found.changed_outside)
        return found

    def narrowed(self, rows: QuerySet[Any, Any], query: dict[str, Any], **columns: str) -> QuerySet[Any, Any]:
        """Those of *rows* that a checked *query* asks for; *columns*: which column a name of it is about.

        ``team``, when it is asked for, is one that the caller may look into: else ``Missing``.
        """
        told = {column: query.get(name) for name, column in columns.items()}
        if query.get("team"):
            told["team"] = self.team(query["team"])
        return rows.filter(**{column: value for column, value in told.items() if value is not None})
