"""Simulated instances for the tests, each with a part of the network of its own worker."""

from __future__ import annotations

import os

import pytest

from albatross.simulator import SimulatedInstance

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
NETWORK = f"127.77.{200 + WORKER}.0/24"


def address(number):
    """An address in the network of this worker."""
    return NETWORK.replace("0/24", str(number))


@pytest.fixture
def simulate(tmp_path):
    """Starts instances; all are stopped in the end."""
    started = []

    def start(folder="instance", **options):
        instance = SimulatedInstance(tmp_path / folder, **({"network": NETWORK} | options))
        started.append(instance)
        instance.start()
        return instance

    yield start
    for instance in started:
        instance.stop()


@pytest.fixture
def instance(simulate):
    return simulate()
