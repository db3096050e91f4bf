"""API of invitations: owners make and withdraw them, people answer those to their address."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import invitation_of, team_of
from accounts.actors import Actor
from accounts.endpoint import PersonEndpoint
from accounts.invitations.models import Invitation
from accounts.invitations.services import (
    invitation_accept,
    invitation_again,
    invitation_decline,
    invitation_withdraw,
    invitations_open,
    invitations_to,
    invite,
)
from accounts.models import Letter, Role, User
from accounts.people import address_verified
from accounts.scopes import Scope
from mollymawk.errors import Forbidden, Missing
from mollymawk.rest.pages import BY_ID, page
from mollymawk.rest.plans import rehearsed
from mollymawk.rest.schema import SESSION, changes, reads
from mollymawk.rest.shapes import NoBody, Page, PageQuery, Strict

_ROLES = [role.value for role in Role]


class InvitationOut(serializers.Serializer[Any]):
    """An invitation that nobody answered yet. Its link stands in the letter only."""

    id = serializers.IntegerField()
    team = serializers.CharField()
    email = serializers.EmailField()
    role = serializers.ChoiceField(_ROLES)
    invited_by = serializers.CharField(allow_null=True, help_text="null: an operator")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    expired = serializers.BooleanField()
    letter = serializers.ChoiceField(
        ["waits", "sent", "given-up"], allow_null=True, help_text="what became of the newest one"
    )


def show(invitation: Invitation) -> dict[str, Any]:
    """An invitation, as the API tells it."""
    return {
        "id": invitation.pk,
        "team": invitation.team.name,
        "email": invitation.email,
        "role": invitation.role,
        "invited_by": invitation.invited_by.email if invitation.invited_by else None,
        "created_at": invitation.created_at,
        "expires_at": invitation.expires_at,
        "expired": invitation.expired,
        "letter": _fate(invitation.letter),
    }


def _fate(letter: Letter | None) -> str | None:
    if letter is None:
        return None
    return "sent" if letter.sent_at else "given-up" if letter.given_up_at else "waits"


class Invitations(PersonEndpoint):
    """The invitations of a team, for its owners."""

    class Out(Page):
        """A page of invitations."""

        items = InvitationOut(many=True)

    class In(Strict):
        """Whom to invite."""

        email = serializers.EmailField()
        role = serializers.ChoiceField(_ROLES, default=Role.VIEWER.value)

    @reads("listInvitations", scope=Scope.ADMIN, query=PageQuery, answer=Out)
    def get(self, request: Request, name: str) -> Response:
        """List the invitations of a team that nobody answered yet."""
        query = self.query(PageQuery)
        rows = invitations_open(team_of(self.actor, name, Role.OWNER))
        return Response(page(rows, request=request, order=BY_ID, query=query, show=show))

    @changes("invite", scope=Scope.ADMIN, body=In, status=201, answer=InvitationOut)
    def post(self, request: Request, name: str) -> Response:
        """Invite somebody by mail. The answer is the same whether the address is registered or not."""
        dry, actor, data = self.dry_run(), self.actor, self.body(self.In)
        team = team_of(actor, name, Role.OWNER)
        wanted = {"email": data["email"], "role": Role(data["role"])}
        if dry:
            return rehearsed(
                lambda: invite(actor=actor, team=team, **wanted), f"Send a letter to {data['email']}."
            )
        return Response(show(invite(actor=actor, team=team, **wanted)), status=201)


class OneInvitation(PersonEndpoint):
    """An invitation of a team, for its owners."""

    @changes("withdrawInvitation", scope=Scope.ADMIN, status=204, answer=None)
    def delete(self, request: Request, name: str, pk: int) -> Response:
        """Withdraw an invitation."""
        dry, actor = self.dry_run(), self.actor
        found = invitation_of(actor, team_of(actor, name, Role.OWNER), pk)
        if dry:
            return rehearsed(
                lambda: invitation_withdraw(actor=actor, invitation=found),
                f"The link sent to {found.email} stops working.",
            )
        invitation_withdraw(actor=actor, invitation=found)
        return Response(status=204)


class Again(PersonEndpoint):
    """Another letter."""

    @changes("sendInvitationAgain", scope=Scope.ADMIN, body=NoBody, answer=InvitationOut)
    def post(self, request: Request, name: str, pk: int) -> Response:
        """Send an invitation again, with another link and the whole time again."""
        dry, actor, _ = self.dry_run(), self.actor, self.body(NoBody)
        found = invitation_of(actor, team_of(actor, name, Role.OWNER), pk)
        if dry:
            return rehearsed(
                lambda: invitation_again(actor=actor, invitation=found),
                f"Send another letter to {found.email}; the link before it stops working.",
            )
        return Response(show(invitation_again(actor=actor, invitation=found)))


class InvitationsToMe(PersonEndpoint):
    """What the person who asks was offered."""

    @reads("listMyInvitations", scope=SESSION, query=PageQuery, answer=Invitations.Out)
    def get(self, request: Request) -> Response:
        """List the invitations to the caller's address, once it is verified. Sessions only."""
        query = self.query(PageQuery)
        rows = Invitation.objects.filter(pk__in=[row.pk for row in _mine(self.actor)])
        rows = rows.select_related("team", "invited_by", "letter")
        return Response(page(rows, request=request, order=BY_ID, query=query, show=show))


class Answer(PersonEndpoint):
    """The answer to an invitation."""

    class In(Strict):
        """Yes or no."""

        answer = serializers.ChoiceField(["accept", "decline"])

    @changes("answerInvitation", scope=SESSION, body=In, status=204, answer=None)
    def post(self, request: Request, pk: int) -> Response:
        """Accept or decline an invitation to the caller's verified address. Sessions only."""
        dry, actor, data = self.dry_run(), self.actor, self.body(self.In)
        found = next((row for row in _mine(actor) if row.pk == pk), None)
        if found is None:
            raise Missing("There is no such invitation to you.")
        answer = invitation_accept if data["answer"] == "accept" else invitation_decline
        if dry:
            step = f"{data['answer'].capitalize()} to be {found.role} in {found.team}."
            return rehearsed(lambda: answer(actor=actor, invitation=found), step)
        answer(actor=actor, invitation=found)
        return Response(status=204)


def _mine(actor: Actor) -> list[Invitation]:
    user: User | None = actor.user
    if user is None or actor.token is not None:
        raise Forbidden("Invitations are answered by people, after a login.")
    return invitations_to(user) if address_verified(user) else []
