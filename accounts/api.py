"""API about the token in use, teams, and tokens. A token reads; only people make and revoke tokens."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import team_of, token_of
from accounts.actors import Actor
from accounts.endpoint import PersonEndpoint
from accounts.models import ApiToken, Role, Team
from accounts.scopes import Scope
from accounts.services import describe, team_create, token_issue, token_list, token_revoke
from accounts.services.rights import MAX_NETWORKS, MAX_UNIKERNELS
from accounts.services.tokens import DEFAULT_DAYS, MAX_DAYS, MAX_NAME
from albatross.names import MAX_LABEL
from mollymawk.errors import Missing
from mollymawk.rest.pages import NEWEST_FIRST, Key, Keyset, page
from mollymawk.rest.plans import rehearsed
from mollymawk.rest.schema import SESSION, changes, reads
from mollymawk.rest.shapes import Page, PageQuery, Strict

BY_NAME = Keyset((Key("name", str),))

MAX_NETWORK = 43  # characters: an IPv6 network with its length


def label_field() -> serializers.CharField:
    """A name of a unikernel or an issuer."""
    return serializers.CharField(max_length=MAX_LABEL)


_ROLES = [role.value for role in Role]
_SCOPES = [scope.value for scope in Scope]


class TeamOut(serializers.Serializer[Any]):
    """A team that the caller may look into."""

    name = serializers.CharField()
    domain = serializers.CharField(help_text="first label of its unikernels' names")
    personal = serializers.BooleanField(help_text="is somebody's personal team")
    role = serializers.ChoiceField(_ROLES, help_text="what the caller may do there")
    members = serializers.IntegerField()
    demands_second_factor = serializers.BooleanField(help_text="of members with a session; not of tokens")


@extend_schema_field({"type": "string", "pattern": "^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9-])?$"})
class TeamNameField(serializers.CharField):
    """The name of a team; ``check_label`` reads and judges it."""


class TeamIn(Strict):
    """A new team."""

    name = TeamNameField(max_length=63)
    domain = serializers.CharField(
        max_length=63, default="", allow_blank=True, help_text="the name, unless given; never changes"
    )


class RightsOut(serializers.Serializer[Any]):
    """What something may be used for."""

    scopes = serializers.ListField(child=serializers.ChoiceField(_SCOPES))
    unikernels = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="names; null: all of the team"
    )
    networks = serializers.ListField(child=serializers.CharField(), help_text="empty: from anywhere")


class TokenOut(RightsOut):
    """A token without its secret."""

    id = serializers.CharField(help_text="the part between the underscores")
    name = serializers.CharField()
    role = serializers.ChoiceField(_ROLES, help_text="that its scopes take; never more than its maker has")
    usable = serializers.BooleanField()
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True, help_text="null: never")
    last_used_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)


class TokenMade(TokenOut):
    """A token just made."""

    token = serializers.CharField(help_text="its text, told only now")


class OwnToken(PersonEndpoint):
    """The token that asks."""

    class Out(RightsOut):
        """What a program may know of its own token. Its scopes are those that work now."""

        id = serializers.CharField(help_text="the part between the underscores; no secret")
        name = serializers.CharField()
        team = serializers.CharField()
        role = serializers.ChoiceField(
            _ROLES, allow_null=True, help_text="what it may do now; null: its maker left the team"
        )
        expires_at = serializers.DateTimeField(allow_null=True, help_text="null: never")
        last_used_at = serializers.DateTimeField(allow_null=True)

    @reads("getOwnToken", answer=Out)
    def get(self, request: Request) -> Response:
        """Tell about the token that this request was made with."""
        if not isinstance(request.auth, ApiToken):
            raise Missing("This request was made without a token.")
        return Response(describe(request.auth))


class Teams(PersonEndpoint):
    """The teams of the caller."""

    class Out(Page):
        """A page of teams, by name."""

        items = TeamOut(many=True)

    @reads("listTeams", query=PageQuery, answer=Out)
    def get(self, request: Request) -> Response:
        """List the teams that the caller may look into."""
        actor, query = self.actor, self.query(PageQuery)
        rows = Team.objects.filter(pk__in=[team.pk for team in actor.teams()])
        rows = rows.annotate(people=Count("memberships"))
        held = {} if actor.user is None else dict(actor.user.memberships.values_list("team_id", "role"))
        return Response(
            page(
                rows, request=request, order=BY_NAME, query=query, show=lambda team: _team(actor, held, team)
            )
        )

    @changes("createTeam", scope=SESSION, body=TeamIn, status=201, answer=TeamOut)
    def post(self, request: Request) -> Response:
        """Make a team, owned by who asks. People only."""
        dry, actor, data = self.dry_run(), self.actor, self.body(TeamIn)
        if dry:
            return rehearsed(lambda: team_create(actor=actor, **data), f"Make the team {data['name']}.")
        made: Any = team_create(actor=actor, **data)
        made.people = 1
        return Response(_team(actor, {made.pk: Role.OWNER.value}, made), status=201)


class TeamTokens(PersonEndpoint):
    """The tokens of a team. Sessions of owners only."""

    class Out(Page):
        """A page of tokens, newest first."""

        items = TokenOut(many=True)

    class In(Strict):
        """A new token."""

        name = serializers.CharField(max_length=MAX_NAME, help_text="what uses it")
        role = serializers.ChoiceField(_ROLES, required=False, help_text="all scopes that it suffices for")
        scopes = serializers.ListField(
            child=serializers.ChoiceField(_SCOPES),
            required=False,
            help_text="left out: those of the role, or of a deployer; every token reads",
        )
        unikernels = serializers.ListField(
            child=label_field(),
            required=False,
            allow_null=True,
            max_length=MAX_UNIKERNELS,
            help_text="names, also of what is not there yet; null or left out: all of the team",
        )
        networks = serializers.ListField(
            child=serializers.CharField(max_length=MAX_NETWORK),
            required=False,
            max_length=MAX_NETWORKS,
            help_text="such as 192.0.2.0/24; left out: from anywhere",
        )
        days = serializers.IntegerField(
            default=DEFAULT_DAYS,
            allow_null=True,
            min_value=1,
            max_value=MAX_DAYS,
            help_text="null: it never ends, where that is allowed",
        )

    @reads("listTokens", scope=SESSION, query=PageQuery, answer=Out)
    def get(self, request: Request, name: str) -> Response:
        """List the tokens of a team."""
        query = self.query(PageQuery)
        team = team_of(self.actor, name, Role.OWNER)
        rows = token_list(team)
        return Response(page(rows, request=request, order=NEWEST_FIRST, query=query, show=show_token))

    @changes("issueToken", scope=SESSION, body=In, status=201, answer=TokenMade)
    def post(self, request: Request, name: str) -> Response:
        """Make a token for a team. Its text is in the answer and nowhere else."""
        dry, actor, data = self.dry_run(), self.actor, self.body(self.In)
        team = team_of(actor, name, Role.OWNER)
        wanted: dict[str, Any] = dict(data) | ({"role": Role(data["role"])} if "role" in data else {})
        if dry:
            return rehearsed(lambda: token_issue(actor=actor, team=team, **wanted), f"Make {data['name']}.")
        token, text = token_issue(actor=actor, team=team, **wanted)
        return Response(show_token(token) | {"token": text}, status=201)


class OneTeamToken(PersonEndpoint):
    """One token of a team. Sessions of owners only."""

    @changes("revokeToken", scope=SESSION, status=204, answer=None)
    def delete(self, request: Request, name: str, key_id: str) -> Response:
        """Revoke a token."""
        dry, actor = self.dry_run(), self.actor
        token = token_of(actor, team_of(actor, name, Role.OWNER), key_id)
        if dry:
            return rehearsed(lambda: token_revoke(actor=actor, token=token), f"Revoke {token.name}.")
        token_revoke(actor=actor, token=token)
        return Response(status=204)


def show_team(actor: Actor, team: Any) -> dict[str, Any]:
    """One team, as the API tells *actor* of it."""
    held = actor.role_in(team)
    team.people = team.memberships.count()
    return _team(actor, {team.pk: held.value} if held else {}, team)


def _team(actor: Actor, held: dict[int, str], team: Any) -> dict[str, Any]:
    return {
        "name": team.name,
        "domain": team.domain,
        "personal": team.personal_of_id is not None,
        "role": Role.OWNER.value if actor.all_powerful else _role(actor, held, team),
        "members": team.people,
        "demands_second_factor": team.demands_second_factor,
    }


def _role(actor: Actor, held: dict[int, str], team: Team) -> str | None:
    if actor.token is not None:
        role = actor.role_in(team)
        return role.value if role else None
    return held.get(team.pk)


def show_token(token: ApiToken) -> dict[str, Any]:
    """A token, as the API tells it."""
    return {
        "id": token.key_id,
        "name": token.name,
        "role": token.role,
        "scopes": token.scopes,
        "unikernels": token.unikernels,
        "networks": token.networks,
        "usable": token.usable and token.created_by.is_active,
        "created_by": token.created_by.email,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
        "revoked_at": token.revoked_at,
    }
