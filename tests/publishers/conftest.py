"""An issuer, trusted, and a publisher of robur that names its workflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from accounts.actors import SYSTEM, Actor
from accounts.models import Team, User
from accounts.publishers.models import Issuer, Publisher
from accounts.publishers.services import issuer_add, publisher_add
from tests.publishers.issuer import AUDIENCE, Server, serving

Add = Callable[..., Publisher]


@pytest.fixture
def server(settings: Any) -> Iterator[Server]:
    settings.OIDC_AUDIENCE = AUDIENCE
    with serving() as server:
        yield server


@pytest.fixture
def issuer(server: Server, db: None) -> Issuer:
    return issuer_add(actor=SYSTEM, name="own", url=server.url, kind="github")


@pytest.fixture
def add(issuer: Issuer, robur: Team, alice: User) -> Add:
    """A publisher of robur; what is not said is that of the issuer's identities."""

    def add(**other: Any) -> Publisher:
        wanted: dict[str, Any] = {
            "actor": Actor(alice, "session"),
            "team": robur,
            "issuer": issuer,
            "repository": "robur/unikernels",
            "repository_id": "4711",
            "owner_id": "42",
            "workflow": "deploy.yml",
        }
        return publisher_add(**(wanted | other))

    return add
