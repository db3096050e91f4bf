from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actors import Actor
from accounts.models import Event, Team, User
from albatross.messages import (
    RESTART_ANY,
    Arguments,
    Policy,
)
from albatross.models import Instance
from albatross.simulator import SimulatedInstance
from tests.fleet.conftest import Run, end, hello, kinds, replace, when_asked, working
from unikernels.inventory.observed import observed_of, write_observed
from unikernels.inventory.services import adopt, reconcile
from unikernels.models import Operation, Unikernel, Version

pytestmark = pytest.mark.django_db

Presence = Unikernel.Presence


# --- appearing ---------------------------------------------------------------------------------------


def test_what_runs_in_the_domain_of_a_team_becomes_its_unikernel(
    instance: Instance, robur: Team, run: Run
) -> None:
    run("robur:hello", arguments=Arguments(memory=24, cpuids=frozenset({1}), arguments=("--key=secret",)))
    assert reconcile(instance)
    row = hello()
    assert (row.team, row.path, row.state, row.current) == (robur, "robur", Presence.RUNNING, None)
    assert row.observed["memory"] == 24
    assert kinds() == ["unikernel.appeared"]
    assert Event.objects.get(kind="unikernel.appeared").team == robur


def test_what_runs_in_a_domain_of_no_team_is_unmanaged(instance: Instance, run: Run) -> None:
    run("other:hello")
    run(":rootless")
    reconcile(instance)
    assert {(row.path, row.name, row.team) for row in Unikernel.objects.all()} == {
        ("other", "hello", None),
        ("", "rootless", None),
    }


def test_a_deeper_path_belongs_to_the_team_of_its_first_label(
    instance: Instance, robur: Team, run: Run
) -> None:
    run("robur:sub:hello")
    reconcile(instance)
    assert (hello().team, hello().path) == (robur, "robur:sub")


def test_a_team_made_later_gets_what_runs_in_its_domain(instance: Instance, run: Run) -> None:
    run("late:hello")
    reconcile(instance)
    team = Team.objects.create(name="late", domain="late")
    reconcile(instance)
    assert hello().team == team


def test_the_report_can_be_read_back_from_the_row(
    instance: Instance, host: SimulatedInstance, run: Run
) -> None:
    run(
        "robur:hello", arguments=Arguments(memory=16, arguments=("--key=secret",), fail_behaviour=RESTART_ANY)
    )
    reconcile(instance)
    assert observed_of(hello()) == host.running()["robur:hello"]


def test_no_argument_stands_in_the_database_in_clear(instance: Instance, run: Run) -> None:
    run("robur:hello", arguments=Arguments(memory=16, arguments=("--key=topsecret",)))
    reconcile(instance)
    assert "topsecret" not in str(Unikernel.objects.values().get())
    assert "topsecret" not in str(list(Event.objects.values()))


# --- costing nothing ---------------------------------------------------------------------------------


def test_a_hundred_unchanged_unikernels_write_nothing_but_the_instance(
    instance: Instance, host: SimulatedInstance, robur: Team, run: Run
) -> None:
    host.grant("robur:", Policy(1000, frozenset({0}), 100_000, None, frozenset()))
    for number in range(100):
        run(f"robur:u{number}", arguments=Arguments(memory=4))
    reconcile(instance)
    with CaptureQueriesContext(connection) as queries:
        assert reconcile(Instance.objects.get())
    writes = [query["sql"] for query in queries if query["sql"].split()[0] in {"INSERT", "UPDATE", "DELETE"}]
    assert len(writes) == 1
    assert writes[0].startswith('UPDATE "albatross_instance"')
    assert len(queries) <= 12
    whole = re.compile('SELECT "unikernels_unikernel".*sealed_arguments')
    assert not any(whole.match(query["sql"]) for query in queries)


def test_one_look_is_three_commands(instance: Instance, host: SimulatedInstance, run: Run) -> None:
    for number in range(5):
        run(f"robur:u{number}")
    before = len(host.observed.records("arrived"))
    reconcile(instance)
    asked = host.observed.records("arrived")[before:]
    assert sorted(record.command for record in asked) == ["block_info", "policy_info", "unikernel_info"]
    assert {record.name for record in asked} == {":"}


