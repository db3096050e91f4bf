"""What every endpoint does the same way."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from rest_framework import permissions
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.access import team_of
from accounts.actors import Actor
from accounts.models import Role, Team
from accounts.requests import actor_of
from mollymawk.errors import Invalid, Missing
from unikernels.api.parsers import JSONParser
from unikernels.api.serializers import ChangeQuery, Strict


class Endpoint(APIView):
    """One address. Handlers read with ``query`` and ``body``, and act as ``actor``."""

    metadata_class = None  # the description says it all; OPTIONS is a wrong method
    parser_classes: list[type[BaseParser]] = [JSONParser]

    @cached_property
    def actor(self) -> Actor:
        """Who asks."""
        return actor_of(self.request)

    def query(self, shape: type[Strict]) -> dict[str, Any]:
        """The query, checked."""
        return _checked(shape, self.request.query_params.dict())

    def body(self, shape: type[Strict]) -> dict[str, Any]:
        """The body, checked."""
        return _checked(shape, self.request.data)

    def dry_run(self) -> bool:
        """Whether only the plan is wanted."""
        return bool(self.query(ChangeQuery)["dry_run"])

    def team(self, name: str | None, role: Role = Role.VIEWER) -> Team:
        """The team called *name*, or the one that the token is bound to."""
        actor = self.actor
        if not name and actor.token is not None:
            name = actor.token.team.name
        if not name:
            raise Invalid("Say which team.", fields={"team": ["This field is required without a token."]})
        return team_of(actor, name, role)


def _checked(shape: type[Strict], data: Any) -> dict[str, Any]:
    serializer = shape(data=data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


class Unknown(APIView):
    """Whatever stands at no known address below ``/api/v1/``."""

    schema = None  # no endpoint
    authentication_classes = []
    permission_classes = [permissions.AllowAny]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        hint = "" if request.path.endswith("/") else " Addresses end with a slash."
        raise Missing(f"There is nothing at {request.path}.{hint}")
