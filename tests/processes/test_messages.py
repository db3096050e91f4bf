"""Messages are wake-ups: lost, doubled or late, and with several workers, an operation has one effect."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from tests.processes.deploys import Deploys
from tests.processes.running import Up, descendants, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def deploys(up: Up) -> Deploys:
    return Deploys(up)


@pytest.fixture
def second_worker(up: Up) -> Iterator[None]:
    """Another worker beside that of the installation."""
    with up.beside("celery", "-A", "mollymawk", "worker", "--concurrency", "2", "-n", "second@%h") as process:
        wait_for(lambda: len(descendants(process.pid)) == 2, "the second worker")
        yield


@pytest.mark.usefixtures("second_worker")
def test_two_workers_race_for_one_operation(deploys: Deploys) -> None:
    names = [deploys.name() for _ in range(3)]
    operations = [deploys.deploy(name) for name in names]
    for operation in operations:
        deploys.wake(operation, times=40)
    for name, operation in zip(names, operations, strict=True):
        ended = deploys.end_of(operation)
        assert (ended["state"], deploys.arrived(name), deploys.started(name)) == ("succeeded", 1, 1), ended


@pytest.mark.usefixtures("second_worker")
def test_two_workers_race_for_one_restart(deploys: Deploys) -> None:
    name = deploys.name()
    deploys.end_of(deploys.deploy(name))
    operation = deploys.change(name, "restart")
    deploys.wake(operation, times=40)
    ended = deploys.end_of(operation)
    restarts = deploys.arrived(name, "unikernel_restart", "unikernel_force_create")
    assert (ended["state"], restarts, deploys.runs(name)) == ("succeeded", 1, True), ended


def test_a_lost_message_costs_time_only(deploys: Deploys) -> None:
    name = deploys.name()
    deploys.up.instance("fault", kind="delay", seconds=1, times=5)
    operation = deploys.deploy(name)
    with redis.Redis.from_url(deploys.up.broker_url) as broker:
        broker.flushall()
    ended = deploys.end_of(operation)
    assert (ended["state"], deploys.started(name)) == ("succeeded", 1), ended


def test_a_late_message_changes_nothing(deploys: Deploys) -> None:
    name = deploys.name()
    operation = deploys.deploy(name)
    ended = deploys.end_of(operation)
    deploys.wake(operation, times=5, countdown=1)
    follower = deploys.name()
    deploys.end_of(deploys.deploy(follower))  # the late ones have come by then
    assert deploys.operation(operation) == ended
    assert (deploys.arrived(name), deploys.started(name)) == (1, 1)


def test_a_broker_that_comes_back_empty(deploys: Deploys) -> None:
    name = deploys.name()
    operation = deploys.deploy(name)
    with redis.Redis.from_url(deploys.up.broker_url) as broker:
        broker.flushall()
    deploys.up.kill("broker")
    ended = deploys.end_of(operation)
    assert (ended["state"], deploys.runs(name), deploys.started(name)) == ("succeeded", True, 1), ended
