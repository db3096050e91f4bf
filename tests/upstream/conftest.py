"""The house of the API's tests, and a script that knows only the original's routes."""

from __future__ import annotations

import pytest

from accounts.models import Role, User
from tests.api.conftest import builder, builds, house, quick, robot, simulated, world
from tests.cast import ApiOf, TokenOf
from tests.upstream.script import Script

__all__ = ["builder", "builds", "house", "quick", "robot", "simulated", "world"]


@pytest.fixture
def script(dave: User, token_of: TokenOf, api_of: ApiOf) -> Script:
    """With a deployer's token."""
    return Script(api_of(token_of(dave, Role.DEPLOYER)))
