"""A simulated instance called ``earth`` with the domain ``robur``, and the cast of all tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Protocol, TypeVar

import pytest
from django.utils import timezone

from accounts.actors import COMMAND, Actor
from accounts.models import Event, Team, User
from albatross.messages import Arguments, Config, Policy, UnikernelCreate, UnikernelDestroy
from albatross.models import Instance
from albatross.names import Name
from albatross.simulator import SimulatedInstance
from albatross.simulator.images import build_image
from tests.cast import alice, bob, charlie, dave, robur, root
from unikernels.instances.services import instance_add
from unikernels.inventory import services
from unikernels.inventory.report import Report, ask
from unikernels.inventory.services import adopt, reconcile
from unikernels.models import Operation, Unikernel

__all__ = ["alice", "bob", "charlie", "dave", "robur", "root"]

POLICY = Policy(
    unikernels=8, cpuids=frozenset({0, 1}), memory=1024, block=256, bridges=frozenset({"service"})
)


T = TypeVar("T")

SMALL = Arguments(memory=16)


class Run(Protocol):
    """Starts a unikernel."""

    def __call__(self, name: str, *, arguments: Arguments = ..., says: tuple[str, ...] = ...) -> None: ...


@pytest.fixture
def host(tmp_path: Path, simulated_network: str) -> Iterator[SimulatedInstance]:
    """An instance with the domain ``robur`` and nothing running."""
    with SimulatedInstance(tmp_path / "instance", network=simulated_network) as host:
        host.grant("robur:", POLICY)
        yield host


@pytest.fixture
def instance(host: SimulatedInstance, db: None) -> Instance:
    """The row of *host*, not looked at yet."""
    return instance_add(actor=COMMAND, name="earth", **way_to(host))


@pytest.fixture
def run(host: SimulatedInstance) -> Run:
    """Starts a unikernel on the host itself, as somebody else would."""

    def run(name: str, *, arguments: Arguments = SMALL, says: tuple[str, ...] = ()) -> None:
        image = build_image(behaviour={"lines": list(says)})
        host.run(name, UnikernelCreate(Config(arguments, image=image)))

    return run


def end(host: SimulatedInstance, name: str) -> None:
    """End a unikernel on the host itself."""
    host.run(name, UnikernelDestroy())


def say(host: SimulatedInstance, name: str, *lines: str) -> None:
    """Have a unikernel print *lines*; all of them get the same time."""

    async def write() -> None:
        data = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
        host._instance.backends.consoles.write(Name.parse(name), data)

    host._call(write())


def eventually(holds: Callable[[], T], seconds: float = 10) -> T:
    """The first true answer of *holds*; fails when none comes for so long."""
    end = time.monotonic() + seconds
    while not (answer := holds()):
        assert time.monotonic() < end, "it did not become true"
        time.sleep(0.01)
    return answer


def way_to(host: SimulatedInstance) -> dict[str, str]:
    """What a superuser gives to add *host*."""
    return {
        "address": host.address,
        "server_ca": host.server_ca,
        "certificate": host.ca_pem,
        "key": host.key_pem,
    }


@pytest.fixture
def seen(instance: Instance, robur: Team, run: Run) -> Instance:
    """The instance with ``robur:hello``, which was seen."""
    run("robur:hello", arguments=Arguments(memory=16, arguments=("--name-of=it",)))
    reconcile(instance)
    return instance


@pytest.fixture
def managed(seen: Instance, dave: User) -> Instance:
    """The instance with ``robur:hello``, adopted."""
    adopt(actor=Actor(dave, "session"), unikernel=hello())
    reconcile(seen)
    return seen


def hello() -> Unikernel:
    return Unikernel.objects.get(name="hello")


def kinds() -> list[str]:
    """What happened to unikernels, oldest first."""
    return list(
        Event.objects.filter(kind__startswith="unikernel.").order_by("id").values_list("kind", flat=True)
    )


def replace(
    host: SimulatedInstance, run: Run, arguments: Arguments = SMALL, says: tuple[str, ...] = ()
) -> None:
    """Somebody else puts another ``robur:hello`` in the place of this one."""
    end(host, "robur:hello")
    run("robur:hello", arguments=arguments, says=says)


def working(unikernel: Unikernel) -> Operation:
    """An unfinished operation on it."""
    later = timezone.now() + timedelta(hours=1)
    return Operation.objects.create(
        kind="configure", unikernel=unikernel, team=unikernel.team, deadline_at=later
    )


def when_asked(monkeypatch: pytest.MonkeyPatch, then: Callable[[], None]) -> None:
    """Have *then* happen between the instance's answer and our writing."""

    def asked(instance: Instance) -> Report:
        report = ask(instance)
        then()
        return report

    monkeypatch.setattr(services, "ask", asked)
