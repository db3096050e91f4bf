"""Who does something: a person with a session, a program with a token, an operator, the system.

Every service takes an ``Actor``; an event records its credential and address.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from accounts.models import ApiToken, Membership, Role, Team, User
from accounts.scopes import RANK, Need, Scope, least, role_of, scopes_of
from mollymawk.errors import FactorMissing, Forbidden, Missing, Unproven

NOTHING = "There is nothing here, or it is not yours."
ANY = "*"  # no name of a unikernel: what concerns whichever of them

# The only actors without a person. Nothing that comes over the network may become one of them.
_IMPERSONAL = frozenset({"system", "command", "automatic"})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and with what. A token narrows its maker to one team, to scopes, perhaps to names.

    Without a person an actor may do everything: making one with any other credential, an address or
    a token raises ``ValueError``, so that an anonymous request cannot become one by mistake.
    """

    user: User | None
    credential: str
    address: str | None = None
    token: ApiToken | None = None
    fresh: bool = True  # a session: proved a short while ago who it is

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
            return None if self.lacks_factor_for(team) else held
        return least([held, Role(self.token.role)])

    @property
    def names(self) -> frozenset[str] | None:
        """The names of the unikernels that a token is bound to; None: bound to none in particular."""
        bound = self.token.unikernels if self.token else None
        return None if bound is None else frozenset(bound)

    def teams(self) -> list[Team]:
        """The teams this actor may look into, by name."""
        if self.all_powerful:
            return list(Team.objects.all())
        if self.token:
            return [self.token.team] if self.role_in(self.token.team) else []
        mine = Team.objects.filter(memberships__user=self.user, memberships__user__is_active=True)
        return [team for team in mine if not self.lacks_factor_for(team)]

    def lacks_factor_for(self, team: Team) -> bool:
        """Whether *team* demands a second factor of its members, and this person with a session has none."""
        if self.token or self.user is None or not team.demands_second_factor:
            return False
        return not self.user.has_second_factor


SYSTEM = Actor(None, "system")
COMMAND = Actor(None, "command")
AUTOMATIC = Actor(None, "automatic")  # upgrades in maintenance windows


def role_held(user: User, team: Team) -> Role | None:
    """What *user* may do in *team*: the role of the membership; superusers own every team."""
    if user.is_superuser:
        return Role.OWNER
    role = Membership.objects.filter(team=team, user=user).values_list("role", flat=True).first()
    return None if role is None else Role(role)


def require(actor: Actor, team: Team | None, need: Need, *, unikernel: str | None = None) -> None:
    """Raise ``Missing`` for a stranger to *team*, ``Forbidden`` for a member whose role is too small, and
    for a token that lacks the scope (``scope`` tells which), or is bound to others than *unikernel*.

    *unikernel* is the name of the one that is meant, ``ANY`` for what each of them may need; without it
    the whole team is meant, which a token that is bound to names only reads.
    """
    held = actor.role_in(team)
    if held is None:
        _require_factor(actor, team)
        raise Missing(NOTHING)
    require_scope(actor, scopes_of(need))
    role = role_of(need)
    if RANK[held] < RANK[role]:
        what = "This token" if actor.token else "Your role in this team"
        raise Forbidden(f"{what} is {held.value}; this needs {role.value}.")
    if Scope.READ not in scopes_of(need):
        _require_name(actor, unikernel)


def require_scope(actor: Actor, scopes: Collection[str]) -> None:
    """Raise ``Forbidden``, with ``scope``, unless *actor* has no token, or one with one of *scopes*."""
    if actor.token is None or not set(actor.token.scopes).isdisjoint(scopes):
        return
    if not scopes:
        raise Forbidden("Tokens do not do this. Log in.")
    raise Forbidden(f"This token lacks the scope {' or '.join(scopes)}.", extra={"scope": " ".join(scopes)})


def _require_name(actor: Actor, unikernel: str | None) -> None:
    if actor.names is None or unikernel == ANY or unikernel in actor.names:
        return
    bound = ", ".join(sorted(actor.names))
    what = f"This is about {unikernel}" if unikernel else "This concerns the whole team"
    raise Forbidden(f"{what}; this token is bound to {bound}.")


def _require_factor(actor: Actor, team: Team | None) -> None:
    """Tell a member of *team* who is kept out for lack of a second factor what to do."""
    if team and actor.user and actor.lacks_factor_for(team) and role_held(actor.user, team):
        raise FactorMissing(f"The team {team} asks its members for a second factor, and you have none yet.")


def require_fresh(actor: Actor) -> None:
    """Raise ``Unproven`` before a sensitive change by a session that has not proved for a while who it is."""
    if not actor.fresh:
        raise Unproven(
            "This needs your password or second factor once more: prove it at /accounts/reauthenticate/, then repeat."
        )


def require_superuser(actor: Actor) -> None:
    """Raise ``Forbidden`` unless *actor* is a superuser with a session, an operator or the system."""
    if not actor.all_powerful:
        raise Forbidden("Only superusers may do this.")
