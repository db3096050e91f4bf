"""A simulated instance and a client of it, fresh for each test."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from albatross.certificates import Credentials
from albatross.client import Client
from albatross.messages import Policy
from albatross.simulator import SimulatedInstance
from albatross.transport import Limits
from tests.albatross.raw_server import server_context

POLICY = Policy(8, frozenset({0, 1}), 512, 64, frozenset({"service"}))


@pytest.fixture
def instance(tmp_path: Path, simulated_network: str) -> Iterator[SimulatedInstance]:
    with SimulatedInstance(
        tmp_path / "instance", network=simulated_network, statistics_interval=0.05
    ) as instance:
        yield instance


def client_of(instance: SimulatedInstance, limits: Limits | None = None) -> Client:
    return Client(instance.address, credentials_of(instance), limits=limits)


def credentials_of(instance: SimulatedInstance) -> Credentials:
    return Credentials.load(
        server_ca=instance.server_ca.encode(),
        certificate=instance.ca_pem.encode(),
        key=instance.key_pem.encode(),
    )


@pytest.fixture
def client(instance: SimulatedInstance) -> Client:
    return client_of(instance)


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    return server_context(tmp_path)
