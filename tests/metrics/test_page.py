"""What monitoring reads of a house, and that it stays cheap."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.mail.services import letter_write
from accounts.models import Letter, Team, User
from albatross.models import Instance
from tests.api.house import House, instance_row, managed, runs, share, under_way
from tests.metrics.conftest import Scrape
from unikernels.alerts.models import Alert
from unikernels.metrics import processes
from unikernels.metrics.collect import page_of
from unikernels.metrics.families import ALL
from unikernels.models import Block, Builder, Check, CheckResult, Operation, Unikernel
from unikernels.operations.machine import State
from unikernels.statistics.grids import pack_tick
from unikernels.statistics.models import Starts, Tick
from unikernels.statistics.rates import Sample

pytestmark = pytest.mark.django_db

HELLO = {"albatross": "fra-1", "team": "robur", "unikernel": "robur:hello"}


def full(house: House) -> None:
    """*house* with what there rarely is."""
    now = timezone.now()
    _ = house.newer, house.window  # they are made when they are asked for
    tried(house.check, latency=0.25)
    used(house.unikernel, now)
    Builder.objects.update(seen_at=now, failures=2)
    Instance.objects.update(watcher="host:1", watched_until=now + timedelta(seconds=10))


def tried(check: Check, *, latency: float, state: str = "up") -> None:
    at = timezone.now()
    CheckResult.objects.create(check_row=check, at=at, outcome="passed", latency=latency, text="fine")
    Check.objects.filter(pk=check.pk).update(state=state)


def used(unikernel: Unikernel, at: datetime) -> None:
    sample = Sample(cpu=0.25, memory=8 * 2**20, received=100.0, sent=200.0)
    data = pack_tick({unikernel.pk: sample})
    Tick.objects.create(instance=unikernel.instance, at=int(at.timestamp()), data=data)


def test_every_metric_is_there_with_its_labels(house: House, redis_server: str, scrape: Scrape) -> None:
    full(house)
    processes.tell(processes.this("web", time.time()))
    samples = scrape()
    assert samples.names() == {family.full_name for family in ALL}
    for family in ALL:
        assert samples.labels_of(family.full_name) == {frozenset(family.labels)}, family.name


def test_a_unikernel_that_runs(house: House, scrape: Scrape) -> None:
    _ = house.newer
    samples = scrape()
    assert samples.one("mollymawk_unikernel_up", **HELLO) == 1
    assert samples.one("mollymawk_unikernel_state", **HELLO, state="running") == 1
    assert samples.one("mollymawk_unikernel_started_timestamp_seconds", **HELLO) == 1_700_000_000
    assert samples.one("mollymawk_unikernel_memory_limit_bytes", **HELLO) == 32 * 2**20
    assert samples.one("mollymawk_unikernel_standing", **HELLO, standing="update") == 1
    assert samples.one("mollymawk_unikernel_version", **HELLO) == 1
    assert samples.one("mollymawk_unikernel_unstable", **HELLO) == 0


def test_a_unikernel_that_is_missing_says_so_and_nothing_it_does_not_know(
    house: House, scrape: Scrape
) -> None:
    row = Unikernel.objects.filter(pk=house.unikernel.pk)
    row.update(state="missing", started=None, observed={}, unstable=True, current=None)
    samples = scrape()
    assert samples.one("mollymawk_unikernel_up", **HELLO) == 0
    assert samples.one("mollymawk_unikernel_state", **HELLO, state="missing") == 1
    assert samples.of("mollymawk_unikernel_state", **HELLO) == [1]
    assert samples.one("mollymawk_unikernel_unstable", **HELLO) == 1
    for name in ("started_timestamp_seconds", "memory_limit_bytes", "version", "standing"):
        assert samples.of(f"mollymawk_unikernel_{name}", **HELLO) == []


def test_what_a_unikernel_uses_is_told_while_it_is_known(house: House, scrape: Scrape) -> None:
    names = ("cpu", "memory_resident_bytes", "received_bytes_per_second", "sent_bytes_per_second")
    used(house.unikernel, timezone.now() - timedelta(seconds=20))
    samples = scrape()
    told = [samples.one(f"mollymawk_unikernel_{name}", **HELLO) for name in names]
    assert told == [0.25, 8 * 2**20, 100, 200]
    Tick.objects.update(at=int(time.time()) - 70)
    samples = scrape()
    assert [samples.of(f"mollymawk_unikernel_{name}") for name in names] == [[], [], [], []]


def test_a_crash_loop_is_seen(house: House, scrape: Scrape) -> None:
    assert scrape().one("mollymawk_unikernel_looping", **HELLO) == 0
    Starts.objects.create(unikernel=house.unikernel, looping_since=timezone.now())
    assert scrape().one("mollymawk_unikernel_looping", **HELLO) == 1


def test_what_belongs_to_nobody_has_an_empty_team(house: House, scrape: Scrape) -> None:
    wiki = {"albatross": "fra-1", "team": "", "unikernel": "legacy:wiki"}
    assert scrape().one("mollymawk_unikernel_up", **wiki) == 1


@pytest.mark.parametrize(
    ("facts", "up"),
    [
        ({"status": "online", "seen_at": timedelta()}, 1),
        ({"status": "online", "seen_at": timedelta(minutes=2)}, 0),  # nobody asked it
        ({"status": "degraded", "seen_at": timedelta()}, 0),
        ({"status": "unknown", "seen_at": None}, 0),
    ],
)
def test_an_instance_is_up_when_it_is_known_to_be(
    house: House, scrape: Scrape, facts: dict[str, timedelta | str | None], up: int
) -> None:
    age = facts["seen_at"]
    seen_at = timezone.now() - age if isinstance(age, timedelta) else None
    Instance.objects.update(status=facts["status"], seen_at=seen_at, failures=3)
    samples = scrape()
    assert samples.one("mollymawk_instance_up", albatross="fra-1") == up
    assert samples.one("mollymawk_instance_status", albatross="fra-1", status=str(facts["status"])) == 1
    assert samples.one("mollymawk_instance_failures", albatross="fra-1") == 3
    ages = samples.of("mollymawk_instance_seen_age_seconds")
    assert len(ages) == (age is not None)
    assert all(isinstance(age, timedelta) and seen >= age.total_seconds() for seen in ages)


def test_operations_are_counted_and_the_oldest_has_an_age(house: House, scrape: Scrape) -> None:
    hour_ago = timezone.now() - timedelta(hours=1)
    Operation.objects.filter(pk=house.operation.pk).update(created_at=hour_ago, due_at=hour_ago)
    for state in (State.FAILED, State.FAILED, State.SUCCEEDED):
        under_way(house.found, state=state, finished_at=hour_ago)
    samples = scrape()
    assert samples.one("mollymawk_operations", kind="restart", state="failed") == 2
    assert samples.one("mollymawk_operations", kind="restart", state="succeeded") == 1
    assert samples.one("mollymawk_operations", kind="restart", state="preflight") == 1
    assert samples.one("mollymawk_operations_under_way") == 1
    assert samples.one("mollymawk_operations_oldest_age_seconds") >= 3600
    assert samples.one("mollymawk_operations_late_seconds") >= 3600


def test_an_operation_in_somebodys_hands_is_not_late(house: House, scrape: Scrape) -> None:
    now = timezone.now()
    row = Operation.objects.filter(pk=house.operation.pk)
    row.update(due_at=now - timedelta(hours=1), lease_until=now + timedelta(minutes=1))
    assert scrape().one("mollymawk_operations_late_seconds") == 0


def test_nothing_under_way_is_nothing_old(house: House, scrape: Scrape) -> None:
    house.operation.delete()
    samples = scrape()
    assert samples.one("mollymawk_operations_under_way") == 0
    assert samples.one("mollymawk_operations_oldest_age_seconds") == 0
    assert samples.one("mollymawk_operations_late_seconds") == 0


def test_a_check_tells_its_state_and_the_latency_of_its_last_try(house: House, scrape: Scrape) -> None:
    its = HELLO | {"check": "web"}
    _ = house.check
    samples = scrape()
    assert samples.one("mollymawk_check_state", **its, state="unknown") == 1
    assert samples.of("mollymawk_check_up") == samples.of("mollymawk_check_latency_seconds") == []
    for latency, state, up in ((0.25, "up", 1), (5.0, "down", 0)):
        tried(house.check, latency=latency, state=state)
        samples = scrape()
        assert samples.one("mollymawk_check_up", **its) == up
        assert samples.one("mollymawk_check_latency_seconds", **its) == latency


def test_windows_are_counted_while_they_are_open(house: House, scrape: Scrape) -> None:
    assert scrape().one("mollymawk_rollback_windows_open") == 0
    window = house.window
    assert scrape().one("mollymawk_rollback_windows_open") == 1
    window.until = timezone.now() - timedelta(seconds=1)
    window.save()
    assert scrape().one("mollymawk_rollback_windows_open") == 0


def test_quotas_tell_what_is_used_of_what(house: House, scrape: Scrape) -> None:
    share_ = {"albatross": "fra-1", "team": "robur"}
    samples = scrape()
    for resource, used, limit in (("unikernels", 3, 4), ("memory", 96, 256), ("block", 16, 64)):
        assert samples.one("mollymawk_quota_used", **share_, resource=resource) == used
        assert samples.one("mollymawk_quota_limit", **share_, resource=resource) == limit


def test_the_limit_is_what_holds_when_less_was_observed(house: House, scrape: Scrape) -> None:
    house.instance.policies.update(memory=128, block=None)
    samples = scrape()
    assert samples.one("mollymawk_quota_limit", resource="memory") == 128
    assert samples.one("mollymawk_quota_limit", resource="block") == 0


def test_open_alerts_are_counted_by_rule(house: House, scrape: Scrape) -> None:
    now = timezone.now()
    for number, resolved_at in enumerate((None, None, now)):
        Alert.objects.create(rule="quota", subject=f"quota:{number}", resolved_at=resolved_at)
    samples = scrape()
    assert samples.one("mollymawk_alerts_open", rule="quota") == 2
    assert samples.one("mollymawk_alerts_open", rule="silent") == 0


def test_letters_that_wait_and_that_were_given_up(house: House, alice: User, scrape: Scrape) -> None:
    for _ in range(4):
        letter_write(users=[alice], topic="failed", subject="hello", text="hello\n")
    first, second, *_ = Letter.objects.all()
    Letter.objects.filter(pk=first.pk).update(sent_at=timezone.now())
    Letter.objects.filter(pk=second.pk).update(given_up_at=timezone.now())
    samples = scrape()
    assert samples.one("mollymawk_letters_waiting") == 2
    assert samples.one("mollymawk_letters_given_up") == 1


def test_messages_to_webhooks_that_nobody_sends_are_seen(house: House, scrape: Scrape) -> None:
    assert scrape().one("mollymawk_webhook_deliveries_late_seconds") == 0
    overdue = timezone.now() - timedelta(minutes=5)
    type(house.delivery).objects.update(due_at=overdue)
    assert scrape().one("mollymawk_webhook_deliveries_late_seconds") >= 300


def test_watchers_are_seen_by_the_leases_they_hold(house: House, scrape: Scrape) -> None:
    now = timezone.now()
    soon = now + timedelta(seconds=10)
    for name, watcher, until in (
        ("a", "host:1", soon),
        ("b", "host:1", soon),
        ("c", "host:2", soon),
        ("d", "gone:3", now - timedelta(seconds=1)),
    ):
        instance_row(name)
        Instance.objects.filter(name=name).update(watcher=watcher, watched_until=until)
    samples = scrape()
    assert samples.one("mollymawk_watcher_instances", watcher="host:1") == 2
    assert samples.one("mollymawk_watcher_instances", watcher="host:2") == 1
    assert samples.one("mollymawk_instances_unwatched") == 2, "fra-1 and d"
    assert samples.of("mollymawk_watcher_instances", watcher="gone:3") == []


def test_checks_that_nobody_asks_are_late(house: House, scrape: Scrape) -> None:
    assert scrape().one("mollymawk_checks_late_seconds") == 0
    Check.objects.filter(pk=house.check.pk).update(due_at=timezone.now() - timedelta(minutes=5))
    assert scrape().one("mollymawk_checks_late_seconds") >= 300


def test_an_empty_house_has_a_page_too(db: None, scrape: Scrape) -> None:
    assert scrape().one("mollymawk_operations_under_way") == 0


@contextmanager
def counted() -> Iterator[CaptureQueriesContext]:
    with CaptureQueriesContext(connection) as queries:
        yield queries


@pytest.mark.parametrize("of_team", [True, False])
def test_the_number_of_queries_does_not_grow(house: House, charlie: User, of_team: bool) -> None:
    full(house)
    team = house.team if of_team else None
    with counted() as few:
        before = page_of(team)
    _grow(house, charlie.personal_team)
    with counted() as many:
        after = page_of(team)
    assert len(after) > 2 * len(before)
    assert len(many) == len(few) <= 20


def _grow(house: House, other: Team) -> None:
    """More of everything that has rows of its own on the page."""
    for number in range(5):
        place = instance_row(f"more-{number}")
        share(house.team, place)
        share(other, place)
        Builder.objects.create(name=f"builder-{number}", url=f"https://{number}.example.org")
        Block.objects.create(instance=place, team=house.team, path="robur", name="data", size=1)
        for name in ("one", "two"):
            unikernel = runs(house.team, place, house.image.image, name)
            managed(unikernel, house.image.image)
            under_way(unikernel)
            check = Check.objects.create(unikernel=unikernel, name="web", kind="tcp", settings={})
            tried(check, latency=0.1)
