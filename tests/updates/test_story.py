"""The whole way: a build is published, found by polling, and put in place at night by nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from accounts.actors import COMMAND
from accounts.models import Event
from albatross.messages import UnikernelDestroy
from tests.builds.conftest import build_row
from tests.updates.conftest import House, an_hour_after_opening
from unikernels.builds import polling
from unikernels.builds.simulator.publishing import publish
from unikernels.builds.simulator.seed import seed
from unikernels.builds.simulator.server import Server, serving
from unikernels.configuration import Configuration
from unikernels.inventory.services import reconcile
from unikernels.models import Builder, Operation, RollbackWindow, Standing, Unikernel
from unikernels.operations import services
from unikernels.operations.machine import State
from unikernels.operations.story import verdict
from unikernels.updates.automatic import CAUSE, begin, due, outlook
from unikernels.updates.rounds import Obstacle
from unikernels.updates.services import freeze_set, update_mode_set
from unikernels.windows import guard

JOB = "hello"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(seed()) as server:
        publish(server.catalogue, job=JOB, behaviour={"lines": ["old"]})
        yield server


@pytest.fixture
def builder(server: Server, db: None) -> Builder:
    return Builder.objects.create(name="builds", url=server.url)


Automatic = Callable[..., Unikernel]


@pytest.fixture
def automatic(house: House, server: Server, builder: Builder) -> Automatic:
    """Deploys the newest build of now under a name, to be upgraded by itself at any time."""

    def automatic(name: str = "hello") -> Unikernel:
        operation = services.deploy(
            actor=house.actor,
            team=house.team,
            instance=house.instance,
            name=name,
            image=build_row(server, builder, JOB),
            configuration=Configuration(),
            accept=["new-abi"],
        )
        operation = house.finish(operation)
        assert operation.state == State.SUCCEEDED, operation.reason
        return update_mode_set(
            actor=house.actor,
            unikernel=Unikernel.objects.select_related("team", "instance").get(operations=operation),
            mode="automatic",
            maintenance=an_hour_after_opening(),
        )

    return automatic


def a_new_build(server: Server, **behaviour: Any) -> str:
    """Publish one; the SHA-256 of its image."""
    built = publish(server.catalogue, job=JOB, behaviour=behaviour)
    assert built.main_binary is not None
    return built.main_binary.sha256


def look_around(house: House, builder: Builder) -> None:
    """What happens all the time: the inventory, and the polling."""
    reconcile(house.instance)
    Standing.objects.all().delete()
    Builder.objects.update(retry_at=None)
    polling.poll(builder.pk)


def night(house: House) -> list[Operation]:
    """A round, and what it begins brought to its end."""
    begun = [operation for pk in due() if (operation := begin(pk))]
    return [house.finish(operation) for operation in begun]


def test_a_newer_build_is_put_in_place_without_a_person(
    house: House, server: Server, builder: Builder, automatic: Automatic
) -> None:
    unikernel = automatic()
    old = house.digest()
    look_around(house, builder)
    assert night(house) == []  # nothing newer
    newest = a_new_build(server, lines=["new"])
    look_around(house, builder)
    (operation,) = night(house)
    assert operation.state == State.SUCCEEDED, operation.reason
    assert house.digest() == newest
    assert (operation.credential, operation.requested_by, operation.cause) == ("automatic", None, CAUSE)
    assert verdict(operation).tone == "ok"
    window = RollbackWindow.objects.get()
    assert (window.unikernel, window.to.digest) == (unikernel, old)
    asked = Event.objects.get(kind="operation.upgrade")
    assert (asked.credential, asked.actor) == ("automatic", None)


def test_once_it_is_in_place_nothing_more_happens(
    house: House, server: Server, builder: Builder, automatic: Automatic
) -> None:
    unikernel = automatic()
    newest = a_new_build(server, lines=["new"])
    look_around(house, builder)
    night(house)
    RollbackWindow.objects.all().delete()
    assert night(house) == []  # also before it is polled again
    look_around(house, builder)
    assert night(house) == []
    assert house.sends().count(newest) == 1
    unikernel.refresh_from_db()
    assert unikernel.standing == "current"


def test_a_bad_build_goes_back_by_itself_and_stops_the_round(
    house: House, server: Server, builder: Builder, automatic: Automatic, settings: Any
) -> None:
    settings.AUTOMATIC_AT_ONCE = 1
    first, second = automatic("first"), automatic("second")
    old = house.digest("robur:first")
    bad = a_new_build(server, exit=1, exit_after=0)
    look_around(house, builder)
    (operation,) = night(house)
    assert (operation.unikernel, operation.state) == (first, State.ROLLED_BACK)
    look_around(house, builder)
    assert night(house) == []
    assert (house.digest("robur:first"), house.digest("robur:second")) == (old, old)
    assert (house.sends("robur:first").count(bad), house.sends("robur:second").count(bad)) == (1, 0)
    assert outlook(first).text == Obstacle.TRIED
    assert outlook(second).text == Obstacle.SUSPECT


def test_one_that_ends_in_its_rollback_window_is_taken_back_and_stops_the_round(
    house: House, server: Server, builder: Builder, automatic: Automatic, settings: Any
) -> None:
    settings.AUTOMATIC_AT_ONCE = 1
    first, second = automatic("first"), automatic("second")
    old = house.digest("robur:first")
    bad = a_new_build(server, lines=["works for a while"])
    look_around(house, builder)
    (upgrade,) = night(house)
    assert (upgrade.unikernel, upgrade.state) == (first, State.SUCCEEDED)
    assert night(house) == []  # the other waits until it is certain
    house.simulated.run("robur:first", UnikernelDestroy())
    Unikernel.objects.filter(pk=first.pk).update(state=Unikernel.Presence.MISSING, started=None)
    house.finish(rollback_of_the_guard())
    assert house.digest("robur:first") == old
    look_around(house, builder)
    assert night(house) == []
    assert house.sends("robur:second").count(bad) == 0
    assert outlook(second).text == Obstacle.SUSPECT


def rollback_of_the_guard() -> Operation:
    """What the guard of the open window begins, after as many rounds as it needs to be certain."""
    begun: list[Operation | None] = []
    for _ in range(2):
        RollbackWindow.objects.update(due_at=timezone.now())
        begun = [guard.watch(pk) for pk in guard.due()]
    (operation,) = begun
    assert operation is not None
    return operation


def test_the_next_good_build_is_taken_in_the_next_window(
    house: House, server: Server, builder: Builder, automatic: Automatic
) -> None:
    unikernel = automatic()
    a_new_build(server, exit=1, exit_after=0)
    look_around(house, builder)
    night(house)
    good = a_new_build(server, lines=["mended"])
    look_around(house, builder)
    stopped = outlook(unikernel)
    assert stopped.text == Obstacle.STOPPED
    assert stopped.opens_at is not None
    operation = begin(unikernel.pk, stopped.opens_at)
    assert operation is not None
    assert house.finish(operation).state == State.SUCCEEDED
    assert house.digest() == good


def test_a_person_who_goes_back_is_not_overruled(
    house: House, server: Server, builder: Builder, automatic: Automatic
) -> None:
    unikernel = automatic()
    old = house.digest()
    a_new_build(server, lines=["not what we wanted"])
    look_around(house, builder)
    night(house)
    unikernel.refresh_from_db()
    house.finish(services.rollback(actor=house.actor, unikernel=unikernel))
    look_around(house, builder)
    assert night(house) == []
    assert house.digest() == old
    assert outlook(unikernel).text == Obstacle.TRIED


def test_a_freeze_does_not_keep_anybody_from_going_back(
    house: House, server: Server, builder: Builder, automatic: Automatic
) -> None:
    unikernel = automatic()
    old = house.digest()
    a_new_build(server, lines=["new"])
    look_around(house, builder)
    night(house)
    for team in (house.team, None):
        freeze_set(actor=COMMAND, team=team, reason="the fair")
    unikernel.refresh_from_db()
    operation = house.finish(services.rollback(actor=house.actor, unikernel=unikernel))
    assert operation.state == State.SUCCEEDED, operation.reason
    assert house.digest() == old


def test_a_builder_that_is_away_touches_nothing(
    house: House, server: Server, builder: Builder, automatic: Automatic
) -> None:
    automatic()
    old = house.digest()
    a_new_build(server, lines=["new"])
    look_around(house, builder)
    server.catalogue.vacuum(server.catalogue.builds(JOB)[0].uuid)
    (operation,) = night(house)
    assert operation.state == State.ABORTED
    assert house.digest() == old
    assert house.sends() == [old]
