"""Who does something: a person with a session, a program with a token, an operator, the system.

Every service takes an ``Actor``; an event records its credential and address.
"""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import ApiToken, Membership, Role, Team, User
from mollymawk.errors import Forbidden, Missing

NOTHING = "There is nothing here, or it is not yours."

RANK = {Role.VIEWER: 1, Role.DEPLOYER: 2, Role.OWNER: 3}

# The only actors without a person. Nothing that comes over the network may become one of them.
_IMPERSONAL = frozenset({"system", "command", "automatic"})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and with what. A token narrows its maker to one team and role.

    Without a person an actor may do everything: making one with any other credential, an address or
    a token raises ``ValueError``, so that an anonymous request cannot become one by mistake.
    """

    user: User | None
    credential: str
    address: str | None = None
    token: ApiToken | None = None

    def __post_init__(self) -> None:
        if self.user is None:
            if self.credential not in _IMPERSONAL or self.address or self.token:
                raise ValueError("Only the system and an operator's command act without a person.")
        elif not isinstance(self.user, User):
            raise ValueError("An actor is a person of ours, never an anonymous one.")

    @property
    def all_powerful(self) -> bool:
        """The system, an operator at the command line, or a superuser with a session."""
        if self.user is None:
            return True
        return self.user.is_active and self.user.is_superuser and self.token is None

    def role_in(self, team: Team | None) -> Role | None:
        """The role this actor has in *team* (None: what belongs to no team), or None."""
        if self.all_powerful:
            return Role.OWNER
        if team is None or self.user is None or not self.user.is_active:
            return None
        if self.token and (self.token.team_id != team.pk or not self.token.usable):
            return None
        held = role_held(self.user, team)
        if held is None or self.token is None:
            return held
        return min(held, Role(self.token.role), key=RANK.__getitem__)

    def teams(self) -> list[Team]:
        """The teams this actor may look into, by name."""
        if self.all_powerful:
            return list(Team.objects.all())
        if self.token:
            return [self.token.team] if self.role_in(self.token.team) else []
        return list(Team.objects.filter(memberships__user=self.user, memberships__user__is_active=True))


SYSTEM = Actor(None, "system")
COMMAND = Actor(None, "command")
AUTOMATIC = Actor(None, "automatic")  # upgrades in maintenance windows


def role_held(user: User, team: Team) -> Role | None:
    """What *user* may do in *team*: the role of the membership; superusers own every team."""
    if user.is_superuser:
        return Role.OWNER
    role = Membership.objects.filter(team=team, user=user).values_list("role", flat=True).first()
    return None if role is None else Role(role)


def require(actor: Actor, team: Team | None, role: Role) -> None:
    """Raise ``Missing`` for a stranger to *team*, ``Forbidden`` for a member whose role is too small."""
    held = actor.role_in(team)
    if held is None:
        raise Missing(NOTHING)
    if RANK[held] < RANK[role]:
        what = "This token" if actor.token else "Your role in this team"
        raise Forbidden(f"{what} is {held.value}; this needs {role.value}.")


def require_superuser(actor: Actor) -> None:
    """Raise ``Forbidden`` unless *actor* is a superuser with a session, an operator or the system."""
    if not actor.all_powerful:
        raise Forbidden("Only superusers may do this.")
