"""A simulated instance, its row, and a small cast."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from accounts.actors import COMMAND
from accounts.models import Team
from albatross.messages import Arguments, Config, Policy, UnikernelCreate
from albatross.models import Instance
from albatross.simulator import SimulatedInstance
from albatross.simulator.images import build_image
from unikernels.instances.services import instance_add

POLICY = Policy(unikernels=8, cpuids=frozenset({0, 1}), memory=1024, block=256, bridges=frozenset({"service"}))

Run = Callable[..., None]


@pytest.fixture
def host(tmp_path: Path, simulated_network: str) -> Iterator[SimulatedInstance]:
    """An instance with the domain ``alice`` and nothing running."""
    with SimulatedInstance(tmp_path / "instance", network=simulated_network) as host:
        host.grant("alice:", POLICY)
        yield host


@pytest.fixture
def instance(host: SimulatedInstance, db: None) -> Instance:
    """The row of *host*, not looked at yet."""
    return instance_add(
        actor=COMMAND,
        name="earth",
        address=host.address,
        server_ca=host.server_ca,
        certificate=host.ca_pem,
        key=host.key_pem,
    )


@pytest.fixture
def alice(db: None) -> Team:
    """The team whose domain is ``alice``."""
    return Team.objects.create(name="alice", domain="alice")


@pytest.fixture
def run(host: SimulatedInstance) -> Run:
    """Starts a unikernel on the host itself, as somebody else would."""

    def start(name: str, *, arguments: Arguments | None = None, image: bytes | None = None) -> None:
        config = Config(arguments or Arguments(memory=16), image=image or build_image(behaviour={}))
        host.run(name, UnikernelCreate(config))

    return start
