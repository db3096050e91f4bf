"""One world for all of a module's tests, each of which is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings

from tests.api.conftest import quick, robot, simulated, world
from tests.security.planted import Planted

__all__ = ["quick", "robot", "simulated", "world"]


@pytest.fixture(scope="module")
def house(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Planted]:
    """Both teams. Made once: a test begins with them and leaves nothing."""
    folder = tmp_path_factory.mktemp("planted")
    stores = override_settings(
        IMAGE_DIR=folder / "images",
        FILE_UPLOAD_TEMP_DIR=str(folder),
        EXAMPLE_IMAGES=True,
        OIDC_ISSUER="http://127.0.0.1:9",  # nobody answers there
    )
    with stores, django_db_blocker.unblock(), transaction.atomic():
        yield Planted()
        transaction.set_rollback(True)


@pytest.fixture
def planted(house: Planted, db: None) -> Planted:
    """Both teams, in a transaction of the test's own."""
    return house
