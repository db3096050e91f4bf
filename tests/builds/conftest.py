"""A small builder-web and a client of it, fresh for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from unikernels.builds.client import Client
from unikernels.builds.edge import new_client
from unikernels.builds.rows import looked_up
from unikernels.builds.simulator.seed import seed
from unikernels.builds.simulator.server import Server, serving
from unikernels.models import Build, Builder


@pytest.fixture
def builder() -> Iterator[Server]:
    with serving(seed()) as server:
        yield server


@pytest.fixture
def client(builder: Server) -> Client:
    return Client(builder.url)


@pytest.fixture
def robur_coop(builder: Server, db: None) -> Builder:
    """The small builder-web as a row."""
    return Builder.objects.create(name="robur-coop", url=builder.url)


def build_row(builder: Server, row: Builder, job: str, number: int = 0) -> Build:
    """The row of a build of *job*: of the newest, or of one that is *number* builds older."""
    told = builder.catalogue.builds(job)[number]
    client = new_client(row)
    return looked_up(row, client, client.build(job, told.uuid))
