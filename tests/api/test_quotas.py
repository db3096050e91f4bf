"""Quotas: what was granted, what is enforced, what is used; granted by superusers."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Quota, User
from albatross.messages import Policy
from albatross.models import ObservedPolicy
from albatross.simulator import SimulatedInstance
from tests.api.caller import Caller
from tests.api.house import House, fields_of, instance_row
from tests.api.world import World
from tests.cast import ClientOf

LIMITS: dict[str, Any] = {"unikernels": 2, "memory": 128, "block": 32, "cpuids": [0], "bridges": ["service"]}


@pytest.fixture
def superuser(root: User, client_of: ClientOf) -> Caller:
    """One who knows what is replaced."""
    return Caller(client_of(root)).saying(If_Match="*")


def test_a_quota_tells_granted_observed_used_and_free(house: House, viewer: Caller) -> None:
    lower = Policy(unikernels=9, cpuids=frozenset({0}), memory=100, block=None, bridges=frozenset())
    ObservedPolicy.objects.update(**fields_of(lower))
    quota = viewer.get("quotas/robur/fra-1/").json()
    assert quota["granted"]["memory"] == 256
    assert quota["observed"] == fields_of(lower)
    assert quota["used"] == {"unikernels": 3, "memory": 96, "block": 16}
    assert quota["free"] == {"unikernels": 1, "memory": 4, "block": -16}
    assert viewer.get("quotas/").json()["items"] == [quota]


def test_one_that_was_never_applied_has_nothing_observed(house: House, viewer: Caller) -> None:
    ObservedPolicy.objects.all().delete()
    Quota.objects.update(state="pending", problem="policy not allowed")
    quota = viewer.get("quotas/robur/fra-1/").json()
    assert (quota["state"], quota["problem"], quota["observed"]) == ("pending", "policy not allowed", None)
    assert quota["free"]["memory"] == 256 - 96


def test_the_list_is_filtered(house: House, viewer: Caller) -> None:
    other = instance_row("ams-1")
    Quota.objects.create(team=house.team, instance=other, unikernels=1, memory=16)
    found = viewer.get("quotas/", instance="ams-1").json()["items"]
    assert [(item["team"], item["instance"]) for item in found] == [("robur", "ams-1")]
    assert len(viewer.get("quotas/", team="robur").json()["items"]) == 2


def test_a_grant_is_applied_on_the_instance(world: World, superuser: Caller) -> None:
    answer = superuser.put("quotas/robur/fra-1/", LIMITS)
    assert answer.status_code == 200
    assert answer.json()["state"] == "applied"
    assert answer.json()["granted"] == LIMITS
    assert answer.json()["observed"] == LIMITS
    assert superuser.put("quotas/robur/fra-1/", LIMITS).json()["granted"] == LIMITS
    assert Quota.objects.filter(team=world.team).count() == 1


def test_a_dry_run_grants_nothing(world: World, superuser: Caller) -> None:
    before = Quota.objects.get(team=world.team).policy()
    plan = superuser.put("quotas/robur/fra-1/", LIMITS | {"memory": 10**6}, dry_run="true").json()
    assert plan["warnings"]
    assert Quota.objects.get(team=world.team).policy() == before


def test_what_the_instance_does_not_have_is_refused(world: World, superuser: Caller) -> None:
    answer = superuser.put("quotas/robur/fra-1/", LIMITS | {"bridges": ["nowhere"]})
    assert answer.status_code == 422
    assert "nowhere" in answer.json()["errors"][0]["detail"]


def test_an_unreachable_instance_leaves_it_pending(
    world: World, superuser: Caller, simulated: SimulatedInstance
) -> None:
    simulated.stop()
    answer = superuser.put("quotas/robur/fra-1/", LIMITS)
    assert answer.status_code == 200
    assert answer.json()["state"] == "pending"
    assert answer.json()["problem"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"unikernels": -1}, "unikernels"),
        ({"unikernels": None}, "unikernels"),
        ({"memory": "much"}, "memory"),
        ({"cpuids": [-1]}, "cpuids/0"),
        ({"cpuids": []}, "cpuids"),
        ({"bridges": ["b" * 64]}, "bridges/0"),
        ({"disk": 3}, "disk"),
    ],
)
def test_what_is_wrong_is_named(
    change: dict[str, Any], pointer: str, house: House, superuser: Caller
) -> None:
    answer = superuser.put("quotas/robur/fra-1/", LIMITS | change)
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize("path", ["quotas/nobody/fra-1/", "quotas/robur/nowhere/"])
def test_nobody_gets_a_quota_nowhere(path: str, house: House, superuser: Caller) -> None:
    assert superuser.put(path, LIMITS).status_code == 404
