"""The loaders of this app: the only way by which pages, API and commands get at an object.

A stranger gets ``Missing``, whatever is there; a member whose role is too small gets ``Forbidden``.
"""

from __future__ import annotations

from allauth.usersessions.models import UserSession

from accounts.actors import NOTHING, Actor, require, require_superuser
from accounts.invitations.models import Invitation
from accounts.models import ApiToken, Role, Team, User
from accounts.scopes import Need
from mollymawk.errors import Missing


def team_of(
    actor: Actor, name_or_pk: str | int, need: Need = Role.VIEWER, *, unikernel: str | None = None
) -> Team:
    """The team with this name (a text) or key (a number), for somebody who may do what *need* says there,
    with *unikernel* (see ``require``).
    """
    wanted = {"pk": name_or_pk} if isinstance(name_or_pk, int) else {"name": name_or_pk.lower()}
    team = Team.objects.filter(**wanted).first()
    if team is None:
        raise Missing(NOTHING)
    require(actor, team, need, unikernel=unikernel)
    return team


def token_of(actor: Actor, team: Team | None, key_id: str) -> ApiToken:
    """The token *key_id* of *team*, for its owners; of any team (None), for superusers and operators."""
    if team is None:
        require_superuser(actor)
    else:
        require(actor, team, Role.OWNER)
    found = ApiToken.objects.select_related("team", "created_by").filter(key_id=key_id)
    token = (found if team is None else found.filter(team=team)).first()
    if token is None:
        raise Missing("There is no such token." if team is None else "The team has no such token.")
    return token


def member_of(actor: Actor, team: Team, user_pk: int) -> User:
    """The member *user_pk* of *team*, for its owners."""
    require(actor, team, Role.OWNER)
    user = User.objects.filter(memberships__team=team, pk=user_pk).first()
    if user is None:
        raise Missing("The team has no such member.")
    return user


def invitation_of(actor: Actor, team: Team, pk: int) -> Invitation:
    """The open invitation *pk* of *team*, for its owners."""
    require(actor, team, Role.OWNER)
    rows = team.invitations.filter(outcome="").select_related("team", "invited_by", "letter")
    invitation = rows.filter(pk=pk).first()
    if invitation is None:
        raise Missing("The team has no such open invitation.")
    return invitation


def session_of(actor: Actor, user: User, pk: int) -> UserSession:
    """A session of *user*, for themselves, superusers and operators."""
    if actor.token or not (actor.all_powerful or actor.user == user):
        raise Missing(NOTHING)
    session = UserSession.objects.filter(user=user, pk=pk).first()
    if session is None:
        raise Missing("There is no such session; it may have ended.")
    return session


def user_with(actor: Actor, pk: int) -> User:
    """The person with this number, active or not, for superusers and operators."""
    require_superuser(actor)
    user = User.objects.select_related("personal_team").filter(pk=pk).first()
    if user is None:
        raise Missing("There is no such person.")
    return user


def user_of(actor: Actor, email: str) -> User:
    """The person with this address, active or not, for superusers and operators."""
    require_superuser(actor)
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        raise Missing(f"Nobody is registered as {email}.")
    return user
