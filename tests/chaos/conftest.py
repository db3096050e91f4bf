"""A world for tests, in their own database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.world import World


@pytest.fixture
def world(transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[World]:
    settings.IMAGE_DIR = tmp_path / "images"
    world = World(tmp_path)
    yield world
    world.close()
