"""API about the token in use, teams, and tokens. A token reads; only people make and revoke tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.db import transaction
from django.db.models import Count
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access import team_of, token_of
from accounts.actors import Actor
from accounts.models import ApiToken, Role, Team
from accounts.requests import actor_of
from accounts.services import describe, token_issue, token_list, token_revoke
from accounts.services.tokens import DEFAULT_DAYS, MAX_DAYS, MAX_NAME
from mollymawk.errors import Forbidden, Missing, Refused

PAGE_LIMIT = 50
MAX_LIMIT = 200

_ROLES = [role.value for role in Role]
_DRY_RUN = OpenApiParameter("dry_run", bool, description="only tell what would happen; nothing is changed")


class Strict(serializers.Serializer[Any]):
    """A body or query in which an unknown name is a mistake, not something to overlook."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            known = ", ".join(sorted(self.fields))
            raise serializers.ValidationError(
                {str(name): [f"There is no such field here; known: {known}."] for name in unknown}
            )
        return super().to_internal_value(data)


class PersonEndpoint(APIView):
    """One address of this app. Handlers act as ``actor``."""

    metadata_class = None  # the description says it all; OPTIONS is a wrong method
    parser_classes = [JSONParser]

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return actor_of(self.request)

    def checked(self, shape: type[Strict], data: Any) -> dict[str, Any]:
        """*data* in this shape, or a validation error."""
        serializer = shape(data=data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


class OwnToken(PersonEndpoint):
    """The token that asks."""

    class Out(serializers.Serializer[Any]):
        """What a program may know of its own token."""

        id = serializers.CharField(help_text="the part between the underscores; no secret")
        name = serializers.CharField()
        team = serializers.CharField()
        role = serializers.ChoiceField(
            _ROLES, allow_null=True, help_text="what it may do now; null: its maker left the team"
        )
        expires_at = serializers.DateTimeField()
        last_used_at = serializers.DateTimeField(allow_null=True)

    @extend_schema(
        operation_id="token", responses={200: OpenApiResponse(Out, description="The token in use.")}
    )
    def get(self, request: Request) -> Response:
        """Tell about the token that this request was made with."""
        if not isinstance(request.auth, ApiToken):
            raise Missing("This request was made without a token.")
        return Response(describe(request.auth))


class Teams(PersonEndpoint):
    """The teams of the caller."""

    class Query(Strict):
        """Which part of the list."""

        limit = serializers.IntegerField(default=PAGE_LIMIT, min_value=1, max_value=MAX_LIMIT)
        cursor = serializers.CharField(required=False, help_text="from the link in `next`; opaque")

    class Out(serializers.Serializer[Any]):
        """A part of the list, by name."""

        class Item(serializers.Serializer[Any]):
            """A team that the caller may look into."""

            name = serializers.CharField()
            domain = serializers.CharField(help_text="first label of its unikernels' names")
            personal = serializers.BooleanField(help_text="is somebody's personal team")
            role = serializers.ChoiceField(_ROLES, help_text="what the caller may do there")
            members = serializers.IntegerField()

        items = Item(many=True)
        next = serializers.URLField(allow_null=True)

    @extend_schema(
        operation_id="teams",
        parameters=[Query],
        responses={200: OpenApiResponse(Out, description="What was asked for.")},
    )
    def get(self, request: Request) -> Response:
        """List the teams that the caller may look into."""
        query = self.checked(self.Query, request.query_params.dict())
        actor, limit = self.actor, query["limit"]
        mine = [team.pk for team in actor.teams() if team.name > query.get("cursor", "")][: limit + 1]
        rows = list(Team.objects.filter(pk__in=mine).annotate(people=Count("memberships")).order_by("name"))
        following = urlencode({"limit": limit, "cursor": rows[limit - 1].name}) if len(rows) > limit else ""
        link = request.build_absolute_uri(f"{request.path}?{following}") if following else None
        return Response({"items": _teams(actor, rows[:limit]), "next": link})


class TeamTokens(PersonEndpoint):
    """The tokens of a team. Sessions of owners only."""

    class Item(serializers.Serializer[Any]):
        """A token without its secret."""

        id = serializers.CharField(help_text="the part between the underscores")
        name = serializers.CharField()
        role = serializers.ChoiceField(_ROLES, help_text="as given; never more than its maker has")
        usable = serializers.BooleanField()
        created_by = serializers.CharField()
        created_at = serializers.DateTimeField()
        expires_at = serializers.DateTimeField()
        last_used_at = serializers.DateTimeField(allow_null=True)
        revoked_at = serializers.DateTimeField(allow_null=True)

    class In(Strict):
        """A new token."""

        name = serializers.CharField(max_length=MAX_NAME, help_text="what uses it")
        role = serializers.ChoiceField(_ROLES, default=Role.DEPLOYER.value)
        days = serializers.IntegerField(default=DEFAULT_DAYS, min_value=1, max_value=MAX_DAYS)

    @extend_schema(
        operation_id="team_tokens",
        responses={200: OpenApiResponse(Item(many=True), description="All of them, newest first.")},
    )
    def get(self, request: Request, name: str) -> Response:
        """List the tokens of a team."""
        team = team_of(self.actor, name, Role.OWNER)
        _people_only(self.actor)
        return Response({"items": [_token(token) for token in token_list(team)], "next": None})

    @extend_schema(
        operation_id="team_token_issue",
        parameters=[_DRY_RUN],
        request=In,
        responses={201: OpenApiResponse(Item, description="It is made; `token` is its text, told only now.")},
    )
    def post(self, request: Request, name: str) -> Response:
        """Make a token for a team. Its text is in the answer and nowhere else."""
        data = self.checked(self.In, request.data)
        actor, team = self.actor, team_of(self.actor, name, Role.OWNER)
        wanted = {"name": data["name"], "role": Role(data["role"]), "days": data["days"]}
        if _dry(request):
            return _rehearsed(lambda: token_issue(actor=actor, team=team, **wanted), f"Make {data['name']}.")
        token, text = token_issue(actor=actor, team=team, **wanted)
        return Response(_token(token) | {"token": text}, status=201)


class OneTeamToken(PersonEndpoint):
    """One token of a team. Sessions of owners only."""

    @extend_schema(
        operation_id="team_token_revoke",
        parameters=[_DRY_RUN],
        responses={204: OpenApiResponse(description="It is revoked.")},
    )
    def delete(self, request: Request, name: str, key_id: str) -> Response:
        """Revoke a token."""
        actor = self.actor
        token = token_of(actor, team_of(actor, name, Role.OWNER), key_id)
        if _dry(request):
            return _rehearsed(lambda: token_revoke(actor=actor, token=token), f"Revoke {token.name}.")
        token_revoke(actor=actor, token=token)
        return Response(status=204)


def _people_only(actor: Actor) -> None:
    if actor.token is not None:
        raise Forbidden("A token does not see tokens; log in.")


def _teams(actor: Actor, rows: list[Any]) -> list[dict[str, Any]]:
    held = {} if actor.user is None else dict(actor.user.memberships.values_list("team_id", "role"))
    return [
        {
            "name": team.name,
            "domain": team.domain,
            "personal": team.personal_of_id is not None,
            "role": Role.OWNER.value if actor.all_powerful else _role(actor, held, team),
            "members": team.people,
        }
        for team in rows
    ]


def _role(actor: Actor, held: dict[int, str], team: Team) -> str | None:
    if actor.token is not None:
        role = actor.role_in(team)
        return role.value if role else None
    return held.get(team.pk)


def _token(token: ApiToken) -> dict[str, Any]:
    return {
        "id": token.key_id,
        "name": token.name,
        "role": token.role,
        "usable": token.usable and token.created_by.is_active,
        "created_by": token.created_by.email,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
        "revoked_at": token.revoked_at,
    }


class _DryRun(Strict):
    dry_run = serializers.BooleanField(default=False)


def _dry(request: Request) -> bool:
    query = _DryRun(data=request.query_params.dict())
    query.is_valid(raise_exception=True)
    return bool(query.validated_data["dry_run"])


def _rehearsed(change: Callable[[], object], step: str) -> Response:
    """The plan of *change*: it is done and taken back."""
    refusals: list[str] = []
    with transaction.atomic():
        try:
            with transaction.atomic():
                change()
        except Refused as error:
            refusals = error.reasons or [str(error)]
        transaction.set_rollback(True)
    plan = {"dry_run": True, "possible": not refusals, "steps": [step], "refusals": refusals}
    return Response(plan | {"questions": [], "warnings": [], "changes": {}})