def test_one_change_among_many_is_one_write_more(
    instance: Instance, host: SimulatedInstance, run: Run
) -> None:
    for number in range(6):
        run(f"robur:u{number}")
    run("robur:hello")
    reconcile(instance)
    replace(host, run)
    with CaptureQueriesContext(connection) as queries:
        reconcile(Instance.objects.get())
    assert sum(query["sql"].startswith('UPDATE "unikernels_unikernel"') for query in queries) == 1


# --- going -------------------------------------------------------------------------------------------


def test_what_two_looks_do_not_show_is_missing(seen: Instance, host: SimulatedInstance) -> None:
    end(host, "robur:hello")
    reconcile(seen)
    assert hello().state == Presence.RUNNING
    reconcile(seen)
    assert hello().state == Presence.MISSING
    assert observed_of(hello()) is None
    assert kinds() == ["unikernel.appeared", "unikernel.missing"]


def test_missing_is_told_once(seen: Instance, host: SimulatedInstance) -> None:
    end(host, "robur:hello")
    for _ in range(4):
        reconcile(seen)
    assert kinds().count("unikernel.missing") == 1


def test_a_restart_between_two_looks_is_nothing_to_tell(
    seen: Instance, host: SimulatedInstance, run: Run
) -> None:
    end(host, "robur:hello")
    reconcile(seen)
    run("robur:hello")
    reconcile(seen)
    assert hello().state == Presence.RUNNING
    assert kinds() == ["unikernel.appeared"]


def test_what_was_missing_and_runs_again_returned(seen: Instance, host: SimulatedInstance, run: Run) -> None:
    end(host, "robur:hello")
    reconcile(seen)
    reconcile(seen)
    run("robur:hello")
    reconcile(seen)
    assert hello().state == Presence.RUNNING
    assert kinds()[-1] == "unikernel.returned"


def test_what_we_stopped_is_not_missing(seen: Instance, host: SimulatedInstance) -> None:
    Unikernel.objects.update(state=Presence.STOPPED)
    end(host, "robur:hello")
    reconcile(seen)
    reconcile(seen)
    assert hello().state == Presence.STOPPED


def test_what_we_stopped_and_somebody_started_returned(seen: Instance) -> None:
    Unikernel.objects.update(state=Presence.STOPPED)
    reconcile(seen)
    assert hello().state == Presence.RUNNING
    assert kinds()[-1] == "unikernel.returned"


def test_what_is_nobodys_and_gone_is_forgotten(instance: Instance, host: SimulatedInstance, run: Run) -> None:
    run("other:hello")
    reconcile(instance)
    end(host, "other:hello")
    reconcile(instance)
    reconcile(instance)
    assert not Unikernel.objects.exists()
    assert kinds() == ["unikernel.appeared", "unikernel.gone"]


def test_one_that_may_exit_has_ended_and_is_not_missing(
    seen: Instance, host: SimulatedInstance, dave: User
) -> None:
    version = adopt(actor=Actor(dave, "session"), unikernel=hello())
    Version.objects.filter(pk=version.pk).update(configuration=version.configuration | {"may_exit": True})
    reconcile(seen)
    end(host, "robur:hello")
    reconcile(seen)
    reconcile(seen)
    assert hello().state == Presence.STOPPED
    assert kinds()[-1] == "unikernel.ended"


# --- changing outside --------------------------------------------------------------------------------


def test_what_was_adopted_is_as_asked(managed: Instance) -> None:
    assert not hello().changed_outside
    assert kinds()[-1] == "unikernel.adopted"


def test_a_restart_outside_changes_nothing_that_was_asked(
    managed: Instance, host: SimulatedInstance, run: Run
) -> None:
    replace(host, run, Arguments(memory=16, arguments=("--name-of=it",)))
    before = hello().started
    reconcile(managed)
    assert not hello().changed_outside
    assert hello().started != before


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"arguments": Arguments(memory=17, arguments=("--name-of=it",))}, "memory"),
        ({"arguments": Arguments(memory=16, arguments=("--other",))}, "arguments"),
        (
            {"arguments": Arguments(memory=16, arguments=("--name-of=it",)), "says": ("another image",)},
            "digest",
        ),
    ],
)
def test_another_image_or_configuration_was_changed_outside(
    managed: Instance,
    host: SimulatedInstance,
    run: Run,
    other: dict[str, Any],
    field: str,
) -> None:
    replace(host, run, **other)
    reconcile(managed)
    reconcile(managed)
    assert hello().changed_outside
    assert Event.objects.get(kind="unikernel.changed_outside").data == {"fields": [field]}


