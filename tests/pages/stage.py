"""The world of pages, made once for a module: to be imported by it, fixture by fixture.

Its files are shared: what removes or adds some has a world of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from accounts.actors import SYSTEM
from accounts.models import Team, User
from accounts.services import team_create
from tests.cast import person
from tests.pages.world import World
from tests.standing import standing


@pytest.fixture(scope="module")
def stage(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with standing(tmp_path_factory.mktemp("stage"), django_db_blocker.unblock()):
        alice = person("alice")
        yield World(team_create(actor=SYSTEM, name="robur", owner=alice), alice)


@pytest.fixture
def world(stage: World, db: None) -> World:
    """The world, as no test was in it yet."""
    return deepcopy(stage)


@pytest.fixture
def alice(world: World) -> User:
    return world.person


@pytest.fixture
def robur(world: World) -> Team:
    return world.team
