"""What is told, to whom, and what never is: every kind of event from where it happens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.actors import SYSTEM, Actor
from accounts.models import ApiToken, Role, Team, User
from accounts.services import member_remove, member_set, team_create, token_issue
from mollymawk.errors import Refused
from tests.alerts.conftest import Clock, answer, silence
from tests.alerts.conftest import clock as clock  # noqa: PLC0414 - a fixture
from tests.api.house import ARGUMENTS, House, under_way
from tests.mail.ends import CONSOLE, ended, window
from tests.webhooks.conftest import Hook
from unikernels.builds import standings
from unikernels.checks import schedule
from unikernels.checks.probes import Found
from unikernels.checks.rounds import Result
from unikernels.models import Check, CheckResult, Operation, RollbackWindow, Unikernel
from unikernels.models import Standing as StandingRow
from unikernels.operations.machine import Kind as Change
from unikernels.operations.machine import Running, State
from unikernels.webhooks import telling
from unikernels.webhooks.kinds import CHOICES, Kind
from unikernels.webhooks.models import Delivery, Webhook
from unikernels.windows import guard

pytestmark = pytest.mark.django_db

EVERYWHERE = "https://hooks.example.org/"


@pytest.fixture
def hook(hook_to: Hook) -> Webhook:
    return hook_to(EVERYWHERE)[0]


def told(*kinds: Kind) -> list[tuple[str, Any]]:
    """Type and data of everything that was written (of *kinds*), oldest first."""
    rows = Delivery.objects.order_by("pk")
    if kinds:
        rows = rows.filter(kind__in=kinds)
    bodies = [json.loads(row.body) for row in rows]
    return [(body["type"], body["data"]) for body in bodies]


def only(*kinds: Kind) -> Any:
    """The data of the only one."""
    ((_, data),) = told(*kinds)
    return data


# --- operations --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state", [State.SUCCEEDED, State.ABORTED, State.CANCELLED, State.ROLLED_BACK, State.FAILED]
)
def test_every_end_of_an_operation_is_told_as_what_it_is(house: House, hook: Webhook, state: State) -> None:
    running = Running.NO if state is State.FAILED else ""
    operation = ended(house, Change.UPGRADE, state, running)
    telling.operation_ended(operation)
    ((kind, data),) = told()
    assert kind == f"operation.{state.value.replace('-', '_')}"
    assert (data["team"], data["name"], data["instance"]) == ("robur", "robur:hello", "fra-1")
    assert data["operation"]["state"] == state
    assert data["operation"]["running"] == (running or None)
    assert data["operation"]["page"].endswith(f"/operations/{operation.pk}/")
    assert (data["version"], data["fallback"]) == (2, 1)


def test_no_argument_no_token_and_no_console_line_gets_out(
    house: House, hook: Webhook, alice: User, robur: Team
) -> None:
    """Planted: in the words of an instance, in a check's text, in the reason of a window."""
    _, token = token_issue(actor=Actor(alice, "session"), team=robur, name="ci", role=Role.DEPLOYER)
    key = "-----BEGIN PRIVATE KEY-----\nMIIEcanary\n-----END PRIVATE KEY-----"
    planted = f"It ended: bad option {ARGUMENTS[1]} swordfish {token} {key}"
    operation = ended(house, Change.UPGRADE, State.FAILED, Running.NO, reason=planted, cause=f"{token}")
    telling.operation_ended(operation)
    house.check.settings = {"url": "http://10.0.0.2/?key=canary-url"}
    telling.check_changed(house.check, f"It said {token} {key}")
    telling.not_reverted(RollbackWindow(unikernel=house.unikernel), f"because of {token}")
    telling.alert_changed(house.alert)
    bodies = "".join(Delivery.objects.values_list("body", flat=True))
    assert "It ended: bad option [hidden]" in bodies
    canaries = ["swordfish", "canary", "MIIE", token[12:], CONSOLE[0], *ARGUMENTS]
    assert [canary for canary in canaries if canary in bodies] == []


def test_what_was_taken_back_in_its_window_is_told_too(house: House, hook: Webhook) -> None:
    telling.operation_reverted(ended(house, Change.UPGRADE, State.SUCCEEDED, reverted=True))
    assert only(Kind.OPERATION_REVERTED)["operation"]["reverted"] is True


