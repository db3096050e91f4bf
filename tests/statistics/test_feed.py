from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings as configured
from django.utils import timezone
from pytest_django import Settings

from albatross.edge import client_for
from albatross.models import Instance
from albatross.names import Name
from albatross.simulator import SimulatedInstance
from tests.fleet.conftest import Run, end, eventually
from tests.fleet.test_watcher import _database as database_url
from tests.statistics.conftest import NAME
from unikernels.inventory.services import reconcile
from unikernels.models import Unikernel
from unikernels.statistics.grids import find_in_tick, read_tick
from unikernels.statistics.models import Feed as Row
from unikernels.statistics.models import Tick
from unikernels.statistics.rates import Counters
from unikernels.watcher import feed as feeding
from unikernels.watcher.feed import EVICTED_WORDS, Feed, Found
from unikernels.watcher.process import Watcher
from unikernels.watcher.statistics import Statistics

pytestmark = pytest.mark.django_db(transaction=True)

HELLO = Name.parse(NAME)


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Breaks are short, and each look at the clock is ten seconds after the one before."""
    for pause in ("FIRST_PAUSE", "FIRST_EVICTED_PAUSE", "DEGRADED_PAUSE"):
        monkeypatch.setattr(feeding, pause, 0.05)
    monkeypatch.setattr(feeding, "now", itertools.count(1_000_000_000, 10).__next__)


@pytest.fixture
def read(hello: Unikernel, instance: Instance) -> Iterator[Callable[[], Feed]]:
    """Starts a feed, which ends with the test."""
    started: list[Feed] = []

    def read(*, holds: bool = True) -> Feed:
        feed = Feed(instance.pk, lambda _: holds)
        started.append(feed)
        feed.start()
        return feed

    yield read
    for feed in started:
        feed.stop()
        feed.join(5)
        assert not feed.is_alive()


Read = Callable[[], Feed]


def found(feed: Feed) -> Found:
    came = eventually(feed.take)
    assert came is not None
    return came[1]


def readers(host: SimulatedInstance) -> int:
    """How many follow the statistics of the instance."""
    return len(host._instance.backends.statistics._subscribers)


def subscribed(host: SimulatedInstance) -> int:
    """How often somebody asked for the statistics of the instance."""
    return len(host.observed.records("arrived", command="stats_subscribe"))


# --- one feed ----------------------------------------------------------------------------------------


def test_a_feed_brings_the_counters_of_everything_that_runs(read: Read, run: Run) -> None:
    feed = read()
    run("robur:other")
    assert eventually(lambda: len(found(feed)) == 2)
    counters = found(feed)[HELLO]
    assert counters.memory > 0
    assert counters.cpu > 0


def test_what_came_is_taken_once_and_the_newest_replaces_what_nobody_took() -> None:
    feed = Feed(1, lambda _: True)
    older, newer = ({HELLO: Counters(at, 1, 4096, 0, 0)} for at in (1, 2))
    feed._hand_over(older)
    feed._hand_over(newer)
    came = feed.take()
    assert came is not None
    assert came[1] == newer
    assert feed.take() is None


def test_another_reader_is_told_and_it_goes_on(read: Read, instance: Instance) -> None:
    feed = read()
    found(feed)
    with client_for(instance).statistics(Name()):
        eventually(lambda: feed.trouble == EVICTED_WORDS)
    eventually(lambda: feed.take() and not feed.trouble)


def test_two_who_want_the_same_throw_each_other_out_ever_more_rarely(
    read: Read, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    feed = read()
    found(feed)
    monkeypatch.setattr(feed._stopped, "wait", pauses.append)
    for times in range(1, 4):
        with client_for(instance).statistics(Name()):
            eventually(lambda: len(pauses) >= times)  # noqa: B023 - asked at once
        eventually(lambda: feed.take() and not feed.trouble)
    assert pauses[:3] == [0.05, 0.1, 0.2]


def test_whoever_lost_the_instance_says_nothing_of_the_one_that_took_its_place(
    hello: Unikernel, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = Feed(instance.pk, lambda _: False)
    pauses: list[float] = []
    monkeypatch.setattr(feed._stopped, "wait", pauses.append)
    feed.start()
    found(feed)
    with client_for(instance).statistics(Name()):
        eventually(lambda: pauses)
    assert feed.trouble == ""
    feed.stop()
    feed.join(5)


def test_an_instance_that_goes_and_comes_back_is_read_again(
    read: Read, host: SimulatedInstance, instance: Instance
) -> None:
    feed = read()
    found(feed)
    host.stop()
    eventually(lambda: feed.trouble)
    host.start()
    eventually(lambda: feed.take() and not feed.trouble)


def test_an_instance_that_does_not_answer_is_not_asked_by_the_feed(
    read: Read, host: SimulatedInstance, instance: Instance
) -> None:
    Instance.objects.update(status=Instance.Status.DEGRADED)
    feed = read()
    time.sleep(0.3)
    assert subscribed(host) == 0
    Instance.objects.update(status=Instance.Status.ONLINE)
    found(feed)


def test_silence_where_something_runs_makes_it_ask_again(
    read: Read, host: SimulatedInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "SILENCE", 0.2)
    end(host, NAME)
    read()
    eventually(lambda: subscribed(host) >= 2)


def test_silence_where_nothing_runs_is_as_it_should_be(
    read: Read, host: SimulatedInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "SILENCE", 0.1)
    end(host, NAME)
    Unikernel.objects.update(state=Unikernel.Presence.STOPPED)
    read()
    time.sleep(0.5)
    assert subscribed(host) == 1


def test_another_address_is_followed_to(
    read: Read, instance: Instance, monkeypatch: pytest.MonkeyPatch, host: SimulatedInstance
) -> None:
    monkeypatch.setattr(feeding, "SILENCE", 0.2)
    feed = read()
    found(feed)
    Instance.objects.update(address=instance.address.replace("127.0.0.1", "localhost"))
    eventually(lambda: subscribed(host) >= 2)
    found(feed)


# --- what the watcher makes of it --------------------------------------------------------------------


@pytest.fixture
def statistics() -> Iterator[Statistics]:
    """What a watcher has that holds everything."""
    made = Statistics(lambda _: True)
    yield made
    made.stop()


def test_what_came_is_written_with_rates(
    statistics: Statistics, hello: Unikernel, instance: Instance
) -> None:
    def ticks() -> int:
        statistics.settle([instance.pk])
        return Tick.objects.count()

    eventually(lambda: ticks() >= 2)
    last = Tick.objects.order_by("-at")[0]
    numbers = find_in_tick(bytes(last.data), hello.pk)
    assert numbers is not None
    assert numbers[1] > 0
    assert numbers[0] < 10_000


def test_an_instance_that_is_not_ours_any_more_is_left(
    statistics: Statistics, hello: Unikernel, instance: Instance, host: SimulatedInstance
) -> None:
    statistics.settle([instance.pk])
    eventually(lambda: readers(host) == 1)
    statistics.settle([])
    eventually(lambda: readers(host) == 0)


def test_why_nothing_comes_stands_in_the_row_until_something_does(
    statistics: Statistics, hello: Unikernel, instance: Instance
) -> None:
    def told() -> str:
        statistics.settle([instance.pk])
        return Row.objects.get().trouble_text

    statistics.settle([instance.pk])
    eventually(lambda: Tick.objects.exists() or told())
    with client_for(instance).statistics(Name()):
        eventually(lambda: told() == EVICTED_WORDS)
        assert Row.objects.get().trouble_since is not None
    eventually(lambda: told() == "")
    assert Row.objects.get().trouble_since is None


def test_who_does_not_hold_the_instance_writes_nothing(hello: Unikernel, instance: Instance) -> None:
    made = Statistics(lambda _: False)
    made.settle([instance.pk])
    feed = made._feeds[instance.pk]
    eventually(lambda: feed._found)
    made.settle([instance.pk])
    made.stop()
    assert not Tick.objects.exists()


def test_a_watcher_keeps_statistics_with_one_subscription(
    instance: Instance, run: Run, host: SimulatedInstance, settings: Settings
) -> None:
    settings.REDIS_URL = "unix:///nowhere/socket"  # they need no broker
    run(NAME)
    reconcile(instance)
    stop = threading.Event()
    watchers = [threading.Thread(target=Watcher(stop).run) for _ in range(2)]
    for watcher in watchers:
        watcher.start()
    try:
        eventually(lambda: Tick.objects.count() >= 2)
        assert readers(host) == subscribed(host) == 1
    finally:
        stop.set()
        for watcher in watchers:
            watcher.join(5)
    assert not any(watcher.is_alive() for watcher in watchers)
    eventually(lambda: readers(host) == 0)
    assert dict(read_tick(bytes(Tick.objects.all()[0].data)))


@pytest.mark.processes
def test_a_watcher_that_is_killed_leaves_no_subscription_and_another_goes_on(
    hello: Unikernel, host: SimulatedInstance, redis_server: str
) -> None:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "mollymawk.settings",
        "DATABASE_URL": database_url(),
        "REDIS_URL": redis_server,
    }
    process = subprocess.Popen(
        [sys.executable, "manage.py", "watch"], env=environment, cwd=configured.BASE_DIR
    )
    try:
        eventually(lambda: readers(host) == 1)
    finally:
        process.kill()
        process.wait()
    eventually(lambda: readers(host) == 0)
    Instance.objects.update(watched_until=timezone.now())  # fifteen seconds later
    stop = threading.Event()
    watcher = threading.Thread(target=Watcher(stop).run)
    watcher.start()
    try:
        eventually(lambda: Tick.objects.exists() and readers(host) == 1)
    finally:
        stop.set()
        watcher.join(5)
