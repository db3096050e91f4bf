"""API of one's own sessions, and of the second factor that a team demands. For people: not by token."""

from __future__ import annotations

from typing import Any

from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import session_of, team_of
from accounts.endpoint import PersonEndpoint
from accounts.models import Role, User
from accounts.oidc import settled
from accounts.oidc.services import check_identity_unlink, identities_of, identity_unlink
from accounts.services import second_factor_demand, session_end, session_list, sessions_end
from accounts.sessions import browser_name
from mollymawk.errors import Forbidden
from mollymawk.rest.pages import BY_ID, page
from mollymawk.rest.plans import rehearsed
from mollymawk.rest.schema import SESSION, changes, reads
from mollymawk.rest.shapes import Page, PageQuery, Strict


class SessionOut(serializers.Serializer[Any]):
    """Where somebody is logged in."""

    id = serializers.IntegerField()
    browser = serializers.CharField(help_text="what it calls itself, in words")
    address = serializers.CharField()
    since = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(help_text="to five minutes")
    here = serializers.BooleanField(help_text="the session that asks")


class OwnEndpoint(PersonEndpoint):
    """About whoever asks, with a session."""

    @property
    def person(self) -> User:
        """Who asks."""
        actor = self.actor
        if actor.user is None or actor.token:
            raise Forbidden("This is for people: log in.")
        return actor.user


class Sessions(OwnEndpoint):
    """The sessions of whoever asks."""

    class Out(Page):
        """A page of sessions."""

        items = SessionOut(many=True)

    @reads("listSessions", query=PageQuery, answer=Out)
    def get(self, request: Request) -> Response:
        """List where one is logged in."""
        query, person = self.query(PageQuery), self.person
        live = [row.pk for row in session_list(actor=self.actor, user=person)]
        key = request.session.session_key
        rows = UserSession.objects.filter(pk__in=live)
        return Response(
            page(rows, request=request, order=BY_ID, query=query, show=lambda row: _session(row, key))
        )


class OneSession(OwnEndpoint):
    """A session of whoever asks."""

    @changes("endSession", scope=SESSION, status=204, answer=None)
    def delete(self, request: Request, pk: int) -> Response:
        """End a session."""
        dry, person = self.dry_run(), self.person
        session = session_of(self.actor, person, pk)
        if dry:
            step = f"End the session of {browser_name(session.user_agent)} at {session.ip}."
            return rehearsed(lambda: session_end(actor=self.actor, session=session), step)
        session_end(actor=self.actor, session=session)
        return Response(status=204)


class IdentityOut(serializers.Serializer[Any]):
    """An account elsewhere that lets somebody in."""

    id = serializers.IntegerField()
    issuer = serializers.CharField(help_text="what people call it")
    subject = serializers.CharField(help_text="its number or name there")
    since = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField()


class Identities(OwnEndpoint):
    """The accounts elsewhere that let in whoever asks: one, or none."""

    class Out(serializers.Serializer[Any]):
        """All of them."""

        items = IdentityOut(many=True)

    @reads("listIdentities", answer=Out)
    def get(self, request: Request) -> Response:
        """List the accounts at the issuer of OpenID Connect that let one in. They are connected on a page."""
        return Response({"items": [_identity(row) for row in identities_of(self.person)]})


class OneIdentity(OwnEndpoint):
    """An account elsewhere that lets in whoever asks."""

    @changes("disconnectIdentity", scope=SESSION, status=204, answer=None)
    def delete(self, request: Request, pk: int) -> Response:
        """Let an account elsewhere let one in no more. The other sessions end."""
        dry, actor, person = self.dry_run(), self.actor, self.person
        if dry:
            step = f"Let {settled.name()} let you in no more, and end your other sessions."
            return rehearsed(lambda: check_identity_unlink(actor=actor, user=person, pk=pk), step)
        identity_unlink(actor=actor, user=person, pk=pk)
        sessions_end(actor=actor, user=person, keep=request.session.session_key)
        return Response(status=204)


class SecondFactor(PersonEndpoint):
    """Whether a team demands a second factor of its members."""

    class In(Strict):
        """What is demanded."""

        demanded = serializers.BooleanField()

    class Out(serializers.Serializer[Any]):
        """What is demanded now."""

        demanded = serializers.BooleanField()

    @changes("demandSecondFactor", scope=SESSION, body=In, answer=Out)
    def put(self, request: Request, name: str) -> Response:
        """Demand a second factor of the members of a team, or no longer. Sessions of owners only."""
        dry, actor, demanded = self.dry_run(), self.actor, bool(self.body(self.In)["demanded"])
        team = team_of(actor, name, Role.OWNER)
        if dry:
            step = f"{'Demand' if demanded else 'Demand no longer'} a second factor of the members of {team}."
            return rehearsed(lambda: second_factor_demand(actor=actor, team=team, demanded=demanded), step)
        second_factor_demand(actor=actor, team=team, demanded=demanded)
        return Response({"demanded": demanded})


def _identity(row: SocialAccount) -> dict[str, Any]:
    return {
        "id": row.pk,
        "issuer": settled.name(),
        "subject": row.uid,
        "since": row.date_joined,
        "last_used_at": row.last_login,
    }


def _session(row: UserSession, here: str | None) -> dict[str, Any]:
    return {
        "id": row.pk,
        "browser": browser_name(row.user_agent),
        "address": row.ip,
        "since": row.created_at,
        "last_used_at": row.last_seen_at,
        "here": row.session_key == here,
    }
