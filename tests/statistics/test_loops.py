from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import Event, Team
from albatross.messages import Arguments, Config, FailBehaviour, UnikernelCreate, UnikernelRestart
from albatross.models import Instance
from albatross.simulator import SimulatedInstance
from albatross.simulator.images import build_image
from tests.fleet.conftest import eventually
from tests.statistics.conftest import NAME
from unikernels.inventory.services import reconcile
from unikernels.models import Operation, Unikernel
from unikernels.operations.machine import Kind, State
from unikernels.statistics.loops import MAX_SEEN, calm_down, started_again, within
from unikernels.statistics.models import Starts

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.get_default_timezone())


def minutes(*numbers: float) -> list[datetime]:
    """So many minutes after noon."""
    return [NOON + timedelta(minutes=number) for number in numbers]


def started(unikernel: Unikernel, *times: datetime) -> None:
    for at in times:
        started_again(unikernel, at)


def looping(unikernel: Unikernel) -> bool:
    return Starts.objects.filter(unikernel=unikernel, looping_since__isnull=False).exists()


def told() -> list[str]:
    return list(Event.objects.filter(kind__startswith="unikernel.crash").values_list("kind", flat=True))


@pytest.mark.parametrize(
    ("times", "loops"),
    [((0, 1), False), ((0, 1, 2), True), ((0, 5, 10), True), ((0, 5, 10.1), False), ((0, 9, 14, 18), True)],
)
def test_three_starts_within_ten_minutes_are_a_loop(
    hello: Unikernel, times: tuple[float, ...], loops: bool
) -> None:
    started(hello, *minutes(*times))
    assert looping(hello) is loops


def test_what_is_remembered_is_bounded() -> None:
    assert len(within([NOON.timestamp()] * 500, NOON)) == MAX_SEEN


def test_a_loop_is_told_once_and_so_is_its_end(hello: Unikernel, instance: Instance) -> None:
    started(hello, *minutes(0, 1, 2, 3, 4))
    assert told() == ["unikernel.crash-loop"]
    for at in minutes(13.9, 14.1, 30):
        calm_down(instance, at)
    assert sorted(told()) == ["unikernel.crash-loop", "unikernel.crash-loop-over"]
    assert not looping(hello)


def test_after_its_end_three_more_make_another(hello: Unikernel, instance: Instance) -> None:
    started(hello, *minutes(0, 1, 2))
    calm_down(instance, *minutes(13))
    started(hello, *minutes(14, 15))
    assert not looping(hello)
    started(hello, *minutes(16))
    assert looping(hello)


@pytest.mark.parametrize("ended", [None, NOON - timedelta(seconds=30)])
def test_starts_that_somebody_here_asked_for_are_none(
    hello: Unikernel, robur: Team, ended: datetime | None
) -> None:
    Operation.objects.create(
        unikernel=hello,
        team=robur,
        kind=Kind.RESTART,
        state=State.SUCCEEDED if ended else State.SWAP,
        credential="session",
        deadline_at=NOON,
        finished_at=ended,
    )
    started(hello, *[NOON] * 5)
    assert not looping(hello)


def test_each_look_at_an_instance_sees_starts(
    hello: Unikernel, instance: Instance, host: SimulatedInstance
) -> None:
    for _ in range(3):
        host.run(NAME, UnikernelRestart())
        eventually(lambda: _look(instance, hello))
    assert looping(hello)
    assert told() == ["unikernel.crash-loop"]


def test_a_unikernel_that_ends_at_once_is_in_a_loop_soon(instance: Instance, host: SimulatedInstance) -> None:
    image = build_image(behaviour={"exit_after": 0.05, "exit": 3})
    arguments = Arguments(memory=16, fail_behaviour=FailBehaviour(restart=True))
    host.run("robur:crashes", UnikernelCreate(Config(arguments, image=image)))

    def loops() -> bool:
        reconcile(Instance.objects.get())
        return Starts.objects.filter(looping_since__isnull=False).exists()

    eventually(loops)


def test_one_that_stays_up_is_in_none(hello: Unikernel, instance: Instance) -> None:
    for _ in range(4):
        reconcile(Instance.objects.get())
    assert not Starts.objects.exists()


def _look(instance: Instance, unikernel: Unikernel) -> bool:
    """Look once; whether another start was seen."""
    before = unikernel.started
    reconcile(Instance.objects.get())
    unikernel.refresh_from_db()
    return unikernel.started != before
