"""The cast before a world of pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from accounts.models import Team, User
from tests.pages.world import World


@pytest.fixture
def world(robur: Team, alice: User, settings: Any, tmp_path: Path) -> World:
    settings.IMAGE_DIR = tmp_path / "images"
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    return World(robur, alice)
