"""One world for all of a module's tests, each of which is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.conftest import quick, robot, simulated, world
from tests.security.planted import Planted
from tests.standing import standing

__all__ = ["quick", "robot", "simulated", "world"]


@pytest.fixture(scope="module")
def house(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Planted]:
    """Both teams. Made once: a test begins with them and leaves nothing."""
    nobody = "http://127.0.0.1:9"  # answers there
    folder = tmp_path_factory.mktemp("planted")
    with standing(folder, django_db_blocker.unblock(), OIDC_ISSUER=nobody):
        yield Planted()


@pytest.fixture
def planted(house: Planted, db: None) -> Planted:
    """Both teams, in a transaction of the test's own."""
    return house
