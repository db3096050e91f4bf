from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings as configured
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from accounts.actors import COMMAND
from accounts.models import Quota, Team
from albatross.models import Instance
from albatross.simulator import SimulatedInstance
from albatross.simulator.faults import Fault, Kind
from tests.fleet.conftest import Run, eventually, way_to
from unikernels.consoles.services import history
from unikernels.consoles.streams import wanted
from unikernels.instances.services import instance_add
from unikernels.inventory.services import reconcile
from unikernels.models import Unikernel
from unikernels.watcher import looks
from unikernels.watcher.leases import Leases
from unikernels.watcher.looks import Looks
from unikernels.watcher.presence import announce, leave
from unikernels.watcher.process import Watcher
from unikernels.watcher.shares import LEASE, RENEWAL

pytestmark = pytest.mark.django_db(transaction=True)

Status = Instance.Status


def row() -> Instance:
    return Instance.objects.get(name="earth")


# --- leases ------------------------------------------------------------------------------------------


@pytest.fixture
def three(db: None) -> list[Instance]:
    """Three instances that nobody watches."""
    return [Instance.objects.create(name=name, address="127.0.0.1:1") for name in ("a", "b", "c")]


def held(leases: Leases) -> set[int]:
    return {row.pk for row in leases.settle()}


def test_a_watcher_takes_what_is_free_and_keeps_it(three: list[Instance]) -> None:
    first, second = Leases("first"), Leases("second")
    assert held(first) == {instance.pk for instance in three}
    assert held(second) == set()
    assert held(first) == {instance.pk for instance in three}


def test_what_a_dead_watcher_held_is_taken_once_its_lease_is_over(three: list[Instance]) -> None:
    held(Leases("dead"))
    Instance.objects.update(watched_until=timezone.now() - timedelta(seconds=1))
    assert len(held(Leases("alive"))) == 3


def test_a_lease_is_renewed_in_time(three: list[Instance]) -> None:
    leases = Leases("me")
    leases.settle()
    Instance.objects.update(watched_until=timezone.now() + LEASE - RENEWAL)
    leases.settle()
    soon = timezone.now() + LEASE - RENEWAL
    assert not Instance.objects.filter(watched_until__lt=soon).exists()


def test_who_slept_through_its_lease_does_not_renew_it(three: list[Instance]) -> None:
    sleeper = Leases("sleeper")
    sleeper.settle()
    Instance.objects.update(watched_until=timezone.now() - timedelta(seconds=1))
    held(Leases("alive"))
    assert held(sleeper) == set()
    assert set(Instance.objects.values_list("watcher", flat=True)) == {"alive"}


def test_two_watchers_come_to_share(three: list[Instance]) -> None:
    first, second = Leases("first"), Leases("second")
    held(first)
    first.watchers = second.watchers = 2
    assert len(held(first)) == 2
    assert len(held(second)) == 1
    assert len(held(first)) == 2


def test_who_ends_gives_everything_back(three: list[Instance]) -> None:
    first = Leases("first")
    first.settle()
    first.release()
    assert len(held(Leases("second"))) == 3


