"""The whole way: a deployed unikernel stops answering, is told down, restarted, and in the end left alone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Event
from albatross.simulator import SimulatedInstance
from tests.checks.conftest import NET
from tests.operations.conftest import QUICK, House
from unikernels.checks.restarts import MOST, NOT_RESTARTED
from unikernels.checks.services import check_add, check_change, history, restart_after_set
from unikernels.checks.tasks import sweep
from unikernels.models import Check, Operation
from unikernels.operations.machine import Kind, State

UP, DOWN = Check.State.UP, Check.State.DOWN


@pytest.fixture
def house(db: None, simulated: SimulatedInstance, settings: Any, tmp_path: Path) -> House:
    settings.OPERATION_TIMINGS = QUICK
    settings.IMAGE_DIR = tmp_path / "images"
    return House(simulated)


def sweep_now() -> None:
    """A sweep at which every check is due, and every pause between restarts is over."""
    Operation.objects.filter(kind=Kind.RESTART).update(created_at=timezone.now() - timedelta(hours=1))
    Check.objects.update(due_at=timezone.now())
    sweep()


def test_down_told_restarted_three_times_left_alone_and_up_again(
    house: House, simulated_network: str, settings: Any
) -> None:
    address = simulated_network.replace("0/24", "6")
    image = house.image({"http": {"text": "hello"}}, devices=[("service", "net")])
    unikernel = house.running(image, networks=NET, arguments=(f"--ipv4={address}/24",))
    house.simulated.wait_for_line("HTTP server", "robur:hello")
    url = f"http://{address}:8080/"
    check = check_add(actor=house.actor, unikernel=unikernel, name="web", kind="http", settings={"url": url})
    restart_after_set(actor=house.actor, unikernel=unikernel, after=2)
    sweep_now()
    assert Check.objects.get().state == UP

    settings.OPERATION_TIMINGS = QUICK | {"prove_limit": 0.3}  # it will not be proved to work
    check_change(actor=house.actor, check=check, settings={"url": url, "text": "something else"})
    started = {house.simulated.running()["robur:hello"].started}
    for number in range(1, MOST + 1):
        sweep_now()
        sweep_now()
        restart = Operation.objects.get(kind=Kind.RESTART, finished_at=None)
        assert restart.cause.startswith("Check web failed ")
        ended = house.finish(restart)
        assert (ended.state, ended.running) == (State.FAILED, "yes"), "it runs, and answers no better"
        house.simulated.wait_for_line("HTTP server", "robur:hello")
        started.add(house.simulated.running()["robur:hello"].started)
        assert len(started) == number + 1
    for _ in range(3):
        sweep_now()
    assert Operation.objects.filter(kind=Kind.RESTART).count() == MOST
    assert Event.objects.filter(kind=NOT_RESTARTED).count() == 1

    Check.objects.update(settings={"url": url, "text": "hello"})
    sweep_now()
    assert [span.state for span in history(check, 10)] == [UP, DOWN, Check.State.UNKNOWN, UP]
    told = Event.objects.filter(kind__in=("check.down", "check.up")).order_by("id")
    assert list(told.values_list("kind", flat=True)) == ["check.up", "check.down", "check.up"]
