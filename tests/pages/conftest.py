"""A world of pages, and the cast before it: a browser each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import Team, User
from tests.cast import ClientOf
from tests.pages.updates import Updates
from tests.pages.world import World


@pytest.fixture
def world(robur: Team, alice: User, settings: Any, tmp_path: Path) -> World:
    settings.IMAGE_DIR = tmp_path / "images"
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    return World(robur, alice)


@pytest.fixture
def updates(world: World) -> Updates:
    return Updates(world)


@pytest.fixture
def deployer(dave: User, client_of: ClientOf) -> Client:
    return client_of(dave)


@pytest.fixture
def viewer(bob: User, client_of: ClientOf) -> Client:
    return client_of(bob)


@pytest.fixture
def stranger(charlie: User, client_of: ClientOf) -> Client:
    return client_of(charlie)


@pytest.fixture
def superuser(root: User, client_of: ClientOf) -> Client:
    return client_of(root)
