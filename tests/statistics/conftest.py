"""A simulated instance, which tells its statistics twenty times a second, with a unikernel on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from albatross.models import Instance
from albatross.simulator import SimulatedInstance
from tests.cast import alice, bob, charlie, dave, robur, root
from tests.fleet.conftest import POLICY, Run, instance, run
from unikernels.inventory.services import reconcile
from unikernels.models import Unikernel

__all__ = ["alice", "bob", "charlie", "dave", "instance", "robur", "root", "run"]

NAME = "robur:hello"


@pytest.fixture
def host(tmp_path: Path, simulated_network: str) -> Iterator[SimulatedInstance]:
    """An instance with the domain ``robur`` and nothing running."""
    options = {"network": simulated_network, "statistics_interval": 0.05}
    with SimulatedInstance(tmp_path / "instance", **options) as host:
        host.grant("robur:", POLICY)
        yield host


@pytest.fixture
def hello(instance: Instance, run: Run) -> Unikernel:
    """A unikernel that runs, and that belongs to the team robur where there is one."""
    run(NAME)
    reconcile(instance)
    return Unikernel.objects.get()
