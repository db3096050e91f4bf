"""Endpoints that know who asks."""

from __future__ import annotations

from functools import cached_property

from accounts.actors import Actor
from accounts.requests import actor_of
from mollymawk.rest.endpoint import Endpoint


class PersonEndpoint(Endpoint):
    """One address. Handlers act as ``actor``."""

    @cached_property
    def actor(self) -> Actor:
        """Who asks."""
        return actor_of(self.request)