def test_two_threads_race_and_each_instance_has_one_winner(three: list[Instance]) -> None:
    found: dict[str, set[int]] = {}
    start = threading.Barrier(4)

    def race(name: str) -> None:
        start.wait()
        found[name] = held(Leases(name))
        connections.close_all()

    threads = [threading.Thread(target=race, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(pk for pks in found.values() for pk in pks) == sorted(instance.pk for instance in three)


def test_watchers_know_how_many_they_are(redis_server: str) -> None:
    assert announce("a") == 1
    assert announce("b") == 2
    assert announce("b") == 2
    leave("a")
    assert announce("b") == 1


# --- looks -------------------------------------------------------------------------------------------


def look(watcher: str = "me") -> None:
    """One round of looks, to its end."""
    round_ = Looks(watcher)
    round_.begin(Leases(watcher).settle())
    round_.wait(10)


def test_a_look_writes_what_runs(instance: Instance, run: Run) -> None:
    run("robur:hello")
    look()
    assert Unikernel.objects.get().name == "hello"
    assert row().status == Status.ONLINE


def test_nobody_looks_before_the_time(instance: Instance, host: SimulatedInstance) -> None:
    look()
    before = len(host.observed.records("arrived"))
    look()
    assert len(host.observed.records("arrived")) == before


def test_a_pause_after_trouble_is_kept(instance: Instance, host: SimulatedInstance) -> None:
    host.stop()
    look()
    assert row().status == Status.DEGRADED
    host.start()
    look()
    assert row().status == Status.DEGRADED
    Instance.objects.update(next_look_at=timezone.now())
    look()
    assert row().status == Status.ONLINE


def test_an_instance_that_hangs_keeps_no_other_waiting(
    instance: Instance, simulated_network: str, tmp_path: Path
) -> None:
    round_ = Looks("me")
    with SimulatedInstance(tmp_path / "hanging", network=simulated_network) as hanging:
        instance_add(actor=COMMAND, name="dark", **way_to(hanging))
        hanging.faults.add(Fault(Kind.HANG, times=None))
        round_.begin(Leases("me").settle())
        eventually(lambda: row().status == Status.ONLINE)
        assert Instance.objects.get(name="dark").status == Status.UNKNOWN
    round_.wait(10)
    assert Instance.objects.get(name="dark").status == Status.DEGRADED


def test_one_instance_is_looked_at_once_at_a_time(instance: Instance, host: SimulatedInstance) -> None:
    host.faults.add(Fault(Kind.DELAY, command="policy_info", seconds=0.5))
    round_ = Looks("me")
    rows = Leases("me").settle()
    for _ in range(3):
        round_.begin(rows)
    eventually(lambda: row().status == Status.ONLINE)
    assert len(host.observed.records("arrived", command="unikernel_info")) == 2  # one when it was added


def test_after_a_look_what_is_pending_is_applied(
    instance: Instance, robur: Team, host: SimulatedInstance
) -> None:
    quota = Quota.objects.create(team=robur, instance=instance, unikernels=3, memory=64, cpuids=[0])
    Quota.objects.update(changed_at=timezone.now() - timedelta(minutes=2))
    look()
    assert Quota.objects.get().state == Quota.State.APPLIED
    assert host.policies()["robur:"] == quota.policy()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mistake_of_ours_is_not_repeated_every_second(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistake(_pk: int, _watcher: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(looks, "look", mistake)
    look()
    assert row().next_look_at > timezone.now() + timedelta(seconds=30)


# --- the whole ---------------------------------------------------------------------------------------


@pytest.fixture
def watch(redis_server: str) -> Iterator[Callable[[], threading.Event]]:
    """Starts a watcher in a thread; the event ends it, and so does the end of the test."""
    running: list[tuple[threading.Event, threading.Thread]] = []

    def watch() -> threading.Event:
        stop = threading.Event()
        thread = threading.Thread(target=Watcher(stop).run)
        running.append((stop, thread))
        thread.start()
        return stop

    yield watch
    for stop, thread in running:
        stop.set()
        thread.join(5)
        assert not thread.is_alive()


Watch = Callable[[], threading.Event]


def test_a_watcher_sees_what_happens(instance: Instance, run: Run, watch: Watch) -> None:
    watch()
    eventually(lambda: row().status == Status.ONLINE)
    run("robur:hello")
    Instance.objects.update(next_look_at=timezone.now())
    eventually(Unikernel.objects.exists)


def test_a_console_is_followed_because_somebody_reads_it(instance: Instance, run: Run, watch: Watch) -> None:
    run("robur:hello", says=("good morning",))
    reconcile(instance)
    unikernel = Unikernel.objects.get()
    watch()
    eventually(lambda: row().watcher)
    assert eventually(lambda: [line.text for line in history(unikernel, 1)]) == ["good morning"]
    assert wanted() == {unikernel.pk}


def test_a_second_watcher_takes_over_from_one_that_ends(instance: Instance, watch: Watch) -> None:
    first = watch()
    before = eventually(lambda: row().watcher)
    watch()
    first.set()
    eventually(lambda: row().watcher not in {"", before})


def test_without_a_broker_instances_are_watched_all_the_same(
    instance: Instance, watch: Watch, settings: Settings
) -> None:
    settings.REDIS_URL = "unix:///nowhere/socket"
    watch()
    eventually(lambda: row().status == Status.ONLINE)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_when_a_part_of_it_ends_the_process_ends_with_an_error(
    redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistake(_self: Leases) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Leases, "settle", mistake)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(CommandError, match="ended by itself"):
        call_command("watch")


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_process_ends_and_another_goes_on(
    instance: Instance, redis_server: str, watch: Watch, number: signal.Signals
) -> None:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "mollymawk.settings",
        "DATABASE_URL": _database(),
        "REDIS_URL": redis_server,
    }
    process = subprocess.Popen(
        [sys.executable, "manage.py", "watch"], env=environment, cwd=configured.BASE_DIR
    )
    try:
        before = eventually(lambda: row().watcher, 60)  # a busy machine takes its time to start it
        eventually(lambda: row().status == Status.ONLINE)
        process.send_signal(number)
        assert process.wait(15) == (-9 if number == signal.SIGKILL else 0)
    finally:
        process.kill()
        process.wait()
    if number == signal.SIGKILL:
        assert row().watcher == before
        Instance.objects.update(watched_until=timezone.now())  # its lease is over
    else:
        assert row().watcher == ""
    watch()
    assert eventually(lambda: row().watcher) != ""


def _database() -> str:
    """The URL of the database of this test."""
    engine, name, user, host = (
        str(configured.DATABASES["default"][key]) for key in ("ENGINE", "NAME", "USER", "HOST")
    )
    if engine.endswith("sqlite3"):
        return f"sqlite:///{name}"
    return f"postgres://{user}@{quote(host, safe='')}/{name}"
