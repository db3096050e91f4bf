"""Operations: how far they are, how they ended, and asking for their end."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.actors import SYSTEM
from accounts.events import record
from albatross.messages import NetDevice
from tests.api.caller import Caller
from tests.api.house import House, under_way
from unikernels.configuration import Configuration
from unikernels.models import Operation
from unikernels.operations.machine import Kind, State
from unikernels.operations.services import deploy


def test_an_operation_tells_its_steps_and_events(house: House, deployer: Caller) -> None:
    record(
        actor=SYSTEM,
        kind="operation.restart",
        subject=f"unikernel:{house.busy.pk}",
        operation=house.operation.pk,
        now="preflight",
    )
    Operation.objects.filter(pk=house.operation.pk).update(memo={"console": ["it said no"]})
    body = deployer.get(f"operations/{house.operation.pk}/").json()
    assert [step["status"] for step in body["steps"]][:2] == ["now", "todo"]
    assert [(event["kind"], event["now"]) for event in body["events"]] == [("operation.restart", "preflight")]
    assert body["verdict"]["tone"] == "busy"
    assert body["exit_code"] == 7
    assert body["console"] == ["it said no"]
    assert body["running"] is None


def test_what_the_system_asked_for_says_why(house: House, deployer: Caller) -> None:
    facts = {"cause": "Its checks failed.", "reverted": True}
    Operation.objects.filter(pk=house.operation.pk).update(**facts)
    body = deployer.get(f"operations/{house.operation.pk}/").json()
    assert {name: body[name] for name in facts} == facts
    assert deployer.get("operations/").json()["items"][0]["cause"] == "Its checks failed."


@pytest.mark.parametrize(
    ("memo", "progress"),
    [
        ({}, None),
        ({"fetched": 0, "fetch_size": 0}, None),
        ({"fetched": 0, "fetch_size": 9}, {"fetched": 0, "size": 9}),
        ({"fetched": 5, "fetch_size": 0}, {"fetched": 5, "size": None}),
        ({"fetched": 5, "fetch_size": 9}, {"fetched": 5, "size": 9}),
    ],
)
def test_a_download_tells_how_far_it_is(
    memo: dict[str, int], progress: dict[str, int] | None, house: House, deployer: Caller
) -> None:
    Operation.objects.filter(pk=house.operation.pk).update(memo=memo)
    assert deployer.get(f"operations/{house.operation.pk}/").json()["progress"] == progress


@pytest.mark.parametrize(
    ("state", "running", "told"),
    [
        (State.SUCCEEDED, "", ("ok", 0)),
        (State.ROLLED_BACK, "", ("bad", 6)),
        (State.ABORTED, "", ("warn", 8)),
        (State.CANCELLED, "", ("idle", 8)),
        (State.FAILED, "yes", ("bad", 9)),
        (State.FAILED, "no", ("bad", 9)),
        (State.FAILED, "unknown", ("bad", 9)),
    ],
)
def test_only_succeeded_is_a_success(
    state: State, running: str, told: tuple[str, int], house: House, deployer: Caller
) -> None:
    operation = under_way(
        house.unikernel,
        kind=Kind.CONFIGURE,
        state=state,
        running=running,
        fallback=house.version,
        going_back=state is State.ROLLED_BACK,
        finished_at=timezone.now(),
        memo={"ended_in": "observe"},
    )
    body = deployer.get(f"operations/{operation.pk}/").json()
    assert (body["finished"], body["state"]) == (True, state.value)
    assert (body["verdict"]["tone"], body["exit_code"]) == told
    assert body["running"] == (running or None)
    assert (body["exit_code"] == 0) is (state is State.SUCCEEDED)


def test_a_cancel_is_asked_for(house: House, deployer: Caller) -> None:
    path = f"operations/{house.operation.pk}/cancel/"
    plan = deployer.post(path, dry_run="true")
    assert plan.json()["possible"] is True
    house.operation.refresh_from_db()
    assert house.operation.cancel_asked_at is None
    answer = deployer.post(path)
    assert answer.status_code == 202
    assert answer.headers["Location"].endswith(f"/api/v1/operations/{house.operation.pk}/")
    house.operation.refresh_from_db()
    assert house.operation.cancel_asked_at is not None


def test_a_cancel_asked_for_twice_is_one(house: House, deployer: Caller) -> None:
    path = f"operations/{house.operation.pk}/cancel/"
    deployer.post(path)
    house.operation.refresh_from_db()
    first = house.operation.cancel_asked_at
    assert deployer.post(path).status_code == 202
    house.operation.refresh_from_db()
    assert house.operation.cancel_asked_at == first


def test_what_has_ended_is_not_cancelled(house: House, deployer: Caller) -> None:
    done = under_way(house.unikernel, state=State.SUCCEEDED, finished_at=timezone.now())
    assert deployer.post(f"operations/{done.pk}/cancel/").status_code == 409


def test_a_deploy_beyond_the_commit_point_is_not_cancelled(house: House, deployer: Caller) -> None:
    operation = deploy(
        actor=SYSTEM,
        team=house.team,
        instance=house.instance,
        name="new",
        image=house.image.image,
        configuration=Configuration(memory=16, networks=(NetDevice("service", "service"),)),
    )
    Operation.objects.filter(pk=operation.pk).update(state=State.OBSERVE, armed_at=timezone.now())
    answer = deployer.post(f"operations/{operation.pk}/cancel/")
    assert answer.status_code == 422
    assert "estroy" in answer.json()["detail"]
