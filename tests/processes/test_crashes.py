"""Whatever is killed in the middle of a deploy: it ends in the truth, and nothing is deployed twice."""

from __future__ import annotations

from typing import Any

import pytest

from tests.processes.deploys import Deploys
from tests.processes.running import Up, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

KILLED = ("worker", "watcher", "web", "broker", "beat")


@pytest.fixture(scope="module")
def deploys(up: Up) -> Deploys:
    return Deploys(up)


def story(operation: dict[str, Any]) -> str:
    """What is worth reading when it ended otherwise."""
    lines = [
        f"{event['at']} {event['was']} → {event['now']}: {event['reason']}" for event in operation["events"]
    ]
    return "\n".join([operation["verdict"]["sentence"], *lines])


@pytest.mark.parametrize("program", KILLED)
def test_a_kill_in_the_middle_of_three_deploys(deploys: Deploys, program: str) -> None:
    proving, unanswered, ignored = names = [deploys.name() for _ in range(3)]
    deploys.fault("delay", "unikernel_*create", unanswered, seconds=4)  # done, and told late
    deploys.fault("hang", "unikernel_*create", ignored)  # not done, and never told
    operations = [deploys.deploy(proving)]
    wait_for(lambda: deploys.operation(operations[0])["state"] == "prove", "the last step of the first")
    operations += [deploys.deploy(name) for name in (unanswered, ignored)]
    wait_for(lambda: deploys.started(unanswered) and deploys.arrived(ignored), "the commands")
    deploys.up.kill(program)
    for name, operation in zip(names, operations, strict=True):
        ended = deploys.end_of(operation)
        assert (ended["state"], deploys.runs(name), deploys.started(name)) == ("succeeded", True, 1), story(
            ended
        )


def test_a_kill_right_after_the_request(deploys: Deploys) -> None:
    name = deploys.name()
    operation = deploys.deploy(name)
    deploys.up.kill("worker")
    ended = deploys.end_of(operation)
    assert (ended["state"], deploys.runs(name), deploys.started(name)) == ("succeeded", True, 1), story(ended)


def test_everything_killed_at_once(deploys: Deploys) -> None:
    names = [deploys.name() for _ in range(3)]
    operations = [deploys.deploy(name) for name in names]
    wait_for(lambda: any(deploys.started(name) for name in names), "the first unikernel")
    for program in KILLED:
        deploys.up.kill(program)
    for name, operation in zip(names, operations, strict=True):
        ended = deploys.end_of(operation)
        assert (ended["state"], deploys.runs(name), deploys.started(name)) == ("succeeded", True, 1), story(
            ended
        )


def test_a_kill_in_the_middle_of_a_destroy(deploys: Deploys) -> None:
    name = deploys.name()
    deploys.end_of(deploys.deploy(name))
    deploys.fault("delay", "unikernel_destroy", name, seconds=3)
    operation = deploys.change(name, "destroy")
    wait_for(lambda: not deploys.runs(name), "the end of the unikernel")
    deploys.up.kill("worker")
    ended = deploys.end_of(operation)
    assert (ended["state"], deploys.runs(name)) == ("succeeded", False), story(ended)


def test_a_kill_in_the_middle_of_an_upgrade_and_of_its_rollback(deploys: Deploys) -> None:
    name, swap = deploys.name(), "unikernel_force_create"
    deploys.end_of(deploys.deploy(name))
    for verb, body, image in (
        ("upgrade", {"image": deploys.newer}, deploys.newer),
        ("rollback", {}, deploys.image),
    ):
        before = deploys.started(name, swap)
        deploys.fault("delay", swap, name, seconds=3)
        operation = deploys.change(name, verb, **body)
        wait_for(lambda: deploys.started(name, swap) > before, "the swap")  # noqa: B023 - used up at once
        deploys.up.kill("worker")
        ended = deploys.end_of(operation)
        assert (ended["state"], deploys.started(name, swap)) == ("succeeded", before + 1), story(ended)
        assert (deploys.runs(name), deploys.last_started(name)) == (True, image)


def test_a_failed_deploy_is_no_success_whoever_is_killed(deploys: Deploys) -> None:
    name = deploys.name()
    deploys.fault("create_fails", "unikernel_*create", name, text="no more bridges")
    deploys.fault("delay", "unikernel_*create", name, seconds=3)
    operation = deploys.deploy(name)
    wait_for(lambda: deploys.arrived(name), "the command")
    deploys.up.kill("worker")
    ended = deploys.end_of(operation)
    assert (ended["state"] == "succeeded") == deploys.runs(name), story(ended)
    assert deploys.started(name) == deploys.runs(name)
