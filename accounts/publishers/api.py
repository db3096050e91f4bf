"""Issuers, publishers, and the exchange of an identity for a token, which needs no credential."""

from __future__ import annotations

import math
from typing import Any

from django.conf import settings
from rest_framework import permissions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from accounts.access import team_of
from accounts.actors import require_superuser
from accounts.api import BY_NAME, label_field
from accounts.endpoint import PersonEndpoint
from accounts.models import Role
from accounts.publishers.exchange import grant, recognise
from accounts.publishers.models import Issuer, Publisher, every_algorithm
from accounts.publishers.services import (
    MAX_NUMBER,
    MAX_TEXT,
    MAX_URL,
    check_issuer_add,
    issuer_add,
    issuer_named,
    issuer_remove,
    publisher_add,
    publisher_of,
    publisher_remove,
    publishers_of,
)
from accounts.publishers.verify import MAX_TEXT as MAX_IDENTITY
from accounts.requests import client_address
from accounts.scopes import Scope
from accounts.services.rights import MAX_UNIKERNELS
from mollymawk.rest.endpoint import Endpoint
from mollymawk.rest.pages import BY_ID, page
from mollymawk.rest.plans import rehearsed
from mollymawk.rest.rates import PERIOD, Buckets
from mollymawk.rest.schema import SESSION, changes, reads
from mollymawk.rest.shapes import Page, PageQuery, Strict

EXCHANGES_PER_MINUTE = 60  # of one address and web process; a build farm has one address
MAX_EVENTS = 20

_SCOPES = [scope.value for scope in Scope]
_buckets = Buckets()


class PerAddress(BaseThrottle):
    """``EXCHANGES_PER_MINUTE`` for each address: there is no credential to count by."""

    def __init__(self) -> None:
        self._wait = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        """Take one. Where no program is limited (``API_REQUESTS_PER_MINUTE`` is 0) this is not either."""
        if not settings.API_REQUESTS_PER_MINUTE:
            return True
        left = _buckets.take(client_address(request) or "here", EXCHANGES_PER_MINUTE)
        self._wait = max(1.0, -left * PERIOD / EXCHANGES_PER_MINUTE)
        return left >= 0

    def wait(self) -> float:
        """Seconds until there is one again."""
        return math.ceil(self._wait)


class Exchange(Endpoint):
    """A short token for the identity of a workflow."""

    authentication_classes = []
    permission_classes = [permissions.AllowAny]
    throttle_classes = [PerAddress]

    class In(Strict):
        """The identity, and where it is for several."""

        token = serializers.CharField(max_length=MAX_IDENTITY, help_text="the identity, a signed JWT")
        team = serializers.CharField(required=False, max_length=63)
        publisher = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)

    class Out(serializers.Serializer[Any]):
        """The token."""

        token = serializers.CharField(help_text="its text, told only now")
        team = serializers.CharField()
        scopes = serializers.ListField(child=serializers.ChoiceField(_SCOPES))
        unikernels = serializers.ListField(
            child=serializers.CharField(), allow_null=True, help_text="names; null: all of the team"
        )
        expires_at = serializers.DateTimeField()

    @changes("exchangeIdentity", scope=SESSION, body=In, status=200, answer=Out)
    def post(self, request: Request) -> Response:
        """Exchange the identity of a workflow for a token of 15 minutes.

        Needs no credential: the identity is one. It is made for the audience that the page of publishers
        tells, and works once. A dry run spends nothing.
        """
        dry, data = self.dry_run(), self.body(self.In)
        wanted = {"text": data.pop("token"), "address": client_address(request), **data}
        seen = recognise(**wanted)
        if dry:
            return rehearsed(lambda: grant(seen), f"Give it a token of 15 minutes for {seen.publisher.team}.")
        token, text = grant(seen)
        told = {"token": text, "team": token.team.name, "expires_at": token.expires_at}
        return Response(told | {"scopes": token.scopes, "unikernels": token.unikernels})


class IssuerOut(serializers.Serializer[Any]):
    """A server that vouches for workflows."""

    name = serializers.CharField()
    url = serializers.CharField()
    kind = serializers.ChoiceField(Issuer.Kind.values)
    algorithms = serializers.ListField(child=serializers.CharField())


def show_issuer(issuer: Issuer) -> dict[str, Any]:
    """An issuer, as the API tells it."""
    return {name: getattr(issuer, name) for name in ("name", "url", "kind", "algorithms")}


class Issuers(PersonEndpoint):
    """Who vouches for workflows."""

    class Out(Page):
        """A page of issuers, by name."""

        items = IssuerOut(many=True)

    class In(Strict):
        """A new one. It is asked for its keys before it is trusted."""

        name = label_field()
        url = serializers.CharField(max_length=MAX_URL, help_text="exactly as its identities name it")
        kind = serializers.ChoiceField(Issuer.Kind.values, help_text="whose claims they are")
        algorithms = serializers.ListField(
            child=serializers.ChoiceField(every_algorithm()), required=False, max_length=3
        )

    @reads("listIssuers", query=PageQuery, answer=Out)
    def get(self, request: Request) -> Response:
        """List the issuers that are trusted here."""
        query = self.query(PageQuery)
        rows = Issuer.objects.all()
        return Response(page(rows, request=request, order=BY_NAME, query=query, show=show_issuer))

    @changes("addIssuer", scope=SESSION, body=In, status=201, answer=IssuerOut)
    def post(self, request: Request) -> Response:
        """Trust an issuer. Superusers only."""
        dry, actor, data = self.dry_run(), self.actor, self.body(self.In)
        if dry:
            step = f"Ask {data['url']} for its keys, and trust it."
            return rehearsed(lambda: check_issuer_add(actor=actor, **data), step)
        return Response(show_issuer(issuer_add(actor=actor, **data)), status=201)


