"""What every endpoint of this app does the same way."""

from __future__ import annotations

from accounts.access import team_of
from accounts.endpoint import PersonEndpoint
from accounts.models import Role, Team
from mollymawk.errors import Invalid


class Endpoint(PersonEndpoint):
    """One address. Handlers act as ``actor``, for a team."""

    def team(self, name: str | None, role: Role = Role.VIEWER) -> Team:
        """The team called *name*, or the one that the token is bound to."""
        actor = self.actor
        if not name and actor.token is not None:
            name = actor.token.team.name
        if not name:
            raise Invalid("Say which team.", fields={"team": ["This field is required without a token."]})
        return team_of(actor, name, role)