def test_a_window_that_cannot_go_back_is_told_once(
    house: House, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    window(ended(house, Change.UPGRADE, State.SUCCEEDED))
    Unikernel.objects.filter(pk=house.unikernel.pk).update(state=Unikernel.Presence.MISSING)
    RollbackWindow.objects.update(results=[False])

    def rollback(**_: object) -> None:
        raise Refused("Its bytes are gone.")

    monkeypatch.setattr(guard, "rollback", rollback)
    for _ in range(2):
        guard.watch(RollbackWindow.objects.get().pk)
    assert "Its bytes are gone." in only(Kind.NOT_REVERTED)["reason"]


# --- checks, alerts, updates -------------------------------------------------------------------------


def test_checks_that_go_down_and_come_up_are_told(house: House, hook: Webhook) -> None:
    def say(outcome: str) -> None:
        Check.objects.update(due_at=timezone.now())
        check = Check.objects.select_related("unikernel__instance", "unikernel__team").get(pk=house.check.pk)
        found = Found(CheckResult.Outcome(outcome), 0.01, f"It {outcome}.")
        schedule._stand(Result(check, timezone.now(), found))

    for outcome in ("passed", "failed", "failed", "passed"):
        say(outcome)
    assert [(kind, data["check"]["state"], data["check"]["text"]) for kind, data in told()] == [
        ("check.down", "down", "It failed."),
        ("check.up", "up", "It passed."),
    ]


def test_an_alert_is_told_at_once_and_when_it_is_over(clock: Clock, hook: Webhook) -> None:
    silence(clock.now)
    clock.pass_(minutes=5)
    clock.pass_(seconds=1)
    assert [kind for kind, _ in told()] == ["alert.opened"]
    assert only()["alert"]["rule"] == "silent"
    answer()
    clock.pass_(seconds=1)
    clock.pass_(seconds=1)
    assert [kind for kind, _ in told()] == ["alert.opened", "alert.over"]
    assert told()[1][1]["alert"]["resolved_at"] is not None


def test_checks_and_operations_are_told_by_their_own_types_only(clock: Clock, hook: Webhook) -> None:
    under_way(Unikernel.objects.get(name="found"), state=State.FAILED, finished_at=clock.now, running="no")
    clock.pass_(minutes=1)
    assert told() == []


def test_an_alert_that_flaps_is_told_if_it_stays(clock: Clock, hook: Webhook) -> None:
    silence(clock.now)
    clock.pass_(minutes=5)
    answer()
    clock.pass_(seconds=1)
    for _ in range(2):
        silence(clock.now)
        clock.pass_(minutes=5)
        answer()
        clock.pass_(seconds=1)
    assert [kind for kind, _ in told()] == ["alert.opened", "alert.over"]
    silence(clock.now)
    clock.pass_(minutes=5)
    clock.pass_(minutes=30)
    assert [kind for kind, _ in told()] == ["alert.opened", "alert.over", "alert.opened"]


def test_an_alert_of_an_instance_is_told_to_teams_that_run_something_there(
    clock: Clock, hook: Webhook, hook_to: Hook, charlie: User
) -> None:
    elsewhere = team_create(actor=SYSTEM, name="elsewhere", owner=charlie)
    hook_to(EVERYWHERE, "alert.opened", team=elsewhere)
    silence(clock.now)
    clock.pass_(minutes=5)
    assert only(Kind.ALERT_OPENED)["team"] == "robur"


def test_a_newer_build_is_told_once_also_after_it_was_put_in_place_and_taken_back(
    house: House, hook: Webhook
) -> None:
    build, newer = house.build, house.newer
    Unikernel.objects.update(newest=None, standing="")
    StandingRow.objects.create(
        builder=house.builder,
        digest=build.digest,
        standing="update",
        newest=newer,
        judged_at=timezone.now(),
    )
    old = house.unikernel.digest
    for digest in (old, newer.digest, old):
        Unikernel.objects.filter(pk=house.unikernel.pk).update(digest=digest)
        standings.settle()
    data = [data for _, data in told(Kind.UPDATE_AVAILABLE) if data["unikernel"] == house.unikernel.pk]
    assert [(one["standing"], one["build"]["uuid"]) for one in data] == [("update", newer.uuid)]


# --- from the log of events --------------------------------------------------------------------------


def test_members_who_come_and_go_are_told(hook: Webhook, robur: Team, alice: User, charlie: User) -> None:
    actor = Actor(alice, "session")
    member_set(actor=actor, team=robur, user=charlie, role=Role.VIEWER)
    member_set(actor=actor, team=robur, user=charlie, role=Role.OWNER)
    member_remove(actor=actor, team=robur, user=charlie)
    shown = [(kind, data["member"]["role"], data["member"]["was"]) for kind, data in told()]
    assert shown == [
        ("member.changed", "viewer", None),
        ("member.changed", "owner", "viewer"),
        ("member.removed", None, "owner"),
    ]
    assert {(data["by"], data["member"]["email"]) for _, data in told()} == {
        ("alice@example.org", "charlie@example.org")
    }


# --- to whom -----------------------------------------------------------------------------------------


def test_only_webhooks_of_the_team_that_are_on_and_want_it(
    house: House, hook_to: Hook, charlie: User
) -> None:
    other = team_create(actor=SYSTEM, name="other", owner=charlie)
    hook_to(EVERYWHERE, team=other)
    hook_to(EVERYWHERE, "check.down")
    off, _ = hook_to(EVERYWHERE)
    Webhook.objects.filter(pk=off.pk).update(on=False)
    wanted, _ = hook_to(EVERYWHERE, "operation.failed")
    telling.operation_ended(ended(house, Change.UPGRADE, State.FAILED, Running.NO))
    assert Delivery.objects.get().webhook == wanted


def test_every_kind_is_told_somewhere() -> None:
    source = Path(telling.__file__).read_text(encoding="utf-8")
    assert [kind for kind in CHOICES if f"Kind.{kind.name}" not in source] == []


def test_what_belongs_to_no_team_is_told_to_nobody(house: House, hook: Webhook) -> None:
    operation = under_way(house.unmanaged, state=State.FAILED, target=None)
    telling.operation_ended(Operation.objects.get(pk=operation.pk))
    assert told() == []
    assert ApiToken.objects.count() == 0
