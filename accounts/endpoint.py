"""Endpoints that know who asks."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from rest_framework.request import Request

from accounts.actors import Actor, require_scope
from accounts.requests import actor_of
from mollymawk.rest.endpoint import Endpoint
from mollymawk.rest.schema import SESSION, stated


class PersonEndpoint(Endpoint):
    """One address. Handlers act as ``actor``."""

    @cached_property
    def actor(self) -> Actor:
        """Who asks."""
        return actor_of(self.request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let a token in only with a scope that the handler states; without one only people may."""
        super().initial(request, *args, **kwargs)
        method = "get" if request.method == "HEAD" else str(request.method).lower()
        handler = getattr(self, method, None)
        if handler is not None:
            require_scope(self.actor, stated(handler) or SESSION)
