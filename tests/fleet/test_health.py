from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import Event
from albatross.models import Incident, Instance
from albatross.simulator import SimulatedInstance
from albatross.simulator.faults import Fault, Kind
from tests.fleet.conftest import Run
from unikernels.instances.health import NotWatched, next_look
from unikernels.inventory.services import reconcile
from unikernels.models import Unikernel

pytestmark = pytest.mark.django_db

Status, Trouble = Instance.Status, Instance.Trouble


def row() -> Instance:
    return Instance.objects.get()


def told() -> list[str]:
    kinds = Event.objects.filter(kind__startswith="instance.").exclude(kind="instance.added")
    return list(kinds.order_by("id").values_list("kind", flat=True))


def test_a_look_that_succeeds_makes_an_instance_online(instance: Instance) -> None:
    before = timezone.now()
    assert reconcile(instance)
    assert row().status == Status.ONLINE
    seen_at = row().seen_at
    assert seen_at is not None
    assert seen_at >= before
    assert row().next_look_at == next_look(seen_at, settings.INVENTORY_SECONDS, instance.pk)
    assert not row().stale
    assert told() == ["instance.online"]


def test_each_instance_is_looked_at_in_a_rhythm_of_its_own() -> None:
    began, every = timezone.now(), 10.0
    moments = [next_look(began, every, key) for key in range(100)]
    waits = sorted((moment - began).total_seconds() for moment in moments)
    assert 5 <= waits[0] <= waits[-1] < 15
    assert (
        max(later - sooner for sooner, later in pairwise(waits)) < 0.3
    )  # well apart: 0.1 s would be the best
    for key, moment in enumerate(moments):
        late = moment + timedelta(seconds=1.2)
        assert abs(next_look(late, every, key) - moment - timedelta(seconds=every)) < timedelta(
            milliseconds=1
        )


def test_a_look_that_fails_makes_it_degraded_with_the_reason(
    instance: Instance, host: SimulatedInstance
) -> None:
    reconcile(instance)
    seen_at = row().seen_at
    host.stop()
    assert not reconcile(row())
    assert (row().status, row().trouble, row().failures) == (Status.DEGRADED, Trouble.NETWORK, 1)
    assert "cannot be reached" in row().trouble_text
    assert row().seen_at == seen_at
    assert row().next_look_at > timezone.now()
    assert told() == ["instance.online", "instance.degraded"]


def test_the_same_trouble_again_only_counts_up(instance: Instance, host: SimulatedInstance) -> None:
    host.stop()
    for _ in range(3):
        reconcile(row())
    incident = Incident.objects.get()
    assert (incident.trouble, incident.count, incident.ended_at) == (Trouble.NETWORK, 3, None)
    assert row().failures == 3
    assert row().degraded_since == incident.first_at
    assert told() == ["instance.degraded"]


def test_another_trouble_is_another_incident(instance: Instance, host: SimulatedInstance) -> None:
    host.faults.add(Fault(Kind.GARBAGE))
    reconcile(row())
    host.faults.add(Fault(Kind.WRONG_CERTIFICATE))
    reconcile(row())
    ended, open_ = Incident.objects.order_by("id")
    assert (ended.trouble, open_.trouble) == (Trouble.INCOMPATIBLE, Trouble.CERTIFICATE)
    assert ended.ended_at is not None
    assert open_.ended_at is None
    assert told() == ["instance.degraded", "instance.degraded"]


def test_recovery_ends_the_incident(instance: Instance, host: SimulatedInstance) -> None:
    host.stop()
    reconcile(row())
    host.start()
    reconcile(row())
    assert Incident.objects.get().ended_at is not None
    assert (row().status, row().trouble, row().failures) == (Status.ONLINE, "", 0)
    assert row().degraded_since is None
    assert told() == ["instance.degraded", "instance.recovered"]


def test_trouble_after_a_recovery_is_a_new_incident(instance: Instance, host: SimulatedInstance) -> None:
    for _ in range(2):
        host.stop()
        reconcile(row())
        host.start()
        reconcile(row())
    assert Incident.objects.count() == 2


def test_a_key_that_cannot_be_opened_is_trouble_with_the_credentials(instance: Instance) -> None:
    Instance.objects.update(sealed_key="gAAAAABnonsense")
    assert not reconcile(row())
    assert row().trouble == Trouble.CREDENTIALS


def test_what_is_known_stays_while_an_instance_cannot_be_asked(
    instance: Instance, host: SimulatedInstance, run: Run
) -> None:
    run("robur:hello")
    reconcile(instance)
    host.stop()
    for _ in range(3):
        reconcile(row())
    assert Unikernel.objects.get().state == Unikernel.Presence.RUNNING


def test_a_watcher_that_lost_the_instance_writes_nothing(instance: Instance, run: Run) -> None:
    run("robur:hello")
    Instance.objects.update(watcher="somebody else")
    with pytest.raises(NotWatched):
        reconcile(row(), watcher="me")
    assert not Unikernel.objects.exists()
    assert row().status == Status.UNKNOWN


def test_nor_does_it_write_a_failure(instance: Instance, host: SimulatedInstance) -> None:
    Instance.objects.update(watcher="somebody else")
    host.stop()
    with pytest.raises(NotWatched):
        reconcile(row(), watcher="me")
    assert not Incident.objects.exists()
