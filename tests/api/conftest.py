"""The house and its callers."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from accounts.models import Role, Team, User
from albatross.simulator import SimulatedInstance
from tests.api.caller import Caller
from tests.api.house import House
from tests.api.world import QUICK, World, settle
from tests.cast import ApiOf, TokenOf
from unikernels.builds.simulator.seed import seed
from unikernels.builds.simulator.server import Server, serving
from unikernels.consoles import streams
from unikernels.models import Builder


@pytest.fixture
def house(robur: Team, settings: Any, tmp_path: Path) -> House:
    settings.IMAGE_DIR = tmp_path / "images"
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    return House(robur)


@pytest.fixture
def deployer(house: House, robot: Caller) -> Caller:
    """A program with a deployer's token, in the house."""
    return robot


@pytest.fixture
def viewer(house: House, bob: User, token_of: TokenOf, api_of: ApiOf) -> Caller:
    """A program with a viewer's token."""
    return Caller(api_of(token_of(bob, Role.VIEWER)))


@pytest.fixture
def watched(house: House, redis_server: str) -> str:
    """A watcher follows the console of the house's unikernel."""
    streams.set_state(house.unikernel.pk, streams.FOLLOWING)
    return redis_server


@pytest.fixture
def simulated(tmp_path: Path, simulated_network: str) -> Iterator[SimulatedInstance]:
    """An instance on a real socket."""
    with SimulatedInstance(tmp_path / "instance", network=simulated_network) as instance:
        yield instance


@pytest.fixture
def world(robur: Team, simulated: SimulatedInstance, robot: Caller, quick: Path) -> World:
    """The team with a quota on the simulated instance."""
    return World(robur, settle(simulated, robur), robot)


@pytest.fixture
def builds() -> Iterator[Server]:
    """A small builder-web on a real socket."""
    with serving(seed()) as server:
        yield server


@pytest.fixture
def builder(builds: Server, db: None) -> Builder:
    """The small builder-web as a row."""
    return Builder.objects.create(name="builds", url=builds.url)


@pytest.fixture
def robot(dave: User, token_of: TokenOf, api_of: ApiOf) -> Caller:
    """A program with a deployer's token."""
    return Caller(api_of(token_of(dave, Role.DEPLOYER)))


@pytest.fixture
def quick(settings: Any, tmp_path: Path) -> Path:
    """Operations that do not wait for long, and a store of their own."""
    settings.OPERATION_TIMINGS = QUICK
    settings.IMAGE_DIR = tmp_path / "images"
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    return tmp_path


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no network: whoever is dialled refuses, no name is known. No watcher is waited for."""
    monkeypatch.setattr("unikernels.consoles.services.PATIENCE", 0)
    dial = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.family == socket.AF_UNIX:
            return dial(self, address)
        raise ConnectionRefusedError(111, "Connection refused")

    def resolve(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.fixture
def quiet() -> Iterator[None]:
    """Requests without a client around them: they keep the connection of the test, and log nothing."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
    for signal in signals:
        signal.connect(close_old_connections)
