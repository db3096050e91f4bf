"""A small builder-web and a client of it, fresh for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from unikernels.builds.client import Client
from unikernels.builds.simulator.seed import seed
from unikernels.builds.simulator.server import Server, serving


@pytest.fixture
def builder() -> Iterator[Server]:
    with serving(seed()) as server:
        yield server


@pytest.fixture
def client(builder: Server) -> Client:
    return Client(builder.url)
