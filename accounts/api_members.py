"""API of who is in a team."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import member_of, team_of
from accounts.endpoint import PersonEndpoint
from accounts.models import Membership, Role, Team, User
from accounts.scopes import Scope
from accounts.services import member_add, member_remove, member_set, team_transfer
from mollymawk.errors import Missing
from mollymawk.rest.pages import BY_ID, page
from mollymawk.rest.plans import rehearsed
from mollymawk.rest.schema import SESSION, changes, reads
from mollymawk.rest.shapes import Page, PageQuery, Strict

_ROLES = [role.value for role in Role]


class MemberOut(serializers.Serializer[Any]):
    """A member of a team."""

    id = serializers.IntegerField(help_text="of the person")
    email = serializers.EmailField()
    name = serializers.CharField()
    role = serializers.ChoiceField(_ROLES)
    active = serializers.BooleanField(help_text="may log in")
    since = serializers.DateTimeField()


def show(member: Membership) -> dict[str, Any]:
    """A membership, as the API tells it."""
    return {
        "id": member.user_id,
        "email": member.user.email,
        "name": member.user.name,
        "role": member.role,
        "active": member.user.is_active,
        "since": member.since,
    }


class Members(PersonEndpoint):
    """Who is in a team."""

    class Out(Page):
        """A page of members."""

        items = MemberOut(many=True)

    class In(Strict):
        """Who is taken in."""

        email = serializers.EmailField()
        role = serializers.ChoiceField(_ROLES, default=Role.VIEWER.value)

    @reads("listMembers", query=PageQuery, answer=Out)
    def get(self, request: Request, name: str) -> Response:
        """List the members of a team."""
        query = self.query(PageQuery)
        rows = team_of(self.actor, name).memberships.select_related("user")
        return Response(page(rows, request=request, order=BY_ID, query=query, show=show))

    @changes("addMember", scope=SESSION, body=In, status=201, answer=MemberOut)
    def post(self, request: Request, name: str) -> Response:
        """Take somebody in at once. Superusers only: owners invite."""
        dry, actor, data = self.dry_run(), self.actor, self.body(self.In)
        team = team_of(actor, name, Role.OWNER)
        wanted = {"email": data["email"], "role": Role(data["role"])}
        if dry:
            step = f"Make {data['email']} {data['role']} in {team}."
            return rehearsed(lambda: member_add(actor=actor, team=team, **wanted), step)
        return Response(show(member_add(actor=actor, team=team, **wanted)), status=201)


class OneMember(PersonEndpoint):
    """A member of a team."""

    class In(Strict):
        """Another role."""

        role = serializers.ChoiceField(_ROLES)

    @changes("setRole", scope=Scope.ADMIN, body=In, answer=MemberOut)
    def put(self, request: Request, name: str, pk: int) -> Response:
        """Give a member another role. The last owner stays one."""
        dry, actor, role = self.dry_run(), self.actor, Role(self.body(self.In)["role"])
        team = team_of(actor, name, Role.OWNER)
        user = member_of(actor, team, pk)
        if dry:
            step = f"Make {user} {role.value} in {team}."
            return rehearsed(lambda: member_set(actor=actor, team=team, user=user, role=role), step)
        return Response(show(member_set(actor=actor, team=team, user=user, role=role)))

    @changes("removeMember", scope=Scope.ADMIN, status=204, answer=None)
    def delete(self, request: Request, name: str, pk: int) -> Response:
        """Take a member out, or leave. Tokens that they made for the team are revoked."""
        dry, actor = self.dry_run(), self.actor
        team = team_of(actor, name)
        oneself = actor.user is not None and actor.user.pk == pk and actor.token is None
        user = actor.user if oneself and actor.user else member_of(actor, team, pk)
        if dry:
            step = f"Take {user} out of {team}; tokens that they made for it are revoked."
            return rehearsed(lambda: member_remove(actor=actor, team=team, user=user), step)
        member_remove(actor=actor, team=team, user=user)
        return Response(status=204)


class Transfer(PersonEndpoint):
    """Who owns a team."""

    class In(Strict):
        """The new owner."""

        email = serializers.EmailField(help_text="of a member")

    @changes("transferTeam", scope=Scope.ADMIN, body=In, answer=MemberOut)
    def post(self, request: Request, name: str) -> Response:
        """Make a member the owner, and an owner who asks for it a deployer; in one step."""
        dry, actor, email = self.dry_run(), self.actor, self.body(self.In)["email"]
        team = team_of(actor, name, Role.OWNER)
        user = _member(team, email)
        if dry:
            step = f"Make {user} the owner of {team}; who hands it over is a deployer from then on."
            return rehearsed(lambda: team_transfer(actor=actor, team=team, user=user), step)
        return Response(show(team_transfer(actor=actor, team=team, user=user)))


def _member(team: Team, email: str) -> User:
    user = User.objects.filter(memberships__team=team, email=email.lower()).first()
    if user is None:
        raise Missing("The team has no such member.")
    return user