def test_what_is_equal_again_is_cleared(managed: Instance, host: SimulatedInstance, run: Run) -> None:
    replace(host, run)
    reconcile(managed)
    replace(host, run, Arguments(memory=16, arguments=("--name-of=it",)))
    reconcile(managed)
    assert not hello().changed_outside
    assert kinds()[-2:] == ["unikernel.changed_outside", "unikernel.as_asked"]


def test_a_version_made_by_an_operation_is_compared_at_the_next_look(managed: Instance) -> None:
    """An operation ended with another current version, and the report stays as it was."""
    first = hello().current
    assert first is not None
    other = Version.objects.create(
        unikernel=hello(),
        number=2,
        digest=first.digest,
        configuration=first.configuration | {"memory": 99},
        sealed_arguments=first.sealed_arguments,
        origin=Version.Origin.CONFIGURED,
    )
    Unikernel.objects.update(current=other)
    reconcile(managed)
    assert hello().changed_outside


# --- beside operations -------------------------------------------------------------------------------


def test_while_an_operation_works_only_facts_are_written(
    managed: Instance, host: SimulatedInstance, run: Run
) -> None:
    operation = working(hello())
    replace(host, run, Arguments(memory=48))
    reconcile(managed)
    assert hello().observed["memory"] == 48
    assert not hello().changed_outside
    Operation.objects.filter(pk=operation.pk).update(finished_at=timezone.now())
    reconcile(Instance.objects.get())
    assert hello().changed_outside


def test_while_an_operation_works_nothing_is_missing(managed: Instance, host: SimulatedInstance) -> None:
    working(hello())
    end(host, "robur:hello")
    for _ in range(3):
        reconcile(managed)
    assert hello().state == Presence.RUNNING


def test_what_an_operation_ended_meanwhile_is_newer_than_the_report(
    managed: Instance, host: SimulatedInstance, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = working(hello())
    old = hello().fingerprint

    def finish() -> None:
        replace(host, run, Arguments(memory=48))
        write_observed(hello(), host.running()["robur:hello"], timezone.now())
        Operation.objects.filter(pk=operation.pk).update(finished_at=timezone.now())

    when_asked(monkeypatch, finish)
    reconcile(managed)
    assert hello().observed["memory"] == 48
    assert hello().fingerprint != old
    assert not hello().changed_outside


def test_what_an_operation_destroyed_meanwhile_stays_stopped(
    managed: Instance, host: SimulatedInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = working(hello())

    def finish() -> None:
        end(host, "robur:hello")
        Unikernel.objects.update(state=Presence.STOPPED)
        Operation.objects.filter(pk=operation.pk).update(finished_at=timezone.now())

    when_asked(monkeypatch, finish)
    reconcile(managed)
    assert hello().state == Presence.STOPPED
    assert "unikernel.returned" not in kinds()


def test_writing_what_was_seen_twice_writes_once(managed: Instance, host: SimulatedInstance) -> None:
    info = host.running()["robur:hello"]
    write_observed(hello(), info, timezone.now())
    Unikernel.objects.update(digest="left alone")
    write_observed(hello(), info, timezone.now())
    assert hello().digest == "left alone"


def test_what_is_seen_for_the_first_time_runs(
    instance: Instance, robur: Team, run: Run, host: SimulatedInstance
) -> None:
    row = Unikernel.objects.create(instance=instance, team=robur, path="robur", name="hello")
    run("robur:hello")
    at = timezone.now()
    write_observed(row, host.running()["robur:hello"], at)
    assert (hello().state, hello().state_since) == (Presence.RUNNING, at)


def test_what_is_not_there_has_no_facts_and_keeps_its_state(managed: Instance) -> None:
    write_observed(hello(), None, timezone.now().timestamp())
    assert observed_of(hello()) is None
    assert (hello().state, hello().digest, hello().started) == (Presence.RUNNING, "", None)
