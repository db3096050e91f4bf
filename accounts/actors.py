"""Who does something: a person with a session, a program with a token, an operator, the system.

Every service takes an ``Actor``; an event records its credential and address.
"""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import ApiToken, Membership, Role, Team, User
from mollymawk.errors import Forbidden, Missing

_RANK = {Role.VIEWER: 1, Role.DEPLOYER: 2, Role.OWNER: 3}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and with what. A token narrows its maker to one team and role."""

    user: User | None
    credential: str
    address: str | None = None
    token: ApiToken | None = None

    @property
    def all_powerful(self) -> bool:
        """The system, an operator at the command line, or a superuser with a session."""
        if self.user is None:
            return True
        return self.user.is_superuser and self.token is None

    def role_in(self, team: Team | None) -> Role | None:
        """The role this actor has in *team* (None: what belongs to no team), or None."""
        if self.all_powerful:
            return Role.OWNER
        if team is None or self.user is None:
            return None
        held = Membership.objects.filter(team=team, user=self.user).values_list("role", flat=True).first()
        if self.user.is_superuser:
            held = Role.OWNER
        if held is None or (self.token and self.token.team_id != team.pk):
            return None
        roles = [Role(held)] + ([Role(self.token.role)] if self.token else [])
        return min(roles, key=_RANK.__getitem__)

    def teams(self) -> list[Team]:
        """The teams this actor may look into, by name."""
        if self.all_powerful:
            return list(Team.objects.all())
        if self.token:
            return [self.token.team] if self.role_in(self.token.team) else []
        return list(Team.objects.filter(memberships__user=self.user))


SYSTEM = Actor(None, "system")
COMMAND = Actor(None, "command")


def require(actor: Actor, team: Team | None, role: Role) -> None:
    """Raise ``Missing`` for a stranger to *team*, ``Forbidden`` for a member whose role is too small."""
    held = actor.role_in(team)
    if held is None:
        raise Missing("There is nothing here, or it is not yours.")
    if _RANK[held] < _RANK[role]:
        what = "This token" if actor.token else "Your role in this team"
        raise Forbidden(f"{what} is {held.value}; this needs {role.value}.")