class OneIssuer(PersonEndpoint):
    """One issuer."""

    @changes("removeIssuer", scope=SESSION, status=204, answer=None)
    def delete(self, request: Request, name: str) -> Response:
        """Trust an issuer no more. Superusers only, and only while no publisher names it."""
        dry, actor = self.dry_run(), self.actor
        require_superuser(actor)
        issuer = issuer_named(name)
        if dry:
            return rehearsed(lambda: issuer_remove(actor=actor, issuer=issuer), f"Forget {issuer}.")
        issuer_remove(actor=actor, issuer=issuer)
        return Response(status=204)


class PublisherOut(serializers.Serializer[Any]):
    """A workflow that a team trusts."""

    id = serializers.IntegerField()
    issuer = serializers.CharField()
    repository = serializers.CharField()
    repository_id = serializers.CharField()
    owner_id = serializers.CharField()
    workflow = serializers.CharField()
    environment = serializers.CharField(help_text="empty: any")
    ref = serializers.CharField()
    events = serializers.ListField(child=serializers.CharField())
    scopes = serializers.ListField(child=serializers.ChoiceField(_SCOPES))
    unikernels = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="names; null: all of the team"
    )
    created_by = serializers.CharField(help_text="in whose name it acts")
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


_SAME = (
    "repository",
    "repository_id",
    "owner_id",
    "workflow",
    "environment",
    "ref",
    "events",
    "scopes",
    "unikernels",
    "created_at",
    "last_used_at",
)


def show_publisher(publisher: Publisher) -> dict[str, Any]:
    """A publisher, as the API tells it."""
    told = {name: getattr(publisher, name) for name in _SAME}
    who = {"issuer": publisher.issuer.name, "created_by": publisher.created_by.email}
    return {"id": publisher.pk, **who, **told}


class Publishers(PersonEndpoint):
    """The publishers of a team. Sessions of owners only."""

    class Out(Page):
        """A page of publishers, newest first."""

        items = PublisherOut(many=True)

    class In(Strict):
        """A new publisher."""

        issuer = label_field()
        repository = serializers.CharField(max_length=MAX_TEXT, help_text="owner/name, for people")
        repository_id = serializers.CharField(max_length=MAX_NUMBER, help_text="its number")
        owner_id = serializers.CharField(max_length=MAX_NUMBER, help_text="the number of its owner")
        workflow = serializers.CharField(max_length=MAX_TEXT, help_text="its file, such as deploy.yml")
        environment = serializers.CharField(max_length=MAX_TEXT, default="", allow_blank=True)
        ref = serializers.CharField(max_length=MAX_TEXT, default="refs/heads/main", help_text="a pattern")
        events = serializers.ListField(
            child=serializers.CharField(max_length=MAX_TEXT), required=False, max_length=MAX_EVENTS
        )
        scopes = serializers.ListField(child=serializers.ChoiceField(_SCOPES), required=False)
        unikernels = serializers.ListField(
            child=label_field(), required=False, allow_null=True, max_length=MAX_UNIKERNELS
        )

    @reads("listPublishers", scope=SESSION, query=PageQuery, answer=Out)
    def get(self, request: Request, name: str) -> Response:
        """List the publishers of a team."""
        query, team = self.query(PageQuery), team_of(self.actor, name, Role.OWNER)
        rows = publishers_of(team)
        return Response(page(rows, request=request, order=BY_ID, query=query, show=show_publisher))

    @changes("addPublisher", scope=SESSION, body=In, status=201, answer=PublisherOut)
    def post(self, request: Request, name: str) -> Response:
        """Trust a workflow to act for a team, in the name of who asks."""
        dry, actor, data = self.dry_run(), self.actor, self.body(self.In)
        team = team_of(actor, name, Role.OWNER)
        wanted = data | {"actor": actor, "team": team, "issuer": issuer_named(data["issuer"])}
        if dry:
            step = f"Trust {data['workflow']} of {data['repository']}."
            return rehearsed(lambda: publisher_add(**wanted), step)
        return Response(show_publisher(publisher_add(**wanted)), status=201)


class OnePublisher(PersonEndpoint):
    """One publisher of a team. Sessions of owners only."""

    @changes("removePublisher", scope=SESSION, status=204, answer=None)
    def delete(self, request: Request, name: str, pk: int) -> Response:
        """Trust a workflow no more; the tokens that it has are revoked."""
        dry, actor = self.dry_run(), self.actor
        publisher = publisher_of(actor, team_of(actor, name, Role.OWNER), pk)
        if dry:
            step = f"Trust {publisher} no more."
            return rehearsed(lambda: publisher_remove(actor=actor, publisher=publisher), step)
        publisher_remove(actor=actor, publisher=publisher)
        return Response(status=204)
