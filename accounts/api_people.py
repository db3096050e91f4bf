"""API of one's own sessions, and of the second factor that a team demands. For people: not by token."""

from __future__ import annotations

from typing import Any

from allauth.usersessions.models import UserSession
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import session_of, team_of
from accounts.endpoint import PersonEndpoint
from accounts.models import Role, User
from accounts.services import second_factor_demand, session_end, session_list
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


def _session(row: UserSession, here: str | None) -> dict[str, Any]:
    return {
        "id": row.pk,
        "browser": browser_name(row.user_agent),
        "address": row.ip,
        "since": row.created_at,
        "last_used_at": row.last_seen_at,
        "here": row.session_key == here,
    }
