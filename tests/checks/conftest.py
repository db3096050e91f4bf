"""What the tests of checks share: addresses of this worker, what may be reached, a team with a unikernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from accounts.actors import Actor
from accounts.models import Team, User
from albatross import messages as m
from albatross.models import Instance
from albatross.simulator import SimulatedInstance, build_image
from unikernels.checks import probes
from unikernels.checks.addresses import Reach
from unikernels.checks.probes import Found
from unikernels.checks.settings import parse
from unikernels.models import Check, Unikernel

Probe = Callable[..., Found]
NET = (m.NetDevice("service"),)


@pytest.fixture
def here(simulated_network: str) -> str:
    """An address of this worker that no simulated unikernel takes by itself."""
    return simulated_network.replace("0/24", "201")


@pytest.fixture
def reach(simulated_network: str) -> Reach:
    return Reach(simulated=(ip_network(simulated_network),))


@pytest.fixture
def ask(reach: Reach) -> Probe:
    """``ask(kind, timeout=…, reach=…, **settings)``: one try of a check that is described so."""

    def ask(kind: str, timeout: float = 5.0, reach: Reach = reach, **settings: Any) -> Found:
        return probes.probe(parse(kind, settings), reach, timeout)

    return ask


@pytest.fixture
def instance(db: None) -> Instance:
    return Instance.objects.create(name="fra-1", address="127.0.0.1:1", check_networks=["10.0.0.0/24"])


@pytest.fixture
def unikernel(instance: Instance, robur: Team) -> Unikernel:
    """A running unikernel of robur."""
    return Unikernel.objects.create(
        instance=instance, team=robur, path="robur", name="hello", state=Unikernel.Presence.RUNNING
    )


@pytest.fixture
def deployer(dave: User) -> Actor:
    return Actor(dave, "session")


@pytest.fixture
def simulated(tmp_path: Path, simulated_network: str) -> Iterator[SimulatedInstance]:
    with SimulatedInstance(tmp_path / "instance", network=simulated_network) as running:
        yield running


def start(simulated: SimulatedInstance, address: str, behaviour: dict[str, Any]) -> None:
    """Run a unikernel with *behaviour* on *address*, and wait until it serves."""
    name = f"robur:at-{address.rpartition('.')[2]}"
    image = build_image(devices=[("service", "net")], behaviour=behaviour)
    arguments = m.Arguments(bridges=NET, arguments=(f"--ipv4={address}/24",))
    config = m.Config(arguments, image=image)
    simulated.run(name, m.UnikernelCreate(config))
    simulated.wait_for_line("HTTP server" if "http" in behaviour else "DNS server", name)


def check_of(unikernel: Unikernel, name: str, kind: str, **settings: Any) -> Check:
    """A check as it is stored, without asking any service."""
    return Check.objects.create(
        unikernel=unikernel, name=name, kind=kind, settings=parse(kind, settings).to_json()
    )
