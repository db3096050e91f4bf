"""Builds of a builder-web server: deployed and upgraded to, with the download as a step that can fail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mollymawk.errors import Refused
from tests.builds.conftest import build_row
from tests.operations.conftest import House
from unikernels.builds.simulator.faults import Kind
from unikernels.builds.simulator.publishing import publish
from unikernels.builds.simulator.seed import seed
from unikernels.builds.simulator.server import Server, serving
from unikernels.configuration import Configuration
from unikernels.images import store
from unikernels.models import Build, Builder, Operation, Unikernel, Version
from unikernels.operations import runner, services
from unikernels.operations.machine import State

JOB = "hello"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(seed()) as server:
        publish(server.catalogue, job=JOB, behaviour={"lines": ["one"]}, devices=())
        publish(server.catalogue, job=JOB, behaviour={"lines": ["two"]}, devices=())
        yield server


@pytest.fixture
def builder(server: Server, db: None) -> Builder:
    return Builder.objects.create(name="builds", url=server.url)


@pytest.fixture
def older(server: Server, builder: Builder) -> Build:
    return build_row(server, builder, JOB, 1)


@pytest.fixture
def newer(server: Server, builder: Builder) -> Build:
    return build_row(server, builder, JOB, 0)


def deploy(house: House, build: Build) -> Operation:
    return services.deploy(
        actor=house.actor,
        team=house.team,
        instance=house.instance,
        name="hello",
        image=build,
        configuration=Configuration(),
        accept=["new-abi"],
    )


@pytest.fixture
def deployed(house: House, older: Build) -> Unikernel:
    operation = house.finish(deploy(house, older))
    assert operation.state == State.SUCCEEDED, operation.reason
    return Unikernel.objects.get(operations=operation)


def upgrade(house: House, thing: Unikernel, build: Build) -> Operation:
    return services.upgrade(actor=house.actor, unikernel=thing, to=build, accept=["new-abi"])


def test_a_build_is_downloaded_verified_and_deployed(house: House, deployed: Unikernel, older: Build) -> None:
    assert house.digest() == older.digest
    version = deployed.versions.get()
    assert (version.origin, version.build) == (Version.Origin.BUILD, older)
    assert version.image is not None
    assert store.held(older.digest)


def test_an_upgrade_to_a_build_goes_in_place(house: House, deployed: Unikernel, newer: Build) -> None:
    operation = house.finish(upgrade(house, deployed, newer))
    assert operation.state == State.SUCCEEDED, operation.reason
    assert house.digest() == newer.digest
    assert operation.memo["fetched"] == operation.memo["fetch_size"] > 0


@pytest.mark.parametrize(
    "fault",
    [Kind.NOT_FOUND, Kind.ERROR, Kind.CUT, Kind.WRONG_HASH, Kind.CORRUPT, Kind.WRONG_LENGTH, Kind.NOT_ELF],
)
def test_what_the_builder_does_wrong_touches_nothing(
    house: House, deployed: Unikernel, newer: Build, server: Server, fault: Kind
) -> None:
    before, sends = house.digest(), house.sends()
    server.faults.add(fault, "*/main-binary", times=None)
    server.faults.add(fault, "*/f/bin/*", times=None)
    operation = house.finish(upgrade(house, deployed, newer))
    assert operation.state == State.ABORTED
    assert operation.reason
    assert (house.digest(), house.sends()) == (before, sends)
    assert not store.held(newer.digest)


def test_a_builder_that_fails_once_is_asked_again(
    house: House, deployed: Unikernel, newer: Build, server: Server
) -> None:
    server.faults.add(Kind.ERROR, "*/main-binary", times=1)
    assert house.finish(upgrade(house, deployed, newer)).state == State.SUCCEEDED


def test_a_rollback_needs_no_builder(
    house: House, deployed: Unikernel, newer: Build, older: Build, server: Server
) -> None:
    house.finish(upgrade(house, deployed, newer))
    asked = len(server.requests)
    server.faults.add(Kind.ERROR, "*", times=None)
    operation = house.finish(services.rollback(actor=house.actor, unikernel=deployed))
    assert operation.state == State.SUCCEEDED, operation.reason
    assert house.digest() == older.digest
    assert len(server.requests) == asked


def test_a_build_with_other_devices_is_refused_before_it_is_downloaded(
    house: House, deployed: Unikernel, server: Server, builder: Builder
) -> None:
    publish(server.catalogue, job=JOB, behaviour={}, devices=(("service", "net"),))
    build = build_row(server, builder, JOB, 0)
    with pytest.raises(Refused) as refused:
        upgrade(house, deployed, build)
    assert "network device 'service'" in refused.value.reasons[0]
    assert not store.held(build.digest)


def test_what_the_builder_does_not_tell_is_checked_once_it_is_here(
    house: House, deployed: Unikernel, server: Server, builder: Builder
) -> None:
    publish(server.catalogue, job=JOB, behaviour={}, devices=(("service", "net"),))
    build = build_row(server, builder, JOB, 0)
    Build.objects.filter(pk=build.pk).update(devices=None, abi_version=None, target="")
    build.refresh_from_db()
    sends = house.sends()
    operation = house.finish(upgrade(house, deployed, build))
    assert operation.state == State.ABORTED
    assert "network device 'service'" in operation.reason
    assert house.sends() == sends


def test_bytes_that_were_let_go_are_downloaded_again(
    house: House, deployed: Unikernel, newer: Build, older: Build
) -> None:
    house.finish(upgrade(house, deployed, newer))
    store.remove(older.digest)
    Version.objects.filter(number=1).update(image=None)
    deployed.refresh_from_db()
    version: Any = deployed.versions.get(number=1)
    operation = house.finish(services.upgrade(actor=house.actor, unikernel=deployed, to=version))
    assert operation.state == State.SUCCEEDED, operation.reason
    assert house.digest() == older.digest


def test_a_worker_for_steps_leaves_downloads_to_the_background(
    house: House, deployed: Unikernel, newer: Build
) -> None:
    operation = upgrade(house, deployed, newer)
    while not runner.downloads(operation.pk):
        assert runner.advance(operation.pk, downloads=False) is not None
    assert runner.advance(operation.pk, downloads=False) == 0
    operation.refresh_from_db()
    assert operation.state == State.FETCH
    assert not store.held(newer.digest)
    assert house.finish(operation).state == State.SUCCEEDED
